"""Who would be synchronised: every person in scope, as the user that a plan would make or keep."""

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import msgspec

from reconcile.model.notice import Notice
from reconcile.model.platform import PlatformState, Status, User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.planning.planner import Inputs, notices, refuse_impossible, source_rules, worked_out
from reconcile.planning.selection.rule_counts import PlatformNames
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.target_state import Wanted
from reconcile.planning.target.users import user_id

_IGNORED: Final = (
    "the user was deleted on the platform, and lifecycle.on_deleted is ignore;"
    " name the person in select to undo this"
)
Action: TypeAlias = Literal["create", "adopt", "update", "none"]


class Previewed(msgspec.Struct, frozen=True):
    """One person in scope. `action`: what the next apply does to the account and its links."""

    workspace: str
    source: str
    username: str
    first_name: str
    last_name: str
    email: str
    dn: str
    roles: tuple[str, ...]
    status: Status
    exists: bool
    action: Action


class Skipped(msgspec.Struct, frozen=True):
    """One person in scope who cannot be synchronised, and why.

    One who exists gains nothing, and loses what the directory takes away: `status` and `action` say
    what the next apply does to the user, "" if there is none. `code` is that of the skip, or
    `ignored`: the user was deleted on the platform and is not created again.
    """

    workspace: str
    source: str
    username: str
    dn: str
    exists: bool
    code: str
    detail: str
    status: Status | Literal[""] = ""
    action: Action | Literal[""] = ""


class Preview(msgspec.Struct, frozen=True):
    """Everybody in scope: `users` by workspace and username; `skips` and `notices` as in a plan."""

    users: tuple[Previewed, ...]
    skips: tuple[Skipped, ...]
    notices: tuple[Notice, ...] = ()


def preview(inputs: Inputs) -> Preview:
    """The planner's answer, person by person, with the notices of a plan. Raises as `make` does."""
    refuse_impossible(inputs)
    rules = source_rules(inputs)
    users: list[Previewed] = []
    skips: list[Skipped] = []
    results = [worked_out(inputs, rules, current) for current in inputs.current]
    names = PlatformNames(inputs.desired)
    for current, result in zip(inputs.current, results, strict=True):
        names.add(current)
        names.add(result.state)
        users += sorted(
            _users(current, result), key=lambda one: (fold_name(one.username), one.source, one.dn)
        )
        skips += _skipped(rules, current, result)
        skips += _ignored(current.workspace, rules, result)
    return Preview(tuple(users), tuple(skips), notices(inputs, rules, names, results))


def _users(current: PlatformState, result: Wanted) -> Iterator[Previewed]:
    before = {user.id: user for user in current.users}
    after = {user.id: user for user in result.state.users}
    had, roles = _linked(current), _linked(result.state)
    for candidate in result.candidates:
        if candidate.held:
            continue
        own = user_id(candidate)
        user, old = after[own], before.get(own)
        same = old == user and had.get(own) == roles.get(own)
        yield Previewed(
            current.workspace,
            user.source,
            user.username,
            user.first_name,
            user.last_name,
            user.email,
            user.dn,
            tuple(sorted(name for kind, name in roles.get(own, ()) if kind == "role")),
            user.status,
            old is not None,
            _action(old, same=same),
        )


def _action(old: User | None, *, same: bool) -> Action:
    """What the next apply does; `same`: nothing of the account changes."""
    if old is None:
        return "create"
    if same:
        return "none"
    return "update" if old.source else "adopt"


def _linked(state: PlatformState) -> dict[str, set[tuple[str, str]]]:
    """User id → its roles, by name, and its groups, by id."""
    found: dict[str, set[tuple[str, str]]] = {}
    for grant in state.grants:
        found.setdefault(grant.user, set()).add(("role", grant.role))
    for membership in state.memberships:
        found.setdefault(membership.user, set()).add(("group", membership.group))
    return found


def _skipped(rules: list[SourceRules], current: PlatformState, result: Wanted) -> Iterator[Skipped]:
    """The skips of persons; those of groups, departments and members belong to a plan."""
    before = {user.id: user for user in current.users}
    after = {user.id: user for user in result.state.users}
    had, has = _linked(current), _linked(result.state)
    by_source = {one.source.name: one for one in rules}
    for skip in sorted(result.skips):
        position = by_source[skip.source].index.persons.get(dn.key(skip.dn))
        if position is not None and skip.kind == "user":
            user = result.matched[skip.source].get(position)
            told = (
                skip.workspace,
                skip.source,
                skip.username,
                skip.dn,
                user is not None,
                skip.code,
                skip.detail,
            )
            if user is None or user.id not in after:
                yield Skipped(*told)
            else:
                same = before.get(user.id) == after[user.id] and had.get(user.id) == has.get(
                    user.id
                )
                yield Skipped(*told, after[user.id].status, "none" if same else "update")


def _ignored(workspace: str, rules: list[SourceRules], result: Wanted) -> Iterator[Skipped]:
    """Persons left out by `on_deleted: ignore`: no skip, because nothing is to be fixed."""
    for one in rules:
        name = one.source.name
        persons = (one.index.snapshot.persons[at] for at in result.people[name].ignored)
        for person in sorted(persons, key=lambda person: person.dn):
            yield Skipped(workspace, name, person.identifier, person.dn, False, "ignored", _IGNORED)
