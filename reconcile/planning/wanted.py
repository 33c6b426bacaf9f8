"""The state that the rules demand of one workspace, as the same type as the one that is there."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import cache

import msgspec

from reconcile.model import dn
from reconcile.model.change import Skip
from reconcile.model.desired import DesiredState
from reconcile.model.folding import fold_name, sole_holders
from reconcile.model.platform import BY_HAND, Grant, Limits, PlatformState, Source, User
from reconcile.planning import accounts, departed, membership, mirrored, nesting
from reconcile.planning.diff import Reasons
from reconcile.planning.naming import Claim, Held, settle, slots
from reconcile.planning.people import Candidate, Gathering, People
from reconcile.planning.rules import SourceRules


class Wanted(msgspec.Struct):
    """The wanted state, who could not be part of it, and why things are as they are.

    `candidates` are those who follow the directory; `matched`: source → position of a person → its user now; `people`
    are those of each source before anybody loses a username to somebody else.
    """

    state: PlatformState
    skips: list[Skip]
    reasons: Reasons
    candidates: list[Candidate]
    matched: dict[str, dict[int, User]]
    people: dict[str, People]


def wanted(
    desired: DesiredState, sources: Sequence[SourceRules], current: PlatformState, limits: Limits, now: str
) -> Wanted:
    """Works out one workspace from the sources read; users of declared sources that were not read stay as they are.

    `now` (RFC 3339) decides which grace periods are over.
    """
    people = gather(desired, sources, current, limits)
    users = {user.id: user for user in current.users}
    book = accounts.Accounts({}, {}, set(), set(), {fold_name(user.username) for user in current.users})
    skips = [skip for one in people.values() for skip in one.skips]
    _depart(desired, people, users, book, now)
    candidates = settle_usernames(people, current, book.deleted | book.erased, skips)

    departments = mirrored.departments(sources, current, limits)
    groups = mirrored.groups(sources, current, limits)
    skips += departments.skips + groups.skips
    skips += membership.dangling((one for one in sources if not one.login), current.workspace)

    there = {department.id: department for department in current.departments}
    accounts.supply(book, candidates, desired.lifecycle, departments.ids, there)
    found = {user.id for one in people.values() for user in one.matched.values()}
    for user in current.users:
        if user.id not in book.users and user.id not in book.deleted:
            returned = user.departed and user.id in found
            book.users[user.id] = msgspec.structs.replace(user, departed="", departed_at="") if returned else user
    followers = {(one.rules.source.name, one.position): accounts.user_id(one) for one in candidates}
    located = {(source, at): user.id for source, one in people.items() for at, user in one.matched.items()} | followers
    accounts.assign_managers(book, candidates, located)
    staying = book.users.keys() - book.erased

    state = PlatformState(
        current.workspace,
        _sources(sources, current),
        departments.wanted,
        nesting.nested(sources, groups.wanted, groups.ids),
        tuple(book.users.values()),
        current.roles,
        membership.memberships(sources, current, groups.ids, followers, staying),
        membership.grants(candidates, current, staying, authoritative=desired.roles.authoritative),
        current.deleted,
    )
    why = Reasons(book.reasons, _role_reasons(candidates), frozenset(groups.ids.values()))
    return Wanted(state, skips, why, candidates, {source: one.matched for source, one in people.items()}, people)


def _role_reasons(candidates: Iterable[Candidate]) -> Callable[[Grant], str]:
    """Tells why a grant is given; the table is made once there is one to ask about."""

    @cache
    def by_user() -> dict[str, Candidate]:
        return {accounts.user_id(one): one for one in candidates}

    def reason(grant: Grant) -> str:
        candidate = by_user().get(grant.user)
        return candidate.rules.role_reason(candidate.position, grant.role) if candidate is not None else ""

    return reason


def gather(
    desired: DesiredState, sources: Iterable[SourceRules], current: PlatformState, limits: Limits
) -> dict[str, People]:
    """The people of each source by its name, matched with the users of this workspace."""
    granted: dict[str, list[str]] = {}
    for grant in current.grants:
        if grant.origin != BY_HAND:
            granted.setdefault(grant.user, []).append(grant.role)
    own: dict[str, list[User]] = {}
    for user in current.users:
        own.setdefault(user.source, []).append(user)
    local = sole_holders((user.username, user) for user in own.get("", ()) if user.status != "erased")
    people = {
        rules.source.name: Gathering(desired, rules, current, limits, granted).gather(
            own.get(rules.source.name, ()), local
        )
        for rules in sources
    }
    _refuse_adoptions(people.values())
    return people


def _refuse_adoptions(people: Iterable[People]) -> None:
    """A local account that two persons would adopt is nobody's: their claims on its name are refused like any other."""
    adopters: dict[str, list[Candidate]] = {}
    for one in people:
        for candidate in one.candidates:
            if candidate.user is not None and not candidate.user.source:
                adopters.setdefault(candidate.user.id, []).append(candidate)
    for rivals in adopters.values():
        for candidate in rivals if len(rivals) > 1 else ():
            candidate.disown()


def _depart(
    desired: DesiredState, people: dict[str, People], users: dict[str, User], book: accounts.Accounts, now: str
) -> None:
    """Decides on everybody who left: the directory, the scope, or with a source that is no longer declared."""
    lifecycle = desired.lifecycle
    for one in people.values():
        for user_id, found in one.departed.items():
            departed.depart(book, users[user_id], lifecycle, "out_of_scope" if found else "missing", now)
    declared = {source.name for source in desired.sources}
    for user in users.values():
        if user.source and user.source not in declared and user.status != "erased":
            departed.lose_source(book, user, lifecycle.on_source_removed)


def settle_usernames(
    people: Mapping[str, People], current: PlatformState, deleted: Collection[str], skips: list[Skip]
) -> list[Candidate]:
    """The candidates who get the username they claim; those who do not become skips.

    `deleted` are the ids of the users whose names the plan frees.
    """
    held = slots(
        (("", fold_name(user.username)), Held(user.id, user.username, user.source, user.dn))
        for user in current.users
        if user.id not in deleted
    )
    claims = (
        Claim(
            fold_name(one.username),
            one.user.id if one.user is not None else "",
            one.rules.source.name,
            one.person.dn,
            one,
            text=one.username,
        )
        for gathered in people.values()
        for one in gathered.candidates
    )
    granted, refused = settle(claims, held, "duplicate_username")
    for refusal in refused:
        claim = refusal.claim
        skips.append(Skip(current.workspace, claim.source, claim.dn, claim.item.username, refusal.code, refusal.detail))
    return [claim.item for claim in granted]


def _sources(sources: Iterable[SourceRules], current: PlatformState) -> tuple[Source, ...]:
    """The sources on the platform: those that were read as they are declared, the others as they are."""
    known = {source.name: source for source in current.sources}
    for rules in sources:
        source = rules.source
        base = source.base_dn
        known[source.name] = Source(source.name, source.type, base, dn.domain(base), source.note)
    return tuple(known.values())
