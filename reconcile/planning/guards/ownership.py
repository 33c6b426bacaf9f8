"""Who may have what: whether a change does to somebody's account what only the rules may do.

The planner never makes a change that is found here. A plan file can hold any, under any name, so
these guards compare the state before with the state after and never go by what a change is called.
An account, group or department changes hands when its source changes, or the entry it stands for.
That takes a rule of the configuration (`adopt_local`, `takes_over`, `match_by`) whose facts agree,
or a link of the files. What belongs to no source is nobody's to change, and a source gives roles
and memberships to its own users alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, TypeAlias

import msgspec

from reconcile.model.change import Change, Fields, Kind, Violation
from reconcile.model.desired import DesiredState, Source
from reconcile.model.named_state import Names
from reconcile.model.platform import Department, Group, PlatformState, User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.planning.selection.source_names import as_declared
from reconcile.planning.target.matching import ENOUGH, independent, user_facts

Thing: TypeAlias = User | Group | Department

_CODES: Final[Mapping[Kind, str]] = {
    "user": "account_taken",
    "group": "group_taken",
    "department": "department_taken",
}


def beyond_rules(
    changes: Iterable[Change], state: PlatformState, desired: DesiredState
) -> Iterator[Violation]:
    """The violations in the changes of one workspace; nobody can accept them."""
    changes = list(changes)
    hands = _Hands(changes, state, desired)
    done: set[tuple[str, ...]] = set()
    for change in changes:
        parts = _parts(change)
        if done & parts:
            why, code = "another change is about the same", "not_its_own"
        elif change.kind in _CODES:
            why, code = hands.changed(change), _CODES[change.kind]
        elif change.kind in ("grant", "membership"):
            why, code = hands.given(change), "not_its_own"
        else:
            why, code = hands.declared(change), "not_its_own"
        done |= parts
        why, code = (why, code) if why else (hands.misnamed(change), "not_its_own")
        if why:
            place = f"{state.workspace}/{change.key}"
            detail = f"{change.kind} {change.key}: {why}: no rule of the configuration does that. Make a new plan"
            yield Violation(state.workspace, f"{code}:{place}:1", detail, acceptable=False)


class _Hands:
    """What there is in a workspace, by name, before the changes and after them."""

    def __init__(
        self, changes: Iterable[Change], state: PlatformState, desired: DesiredState
    ) -> None:
        names = Names(state)
        self._sources = {source.name: source for source in desired.sources}
        self._adopts = desired.lifecycle.adopt_local
        self._roles = {one.role for one in desired.role_mappings} | {
            one.role for one in desired.departments
        }
        self._links = {(link.kind, fold_name(link.name), link.source) for link in desired.links}
        self._linking = {(link.kind, link.source) for link in desired.links}
        self._there: dict[tuple[Kind, str], Thing] = {
            **{("user", one.username): one for one in state.users},
            **{("group", one.name): one for one in state.groups},
            **{("department", names.path(one.id)): one for one in state.departments},
        }
        changes = [one for one in changes if one.after is not None and one.kind in _CODES]
        self._handed = {
            (one.kind, one.key): str((one.after or {})["source"] or "")
            for one in changes
            if one.before is not None and "source" in (one.after or {})
        }
        """Kind and name of now of what changes hands → its new source."""
        self._owners: dict[tuple[Kind, str], str] = {}
        """Kind and folded name in the wanted state → whose it is; departments are referred to by
        none."""
        for (kind, name), one in self._there.items():
            self._owners[kind, fold_name(name)] = self._handed.get((kind, name), one.source)
        self._twice: set[tuple[Kind, str]] = set()
        """Kind and folded name in the wanted state that two of the changes give."""
        given: set[tuple[Kind, str]] = set()
        for change in changes:
            named = (change.after or {}).get("username" if change.kind == "user" else "name")
            if named and change.kind != "department":
                at = (change.kind, fold_name(str(named)))
                self._owners[at] = self._source_after(change)
                (self._twice if at in given else given).add(at)

    def _source_after(self, change: Change) -> str:
        """Whose it is once all is done; that of what is deleted is who had it."""
        if change.before is None:
            return str((change.after or {}).get("source") or "")
        at = (change.kind, change.key)
        there = self._there.get(at)
        return self._handed.get(at, there.source if there is not None else "")

    def _owner(self, kind: Kind, name: str) -> str:
        """Whose the user or group of this name in the wanted state is."""
        return self._owners.get((kind, fold_name(name)), "")

    def declared(self, change: Change) -> str:
        """Why a source may not be changed so; "" where it becomes what the files say."""
        source = self._sources.get(change.key)
        if source is None:
            return "it is not declared"
        known = msgspec.structs.asdict(as_declared(source))
        other = [field for field, value in (change.after or {}).items() if known[field] != value]
        return f"the files say something else of its {', '.join(other)}" if other else ""

    def changed(self, change: Change) -> str:
        """Why a user, group or department may not be changed so; "" where it may."""
        now, after = self._source_after(change), change.after or {}
        before = self._there.get((change.kind, change.key))
        named = str(after.get("username" if change.kind == "user" else "name") or "")
        if (change.kind, fold_name(named)) in self._twice:
            return f"another change gives the name {named}, too"
        if change.before is None:
            return (
                ""
                if now in self._sources
                else f"it would be of {_source(now)}, which is not declared"
            )
        if before is None:  # the plan is stale, which is found elsewhere
            return ""
        if change.kind == "group" and "groups" in after:
            return self._nested(change, now)
        if not before.source and not now:
            return _of_nobody(change)
        linked = (change.kind, fold_name(change.key), now) in self._links
        hands = change.after is not None and not linked and self._changes_hands(change, before, now)
        return self._may_take(change, before, now) if hands else ""

    def _changes_hands(self, change: Change, before: Thing, now: str) -> bool:
        """Whether it is another source's, or another entry's, afterwards."""
        after = change.after or {}
        if "source" in after and before.source != now:
            return True
        own = _now(before, after, "external_id")
        if own or before.external_id:
            return own.lower() != before.external_id.lower()
        return not _same_dn(_now(before, after, "dn"), before.dn)

    def _may_take(self, change: Change, before: Thing, now: str) -> str:
        """Why no rule hands it over; "" where one does."""
        source = self._sources.get(now)
        if source is None:
            return (
                f"it would be of {_source(now)}, which is not declared"
                if now
                else "it would be of no source"
            )
        if not before.source:
            return self._may_adopt(change, before, source)
        if before.source != now and before.source not in source.takes_over:
            return f"{now} would take it from {before.source}, which is not in its takes_over"
        after = change.after or {}
        if not _now(before, after, "external_id") and not _now(before, after, "dn"):
            # What a link gives to another one stands for nobody, and so does what is erased.
            left = after.get("status") == "erased" or (change.kind, now) in self._linking
            return "" if left else "it would stand for no entry of the directory"
        if change.action != "relink":
            return "it would stand for another entry of the directory"
        return _too_little_in_common(before, after, source)

    def _may_adopt(self, change: Change, before: Thing, source: Source) -> str:
        after = change.after or {}
        if not isinstance(before, User) or change.action != "adopt" or self._adopts == "never":
            return f"{source.name} would take what belongs to no source"
        if fold_name(_now(before, after, "username")) != fold_name(before.username):
            return f"{source.name} would take an account of another name"
        email = _now(before, after, "email")
        if self._adopts == "matching_email" and not (
            email and fold_name(email) == fold_name(before.email)
        ):
            return f"{source.name} would take an account with another e-mail address"
        return ""

    def _nested(self, change: Change, now: str) -> str:
        """Why a group may not be put into another; "" where it may, or where it is taken out."""
        groups = (change.after or {})["groups"]
        origins = (
            {origin for origin in groups.values() if origin is not None}
            if isinstance(groups, dict)
            else set()
        )
        if origins <= {now} & self._sources.keys():
            return ""
        return f"{_source(min(origins - {now} or origins))} would put it into another group"

    def given(self, change: Change) -> str:
        """Why a role or membership may not be given so; "" where it may."""
        after = change.after
        if after is None:
            return ""
        origin, user = str(after["origin"] or ""), str(after["user"])
        if origin not in self._sources:
            return f"it would be given by {_source(origin)}, which is not declared"
        if self._owner("user", user) != origin:
            return f"{origin} would give it to a user that is not its own"
        if change.kind == "membership" and self._owner("group", str(after["group"])) != origin:
            return f"{origin} would put a user into a group that is not its own"
        if change.kind == "grant" and after["role"] not in self._roles:
            return "no rule gives this role"
        return ""

    def misnamed(self, change: Change) -> str:
        """Whether the change says that it is of another source than the one it takes from: limits go by sources."""
        expected = self._expected(change)
        return (
            ""
            if change.source in expected
            else f"it is of {_source(min(expected))}, and not of {change.source!r}"
        )

    def _expected(self, change: Change) -> set[str]:
        sides = [side for side in (change.before, change.after) if side is not None]
        match change.kind:
            case "source":
                return {change.key}
            case "grant" | "membership":
                origin = str(sides[0].get("origin") or "")
                return (
                    {origin}
                    if origin or change.after is not None
                    else self._behind(change, sides[0])
                )
            case "group" if change.before is not None and "groups" in change.before:
                origins = [groups for side in sides if isinstance(groups := side["groups"], dict)]
                named = {origin or "" for groups in origins for origin in groups.values()} - {""}
                return named or {self._source_after(change), change.source}
        return {self._source_after(change)}

    def _behind(self, change: Change, before: Fields) -> set[str]:
        """Who takes what a person gave: the source of the user of a grant, or of the group of a membership."""
        kind: Kind = "user" if change.kind == "grant" else "group"
        at = (kind, str(before[kind]))
        there = self._there.get(at)
        return (
            {change.source} if there is None else {there.source, self._handed.get(at, there.source)}
        )


def _parts(change: Change) -> set[tuple[str, ...]]:
    """What a change is about, by the name of now: no two changes of a plan are about the same."""
    about = (change.kind, change.key)
    if change.before is None or change.after is None:
        return {(*about, "create" if change.before is None else "delete")}
    groups = change.after.get("groups")
    nested = {(*about, "groups", name) for name in groups} if isinstance(groups, dict) else set()
    return nested | {(*about, "change", field) for field in change.after if field != "groups"}


def _of_nobody(change: Change) -> str:
    """Why what belongs to no source is not changed so; a manager who is erased is cleared everywhere."""
    if change.kind == "user" and change.after == {"manager": None}:
        return ""
    return "it belongs to no source"


def _too_little_in_common(before: Thing, after: Fields, source: Source) -> str:
    """Why the rules would not take it for that of another entry; "" where enough stays the same."""
    same_dn = _same_dn(_now(before, after, "dn"), before.dn)
    if isinstance(before, User):
        # In a directory without ids the DN was the id.
        agrees = (same_dn and not before.external_id) or _facts_agree(before, after, source)
    else:
        agrees = same_dn or not after.keys() & {"name", "title"}
    return (
        "" if agrees else "it would stand for another entry, with which it has too little in common"
    )


def _facts_agree(before: User, after: Fields, source: Source) -> bool:
    """Whether as many facts stay the same as it takes to match a person and a user."""
    changed = after.get("attributes")
    attributes = before.attributes | (changed if isinstance(changed, dict) else {})
    wanted = msgspec.structs.replace(
        before,
        username=_now(before, after, "username"),
        email=_now(before, after, "email"),
        dn=_now(before, after, "dn"),
        attributes={field: text for field, text in attributes.items() if text is not None},
    )
    was, will = (user_facts(user, source.users.match_by) for user in (before, wanted))
    return (
        independent([fact for fact in was if was[fact] and was[fact] == will[fact]], will) >= ENOUGH
    )


def _now(before: Thing, after: Fields, field: str) -> str:
    """A field as it is once the change is done; "" for none."""
    return str(after[field] or "") if field in after else str(getattr(before, field))


def _same_dn(one: str, other: str) -> bool:
    """Whether they can be the name of one entry, as the widest server compares."""
    first, second = dn.key(one), dn.key(other)
    foldings: tuple[dn.Folding, ...] = ("case", "compatibility")
    return first == second or any(
        dn.wide(first, folding) == dn.wide(second, folding) for folding in foldings
    )


def _source(name: str) -> str:
    return f"the source {name}" if name else "no source"
