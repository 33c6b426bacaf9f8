"""The state that the rules demand of one workspace, in the same type as the current state."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache

import msgspec

from reconcile.model.change import Skip
from reconcile.model.desired import DesiredState, Link
from reconcile.model.identity import by_id, ids
from reconcile.model.platform import (
    Abilities,
    Department,
    Grant,
    Group,
    PlatformState,
    Source,
    User,
)
from reconcile.model.text.folding import fold_name
from reconcile.planning.changes.reasons import Reasons
from reconcile.planning.selection.source_names import as_declared
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target import departures, memberships
from reconcile.planning.target import users as accounts
from reconcile.planning.target.linking import LinkedObjects
from reconcile.planning.target.mirrors import group_nesting, groups_and_departments
from reconcile.planning.target.mirrors.mirroring import Mirrored
from reconcile.planning.target.people.candidates import Candidate, SourcePeople
from reconcile.planning.target.people.gathering import gather, settle_usernames


class TargetState(msgspec.Struct):
    """The wanted state, what could not be part of it, and why things are as they are.

    `candidates` are the persons who become users or stay users; `matched`: source → position of a
    person → its user now; `people` are those of each source before usernames were settled.
    """

    state: PlatformState
    skips: list[Skip]
    reasons: Reasons
    candidates: list[Candidate]
    matched: dict[str, dict[int, User]]
    people: Mapping[str, SourcePeople]
    links: LinkedObjects


def target_state(
    desired: DesiredState,
    sources: Sequence[SourceRules],
    current: PlatformState,
    abilities: Abilities,
    now: str,
    used: Collection[Link] = (),
) -> TargetState:
    """Works out one workspace from the sources that were read.

    Users of declared sources that were not read stay as they are. `now` (RFC 3339) decides which
    grace periods are over; `used` are links that a run has followed.
    """
    gathered = gather(desired, sources, current, abilities, used, now=now)
    people, links = gathered.people, gathered.links
    skips = [skip for of_source in people.values() for skip in of_source.skips]
    # Departures come first: they free usernames.
    book = accounts.WantedUsers({}, {}, set(), set(), set())
    _depart(desired, people, current, book, now)
    candidates = settle_usernames(people, current, book.deleted | book.erased, skips)
    # Groups and departments.
    departments = groups_and_departments.departments(sources, current, abilities, links.departments)
    groups = groups_and_departments.groups(sources, current, abilities, links.groups)
    skips += departments.skips + groups.skips
    skips += memberships.dangling(
        (rules for rules in sources if not rules.login), current.workspace
    )
    skips += memberships.unknown(sources, current.workspace)
    # Users, then their managers, who are users themselves.
    placing = accounts.DepartmentPlacement(
        departments.ids, by_id(current.departments), departments.held
    )
    accounts.supply(book, candidates, desired.lifecycle, placing, now)
    _keep_others(book, people, current)
    followers = _followers(candidates)
    unclear = accounts.assign_managers(book, candidates, followers, people)
    skips += memberships.unclear_managers(unclear, current.workspace)
    # Memberships and grants of everyone who stays.
    staying = book.users.keys() - book.erased
    held = {accounts.user_id(candidate) for candidate in candidates if candidate.held}
    joining = memberships.MembershipScope(followers, held, groups.held)
    state = PlatformState(
        current.workspace,
        _sources(sources, current),
        departments.wanted,
        group_nesting.nested(sources, groups.wanted, groups.ids, groups.held),
        tuple(book.users.values()),
        current.roles,
        memberships.memberships(sources, current, groups.ids, joining, staying),
        memberships.grants(candidates, current, staying, authoritative=desired.roles.authoritative),
        current.deleted,
    )
    why = _reasons(book, candidates, departments, groups)
    matched = {source: of_source.matched for source, of_source in people.items()}
    return TargetState(state, skips, why, candidates, matched, people, links)


def _keep_others(
    book: accounts.WantedUsers, people: Mapping[str, SourcePeople], current: PlatformState
) -> None:
    """Adds the users that no rule changes. One whose person is back is no longer departed."""
    left = [user for user in current.users if user.id not in book.users]
    matched = _matched(people) if left else set()
    for user in left:
        if user.id in book.deleted:
            continue
        returned = user.departed and user.id in matched
        book.users[user.id] = (
            msgspec.structs.replace(user, departed="", departed_at="") if returned else user
        )


def _matched(people: Mapping[str, SourcePeople]) -> set[str]:
    """Ids of the users who have a person, in scope or not."""
    return set[str]().union(*(ids(of_source.matched.values()) for of_source in people.values()))


def _followers(candidates: Iterable[Candidate]) -> dict[str, dict[int, str]]:
    """Source → position of a person → id of its user, for all who follow the directory."""
    followers: dict[str, dict[int, str]] = {}
    for candidate in candidates:
        of_source = followers.setdefault(candidate.rules.source.name, {})
        of_source[candidate.position] = accounts.user_id(candidate)
    return followers


def _reasons(
    book: accounts.WantedUsers,
    candidates: Sequence[Candidate],
    departments: Mirrored[Department],
    groups: Mirrored[Group],
) -> Reasons:
    """Why users, groups, departments and grants change, as far as the rules say."""
    relinked = {accounts.user_id(candidate) for candidate in candidates if candidate.relinked}
    return Reasons(
        book.reasons,
        _role_reasons(candidates),
        frozenset(groups.ids.values()),
        {"department": departments.reasons, "group": groups.reasons},
        {"department": departments.relinked, "group": groups.relinked, "user": relinked},
        groups.lost,
    )


def _role_reasons(candidates: Iterable[Candidate]) -> Callable[[Grant], str]:
    """Returns a function that says why a grant is made; it builds its table on the first call."""

    @cache
    def by_user() -> dict[str, Candidate]:
        return {accounts.user_id(candidate): candidate for candidate in candidates}

    def reason(grant: Grant) -> str:
        candidate = by_user().get(grant.user)
        if candidate is None:
            return ""
        return candidate.rules.role_reason(candidate.position, grant.role)

    return reason


def _depart(
    desired: DesiredState,
    people: Mapping[str, SourcePeople],
    current: PlatformState,
    book: accounts.WantedUsers,
    now: str,
) -> None:
    """Decides on users who lost their person or their source."""
    # A source that the platform alone knows was never declared, so it was not removed either.
    removed = {source.name for source in current.sources} - set(desired.source_names)
    if not removed and not any(of_source.departed for of_source in people.values()):
        return
    lifecycle = desired.lifecycle
    book.names.update(fold_name(user.username) for user in current.users)
    users = by_id(current.users)
    for of_source in people.values():
        for user_id, how in of_source.departed.items():
            departures.depart(book, users[user_id], lifecycle, how, now)
    kept = _matched(people)
    for user in current.users:
        source_removed = user.source in removed
        if source_removed and user.status != "erased" and user.id not in kept:
            departures.lose_source(book, user, lifecycle.on_source_removed)


def _sources(sources: Iterable[SourceRules], current: PlatformState) -> tuple[Source, ...]:
    """The platform's sources: those that were read as declared, the others unchanged."""
    known = {source.name: source for source in current.sources}
    for rules in sources:
        known[rules.source.name] = as_declared(rules.source)
    return tuple(known.values())
