"""The state that the rules demand of one workspace, as the same type as the one that is there."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache

import msgspec

from reconcile.model.change import Skip
from reconcile.model.desired import DesiredState, Link
from reconcile.model.platform import Grant, Limits, PlatformState, Source, User
from reconcile.model.text.folding import fold_name
from reconcile.planning.changes.diff import Reasons
from reconcile.planning.selection.source_names import as_declared
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target import departures, group_nesting, groups_and_departments, memberships
from reconcile.planning.target import users as accounts
from reconcile.planning.target.candidates import Candidate, People
from reconcile.planning.target.gathering import gather, settle_usernames
from reconcile.planning.target.linking import Linked


class Wanted(msgspec.Struct):
    """The wanted state, who could not be part of it, and why things are as they are.

    `candidates` are those who follow the directory; `matched`: source → position of a person → its
    user now; `people` are those of each source before anybody loses a username to somebody else.
    `notices` are what a reader should know of this workspace; what several have is shown once.
    """

    state: PlatformState
    skips: list[Skip]
    reasons: Reasons
    candidates: list[Candidate]
    matched: dict[str, dict[int, User]]
    people: Mapping[str, People]
    links: Linked


def wanted(
    desired: DesiredState,
    sources: Sequence[SourceRules],
    current: PlatformState,
    limits: Limits,
    now: str,
    used: Collection[Link] = (),
) -> Wanted:
    """Works out one workspace from the sources read; users of declared sources that were not read stay as they are.

    `now` (RFC 3339) decides which grace periods are over; `used` are links that a run has followed.
    """
    gathered = gather(desired, sources, current, limits, used)
    people, links = gathered.people, gathered.links
    users = {user.id: user for user in current.users}
    book = accounts.Accounts(
        {}, {}, set(), set(), {fold_name(user.username) for user in current.users}
    )
    skips = [skip for one in people.values() for skip in one.skips]
    _depart(desired, people, users, book, now)
    candidates = settle_usernames(people, current, book.deleted | book.erased, skips)

    departments = groups_and_departments.departments(sources, current, limits, links.departments)
    groups = groups_and_departments.groups(sources, current, limits, links.groups)
    skips += departments.skips + groups.skips
    skips += memberships.dangling((one for one in sources if not one.login), current.workspace)
    skips += memberships.unknown(sources, current.workspace)

    there = {department.id: department for department in current.departments}
    accounts.supply(
        book,
        candidates,
        desired.lifecycle,
        accounts.Placing(departments.ids, there, departments.held),
    )
    found = {user.id for one in people.values() for user in one.matched.values()}
    for user in current.users:
        if user.id not in book.users and user.id not in book.deleted:
            returned = user.departed and user.id in found
            book.users[user.id] = (
                msgspec.structs.replace(user, departed="", departed_at="") if returned else user
            )
    held = {accounts.user_id(one) for one in candidates if one.held}
    followers = {(one.rules.source.name, one.position): accounts.user_id(one) for one in candidates}
    located = {
        (source, at): user.id for source, one in people.items() for at, user in one.matched.items()
    } | followers
    unclear = accounts.assign_managers(book, candidates, located)
    skips += memberships.unclear_managers(unclear, current.workspace)
    staying = book.users.keys() - book.erased

    state = PlatformState(
        current.workspace,
        _sources(sources, current),
        departments.wanted,
        group_nesting.nested(sources, groups.wanted, groups.ids, groups.held),
        tuple(book.users.values()),
        current.roles,
        memberships.memberships(
            sources, current, groups.ids, memberships.Joining(followers, held, groups.held), staying
        ),
        memberships.grants(candidates, current, staying, authoritative=desired.roles.authoritative),
        current.deleted,
    )
    why = Reasons(
        book.reasons,
        _role_reasons(candidates),
        frozenset(groups.ids.values()),
        {"department": departments.reasons, "group": groups.reasons},
        {
            "department": departments.relinked,
            "group": groups.relinked,
            "user": {accounts.user_id(one) for one in candidates if one.relinked},
        },
        groups.lost,
    )
    matched = {source: one.matched for source, one in people.items()}
    return Wanted(state, skips, why, candidates, matched, people, links)


def _role_reasons(candidates: Iterable[Candidate]) -> Callable[[Grant], str]:
    """Tells why a grant is given; the table is made once there is one to ask about."""

    @cache
    def by_user() -> dict[str, Candidate]:
        return {accounts.user_id(one): one for one in candidates}

    def reason(grant: Grant) -> str:
        candidate = by_user().get(grant.user)
        return (
            candidate.rules.role_reason(candidate.position, grant.role)
            if candidate is not None
            else ""
        )

    return reason


def _depart(
    desired: DesiredState,
    people: Mapping[str, People],
    users: dict[str, User],
    book: accounts.Accounts,
    now: str,
) -> None:
    """Decides on everybody who left: the directory, the scope, or with a source that is no longer declared."""
    lifecycle = desired.lifecycle
    for one in people.values():
        for user_id, how in one.departed.items():
            departures.depart(book, users[user_id], lifecycle, how, now)
    declared = {source.name for source in desired.sources}
    kept = {user.id for one in people.values() for user in one.matched.values()}
    for user in users.values():
        if (
            user.source
            and user.source not in declared
            and user.status != "erased"
            and user.id not in kept
        ):
            departures.lose_source(book, user, lifecycle.on_source_removed)


def _sources(sources: Iterable[SourceRules], current: PlatformState) -> tuple[Source, ...]:
    """The sources on the platform: those that were read as they are declared, the others as they are."""
    known = {source.name: source for source in current.sources}
    for rules in sources:
        known[rules.source.name] = as_declared(rules.source)
    return tuple(known.values())
