"""Who would be synchronised: every person in scope, as the user that a plan would make or keep."""

from collections.abc import Iterator
from typing import Final, Literal, TypeAlias

import msgspec

from reconcile.model.identity import by_id
from reconcile.model.notice import LeftOut, Notice
from reconcile.model.platform import PlatformState, Status, User
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name
from reconcile.planning.planner import (
    Inputs,
    all_left_out,
    notices,
    refuse_impossible,
    source_rules,
    workspace_target,
)
from reconcile.planning.selection.platform_names import PlatformNames
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.target_state import TargetState
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
    left_out: tuple[LeftOut, ...] = ()
    """How many people get no user because of a rule."""


def preview(inputs: Inputs) -> Preview:
    """The planner's answer, person by person, with the notices of a plan. Raises as `make` does."""
    refuse_impossible(inputs)
    rules = source_rules(inputs)
    users: list[Previewed] = []
    skips: list[Skipped] = []
    results = [workspace_target(inputs, rules, current) for current in inputs.current]
    names = PlatformNames(inputs.desired)
    for current, result in zip(inputs.current, results, strict=True):
        names.add(current)
        names.add(result.state)
        accounts = _Accounts(current, result.state)
        users += sorted(_users(accounts, result), key=_by_name)
        skips += _skipped(rules, accounts, result)
        skips += _ignored(current.workspace, rules, result)
    return Preview(
        tuple(users),
        tuple(skips),
        notices(inputs, rules, names, results),
        all_left_out(inputs, rules, results),
    )


def _by_name(previewed: Previewed) -> tuple[str, str, str]:
    return fold_name(previewed.username), previewed.source, previewed.dn


class _Accounts:
    """The users of a workspace before and after the next apply, with their roles and groups."""

    def __init__(self, current: PlatformState, wanted: PlatformState) -> None:
        self.workspace = current.workspace
        self.before = by_id(current.users)
        self.after = by_id(wanted.users)
        self._links_before = _links(current)
        self._links_after = _links(wanted)

    def roles(self, user_id: str) -> tuple[str, ...]:
        """The roles that a user is to have, in alphabetical order."""
        links = self._links_after.get(user_id, ())
        return tuple(sorted(name for kind, name in links if kind == "role"))

    def stays_the_same(self, user_id: str) -> bool:
        """Whether the next apply changes nothing of a user."""
        if self.before.get(user_id) != self.after[user_id]:
            return False
        return self._links_before.get(user_id) == self._links_after.get(user_id)


def _links(state: PlatformState) -> dict[str, set[tuple[str, str]]]:
    """User id → its roles, by name, and its groups, by id."""
    links: dict[str, set[tuple[str, str]]] = {}
    for grant in state.grants:
        links.setdefault(grant.user, set()).add(("role", grant.role))
    for membership in state.memberships:
        links.setdefault(membership.user, set()).add(("group", membership.group))
    return links


def _users(accounts: _Accounts, result: TargetState) -> Iterator[Previewed]:
    """The candidates, as users. A held one is shown with its skip."""
    for candidate in result.candidates:
        if candidate.held:
            continue
        own_id = user_id(candidate)
        user, old = accounts.after[own_id], accounts.before.get(own_id)
        yield Previewed(
            accounts.workspace,
            user.source,
            user.username,
            user.first_name,
            user.last_name,
            user.email,
            user.dn,
            accounts.roles(own_id),
            user.status,
            old is not None,
            _action(old, same=accounts.stays_the_same(own_id)),
        )


def _action(old: User | None, *, same: bool) -> Action:
    """What the next apply does; `same`: nothing of the account changes."""
    if old is None:
        return "create"
    if same:
        return "none"
    return "update" if old.source else "adopt"


def _skipped(
    rules: list[SourceRules], accounts: _Accounts, result: TargetState
) -> Iterator[Skipped]:
    """The skips of persons; those of groups, departments and members belong to a plan."""
    indexes = {of_source.source.name: of_source.index for of_source in rules}
    for skip in sorted(result.skips):
        position = indexes[skip.source].persons.get(dn.key(skip.dn))
        if position is None or skip.kind != "user":
            continue
        user = result.matched[skip.source].get(position)
        skipped = Skipped(
            workspace=skip.workspace,
            source=skip.source,
            username=skip.username,
            dn=skip.dn,
            exists=user is not None,
            code=skip.code,
            detail=skip.detail,
        )
        if user is not None and user.id in accounts.after:
            yield msgspec.structs.replace(
                skipped,
                status=accounts.after[user.id].status,
                action="none" if accounts.stays_the_same(user.id) else "update",
            )
        else:
            yield skipped


def _ignored(workspace: str, rules: list[SourceRules], result: TargetState) -> Iterator[Skipped]:
    """Persons left out by `on_deleted: ignore`: no skip, because nothing is to be fixed."""
    for of_source in rules:
        source = of_source.source.name
        persons = map(of_source.index.person, result.people[source].ignored)
        for person in sorted(persons, key=lambda person: person.dn):
            yield Skipped(
                workspace=workspace,
                source=source,
                username=person.identifier,
                dn=person.dn,
                exists=False,
                code="ignored",
                detail=_IGNORED,
            )
