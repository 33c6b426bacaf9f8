"""Plan files as a forger writes them: any change under any name, with a right SHA-256."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import strategies as st

from reconcile.applying import dumps, loads
from reconcile.applying.allowed_changes import ALLOWED
from reconcile.model.change import Action, Change, Fields, Kind, Plan
from reconcile.model.named_state import StateNames
from reconcile.model.platform import Grant, PlatformState


def forged(plan_file: Path, **header: Any) -> None:
    """Changes what a plan file says of itself."""
    made = loads(plan_file.read_bytes(), str(plan_file))
    plan_file.write_bytes(dumps(msgspec.structs.replace(made, **header)))


def change(
    kind: Kind, action: Action, key: str, before: Fields | None, after: Fields | None, **more: str
) -> Change:
    """A change of corp in main."""
    said = {"reason": "changed in corp", "source": "corp", "workspace": "main"} | more
    return Change(kind, action, key, before, after, **said)


_STATUS: Mapping[Action, tuple[str, ...]] = {
    "create": ("active", "inactive", "blocked"),
    "activate": ("active", "vacation"),
    "deactivate": ("inactive",),
    "block": ("blocked", "blocked_in_directory"),
    "erase": ("erased",),
}
SOURCES = ("corp", "corp", "lab", None, "nowhere")
TEXTS = (
    "",
    "root",
    "guest",
    "u1",
    "u2",
    "new",
    "x@example.com",
    "root@example.com",
    "id-u1",
    "id-root",
    "id-new",
)
POOL: Mapping[str, tuple[str | None, ...]] = {
    "source": SOURCES,
    "origin": SOURCES,
    "status_origin": SOURCES,
    "status_cause": (None, "missing", "disabled"),
    "status_before": (None, "vacation"),
    "departed": (None, "missing"),
    "departed_at": (None, "now", "2020-01-01T00:00:00Z"),
    "role": ("administrator", "clerk", "boss"),
    "group": ("team", "staff", "byhand"),
    "name": ("team", "staff", "byhand", "other"),
    "user": ("root", "guest", "u1", "u2", "u3", "new"),
    "username": ("root", "guest", "u1", "u2", "u3", "new"),
    "external_id": (None, "id-u1", "id-u2", "id-root", "id-new"),
    "email": ("x@example.com", "u1@example.com", "guest@example.com", "root@example.com"),
    "dn": (None, "uid=u1,dc=example,dc=com", "uid=new,dc=example,dc=com"),
    "parent": (None,),
    "department": (None,),
    "manager": (None, "root", "u1"),
}


LOSSES: tuple[Action, ...] = ("block", "deactivate", "erase", "delete")
HANDS = ("source", "external_id", "dn", "email", "username")


@st.composite
def changes(draw: st.DrawFn, state: PlatformState) -> list[Change]:
    """Changes that look valid: of what there is, with the `before` of now; whatever may not be done among them."""
    kinds = st.sampled_from([_losses, _ends, _hands, _hands, _gifts, _gifts, _any])
    number = draw(st.sampled_from([1, 1, 1, 2]))
    found = [one for _ in range(number) for one in draw(draw(kinds)(state))]
    return list({(one.kind, one.action, one.key): one for one in found}.values())


@st.composite
def _losses(draw: st.DrawFn, state: PlatformState) -> list[Change]:
    """Several users put out of service, or ended."""
    names, action = StateNames(state), draw(st.sampled_from(LOSSES))
    found = []
    for user in draw(
        st.lists(
            st.sampled_from(state.users), min_size=1, max_size=3, unique_by=lambda user: user.id
        )
    ):
        fields = names.fields(user)
        after: Fields | None = {"status": _STATUS[action][0]} if action in _STATUS else None
        before = fields if after is None else {"status": fields["status"]}
        found.append(
            change("user", action, user.username, before, after, source=draw(_said(user.source)))
        )
    return found


@st.composite
def _ends(draw: st.DrawFn, state: PlatformState) -> list[Change]:
    """Several memberships and grants that end."""
    names, found = StateNames(state), []
    for pair in draw(
        st.lists(
            st.sampled_from([*state.memberships, *state.grants]),
            min_size=1,
            max_size=4,
            unique=True,
        )
    ):
        kind: Kind = "grant" if isinstance(pair, Grant) else "membership"
        source = draw(_said(pair.origin or names.owner(pair)))  # type: ignore[attr-defined]
        found.append(
            change(kind, "delete", names.key(pair), names.fields(pair), None, source=source)
        )
    return found


@st.composite
def _hands(draw: st.DrawFn, state: PlatformState) -> list[Change]:
    """A user that is to be another one's."""
    user = draw(st.sampled_from(state.users))
    action: Action = draw(st.sampled_from(["adopt", "relink", "update"]))
    changed = sorted(
        draw(st.sets(st.sampled_from(HANDS), max_size=3)) | {draw(st.sampled_from(HANDS[:2]))}
    )
    fields = StateNames(state).fields(user)
    before = {field: fields[field] for field in changed}
    after = {field: draw(_value(field, action)) for field in changed}
    now = after.get("source", fields["source"]) or ""
    return [change("user", action, user.username, before, after, source=draw(_said(str(now))))]


