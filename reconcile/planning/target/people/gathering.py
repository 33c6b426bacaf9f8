"""The people of all sources in one workspace.

Decides which person is which user across sources, and which user gets which username.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import msgspec

from reconcile.model.change import Skip
from reconcile.model.desired import DesiredState, Link
from reconcile.model.identity import entry_id, ids
from reconcile.model.platform import BY_HAND, Abilities, PlatformState, User
from reconcile.model.text.folding import fold_name, sole_holders
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.link_line import link_line
from reconcile.planning.target.linking import LinkedObjects, linked
from reconcile.planning.target.name_claims import Claim, Holders, NameHolder, Refusal, settle, slots
from reconcile.planning.target.people.candidate_finder import CandidateFinder
from reconcile.planning.target.people.candidates import Candidate, SourcePeople


class GatheredPeople(msgspec.Struct, frozen=True):
    """The people of each source by its name, and what the links do."""

    people: Mapping[str, SourcePeople]
    links: LinkedObjects


def gather(
    desired: DesiredState,
    sources: Sequence[SourceRules],
    current: PlatformState,
    abilities: Abilities,
    used: Collection[Link] = (),
    *,
    now: str,
) -> GatheredPeople:
    """The people of the sources that were read, matched with the users of this workspace.

    `now` (RFC 3339) decides which grace periods are over. `used` are links that a run has followed.
    Raises RulesRefused for links that cannot be followed
    together.
    """
    links = linked(desired.links, sources, current, used)
    users = _unlinked_users(current, links)
    # Each source first finds its own users.
    finders = _finders(desired, sources, current, abilities, now)
    for name, finder in finders.items():
        finder.match(users.get(name, ()), links.users.get(name, {}))
    # Then it takes over users that another source has lost.
    undeclared = users.keys() - desired.source_names - {""}
    orphans = {name: users[name] for name in undeclared}
    lost = _LostUsers(finders, orphans)
    contested = _contested(lost)
    for finder in finders.values():
        _take_over(finder, lost, contested)
    local = [user for user in users.get("", ()) if user.status != "erased"]
    local = _unrecognised(finders, local, current, abilities)
    # Persons still without a user may adopt a local one of their name.
    by_username = sole_holders((user.username, user) for user in local)
    people = {name: finder.people(by_username) for name, finder in finders.items()}
    _refuse_adoptions(people.values())
    return GatheredPeople(people, links)


def _finders(
    desired: DesiredState,
    sources: Iterable[SourceRules],
    current: PlatformState,
    abilities: Abilities,
    now: str,
) -> dict[str, CandidateFinder]:
    """A finder of candidates for each source that was read, by its name."""

    @cache
    def granted() -> dict[str, tuple[str, ...]]:
        return _granted_by_syncs(current)

    return {
        rules.source.name: CandidateFinder(desired, rules, current, abilities, granted, now)
        for rules in sources
    }


def _granted_by_syncs(current: PlatformState) -> dict[str, tuple[str, ...]]:
    """User id → the roles that syncs granted."""
    granted: dict[str, tuple[str, ...]] = {}
    for grant in current.grants:
        if grant.origin != BY_HAND:
            granted[grant.user] = (*granted.get(grant.user, ()), grant.role)
    return granted


def _unlinked_users(current: PlatformState, links: LinkedObjects) -> dict[str, list[User]]:
    """Source ("" for local users) → its users, without those that a link gives to a person."""
    tied = {user.id for of_source in links.users.values() for user, _ in of_source.values()}
    users: dict[str, list[User]] = {}
    for user in current.users:
        if user.id not in tied:
            users.setdefault(user.source, []).append(user)
    return users


def _unrecognised(
    finders: Mapping[str, CandidateFinder],
    local: Sequence[User],
    current: PlatformState,
    abilities: Abilities,
) -> list[User]:
    """Has sources recognise users that the ledger does not know. Returns the others.

    The sources are asked in the order of the files; ids of directories are never given twice.
    """
    by_facts = current.ledger_lost and abilities.recognises_names
    if by_facts:
        unknown = list(local)
    elif current.keeps_ids:
        unknown = [user for user in local if user.external_id]
    else:
        return list(local)
    recognised: set[str] = set()
    for finder in finders.values():
        free = _without(unknown, recognised)
        if free:
            recognised |= ids(finder.recognise(free, by_facts=by_facts))
    return _without(local, recognised)


def _without(users: Iterable[User], left_out: Collection[str]) -> list[User]:
    """The users but for those of some ids."""
    return [user for user in users if user.id not in left_out]


class _LostUsers(NamedTuple):
    """The users that sources have lost.

    `orphans`: the users of each source that is no longer declared.
    """

    finders: Mapping[str, CandidateFinder]
    orphans: Mapping[str, list[User]]

    def of(self, source: str) -> list[User]:
        """The users a source has lost: known only if it was read, or is no longer declared."""
        finder = self.finders.get(source)
        lost = finder.lost() if finder is not None else self.orphans.get(source, [])
        return [user for user in lost if user.status != "erased"]


def _take_over(finder: CandidateFinder, lost: _LostUsers, contested: Collection[str]) -> None:
    """Matches new persons of a source with users that a source it takes over from has lost.

    Users in `contested` (ids) are not matched: their persons become namesakes.
    """
    for name in finder.rules.source.takes_over:
        users = lost.of(name)
        finder.contest([user for user in users if user.id in contested])
        taken = finder.take_over(_without(users, contested), name)
        if name in lost.finders:
            lost.finders[name].give_up(taken)


def _contested(lost: _LostUsers) -> frozenset[str]:
    """Ids of the users that several sources would take over."""
    takers: dict[str, list[CandidateFinder]] = {}
    for finder in lost.finders.values():
        for name in finder.rules.source.takes_over:
            takers.setdefault(name, []).append(finder)
    claims: Counter[str] = Counter()
    for name, rivals in takers.items():
        if len(rivals) == 1:
            continue
        users = lost.of(name)
        for rival in rivals:
            claims.update(user.id for user in rival.would_take(users).values())
    return frozenset(user_id for user_id, number in claims.items() if number > 1)


def _refuse_adoptions(people: Iterable[SourcePeople]) -> None:
    """If two persons would adopt a local user, neither does.

    Their claims on its name are then refused like any other.
    """
    adopters: dict[str, list[Candidate]] = {}
    for of_source in people:
        for candidate in of_source.candidates:
            if candidate.user is not None and of_source.adopts(candidate):
                adopters.setdefault(candidate.user.id, []).append(candidate)
    for rivals in adopters.values():
        if len(rivals) == 1:
            continue
        for candidate in rivals:
            candidate.disown()


def settle_usernames(
    people: Mapping[str, SourcePeople],
    current: PlatformState,
    deleted: Collection[str],
    skips: list[Skip],
) -> list[Candidate]:
    """The candidates who become users or stay users. A username that is refused adds to `skips`.

    A person with a user keeps it, under its present name. `deleted` are the ids of users whose
    names the plan frees.
    """
    candidates = [candidate for source in people.values() for candidate in source.candidates]
    staying = _without(current.users, deleted)
    claims = [_claim(candidate) for candidate in _unsettled(candidates, staying)]
    granted, refused = settle(claims, _holders(claims, staying), "duplicate_username")
    for refusal in refused:
        candidate, claim = refusal.claim.item, refusal.claim
        exists = candidate.position in people[claim.source].matched
        skips.append(
            Skip(
                workspace=current.workspace,
                source=claim.source,
                dn=claim.dn,
                username=candidate.username,
                code=refusal.code,
                detail=refusal.detail + _way_out(refusal, people),
                exists=exists,
            )
        )
        if exists:
            candidate.hold()
    without = {id(claim.item) for claim in claims} - {id(claim.item) for claim in granted}
    return [candidate for candidate in candidates if candidate.held or id(candidate) not in without]


def _unsettled(candidates: Iterable[Candidate], staying: Iterable[User]) -> list[Candidate]:
    """The candidates whose names have to be settled together: few, of a large directory.

    Every other one gets its name, because no other candidate wants it and no other user has it. One
    who is renamed is settled too, since the claims of others on the present name depend on that.
    """
    wanting = [candidate for candidate in candidates if not candidate.held]
    names = [fold_name(candidate.username) for candidate in wanting]
    wanted = Counter(names)
    holders: dict[str, str] = {}
    """Name → id of the one user who has it; "" for several."""
    for user in staying:
        name = fold_name(user.username)
        holders[name] = "" if name in holders else user.id
    return [
        candidate
        for candidate, name in zip(wanting, names, strict=True)
        if wanted[name] > 1 or holders.get(name) != _own_id(candidate)
    ]


def _own_id(candidate: Candidate) -> str | None:
    """The id of the user of a candidate; None for a new one."""
    return candidate.user.id if candidate.user is not None else None


def _holders(claims: Iterable[Claim[Candidate]], staying: Iterable[User]) -> Holders:
    """The users who have one of the claimed names."""
    names = {claim.name for claim in claims}
    if not names:
        return {}
    return slots(
        (("", name), NameHolder(user.id, user.username, user.source, user.dn))
        for user in staying
        if (name := fold_name(user.username)) in names
    )


def _claim(candidate: Candidate) -> Claim[Candidate]:
    """The claim of a candidate on its username."""
    return Claim(
        name=fold_name(candidate.username),
        id=candidate.user.id if candidate.user is not None else "",
        source=candidate.rules.source.name,
        dn=candidate.person.dn,
        item=candidate,
    )


def _way_out(refusal: Refusal[Candidate], people: Mapping[str, SourcePeople]) -> str:
    """What to do about a name that a local user, or a user of another source, has."""
    holder, candidate, source = refusal.holder, refusal.claim.item, refusal.claim.source
    if holder is None or candidate.user is not None or holder.source == source:
        return ""
    line = link_line("user", holder.name, source, entry_id(candidate.person))
    if not holder.source:
        return f": if it is this person's, write links: [{line}], or see lifecycle.adopt_local"
    other = people.get(holder.source)
    if other is None:
        return f": if it is the same person, write links: [{line}]"
    if other.serves(holder.id):
        return ", which has its person"
    return (
        f", which no longer selects its person: if it is the same one, write takes_over:"
        f" [{holder.source}] in the source {source} (two facts of match_by have to agree),"
        f" or links: [{line}]"
    )