@st.composite
def _gifts(draw: st.DrawFn, state: PlatformState) -> list[Change]:
    """A role or membership for a user who is there, or who is made for it."""
    found, origin = [], draw(st.sampled_from(["corp", "corp", "lab", "nowhere"]))
    user = draw(st.sampled_from([one.username for one in state.users] + ["new"]))
    if user == "new":
        owner = draw(st.sampled_from(["corp", "lab", "nowhere"]))
        entry = {"username": user, "source": owner, "external_id": "id-new", "status": "active"}
        found.append(change("user", "create", user, None, entry, source=owner))
    kind: Kind = draw(st.sampled_from(["grant", "membership"]))
    what = "role" if kind == "grant" else "group"
    target = draw(
        st.sampled_from(
            ["clerk", "administrator"] if kind == "grant" else ["team", "staff", "byhand"]
        )
    )
    fields: Fields = {"user": user, what: target, "origin": origin}
    return [
        *found,
        change(kind, "create", f"{user}/{target}", None, fields, source=draw(_said(origin))),
    ]


def _said(source: str) -> st.SearchStrategy[str]:
    """The source that a change says it is of: as a rule the right one."""
    return st.sampled_from([source] * 8 + ["corp", "lab", ""])


@st.composite
def _any(draw: st.DrawFn, state: PlatformState) -> list[Change]:
    kind, action = draw(st.sampled_from(sorted(ALLOWED)))
    allowed, names = ALLOWED[kind, action], StateNames(state)
    there = names.objects(kind)
    if allowed.before and not there:
        kind, action, allowed, there = "user", "update", ALLOWED["user", "update"], state.users
    after: Fields | None = None
    before: Fields | None = None
    key = ""
    if allowed.before:
        one = draw(st.sampled_from(there))
        key, fields = names.key(one), names.fields(one)
        before = fields
        if allowed.after:
            chosen = draw(
                st.sets(
                    st.sampled_from(sorted(allowed.fields & fields.keys())), min_size=1, max_size=4
                )
            )
            if kind == "group" and "groups" in chosen:
                chosen = {"groups"}
            before = {field: fields[field] for field in sorted(chosen | allowed.needs)}
    if allowed.after:
        fields_after = sorted(before or allowed.fields)
        after = {field: draw(_value(field, action)) for field in fields_after}
        if before is None:
            named = {
                "grant": ("user", "role"),
                "membership": ("user", "group"),
                "user": ("username",),
            }
            parts = named.get(kind, ("title",) if kind == "department" else ("name",))
            key = "/".join(str(after[part]) for part in parts)
        for field in ("attributes", "groups"):
            if before is not None and field in before:
                before[field] = dict.fromkeys(after[field] or {}, None)  # type: ignore[arg-type] # an object
    source = draw(st.sampled_from(["corp", "corp", "corp", "lab", "", "nowhere"]))
    return [change(kind, action, key, before, after, source=source)]


def _value(field: str, action: Action) -> st.SearchStrategy[Any]:
    if field == "status":
        return st.sampled_from(_STATUS.get(action, ("active",)))
    if field == "attributes":
        return st.sampled_from([{}, {"phone": "1"}])
    if field == "groups":
        return st.sampled_from([{"team": "corp"}, {"byhand": "corp"}, {"staff": "lab"}])
    return st.sampled_from(POOL.get(field, TEXTS))


def plan_of(made: Plan, forged_changes: list[Change]) -> Plan:
    """The plan with these changes instead of its own, having gone through a file."""
    data = dumps(
        msgspec.structs.replace(made, changes=tuple(forged_changes), violations=(), accepted=())
    )
    return loads(data, "forged.plan")
