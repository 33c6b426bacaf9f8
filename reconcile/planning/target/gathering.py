"""The people of all sources in one workspace.

Decides which person is which user across sources, and which user gets which username.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from reconcile.model.change import Skip
from reconcile.model.desired import DesiredState, Link
from reconcile.model.platform import BY_HAND, Abilities, PlatformState, User
from reconcile.model.text.folding import fold_name, sole_holders
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.candidates import Candidate, Gathering, People, link_line
from reconcile.planning.target.linking import Linked, linked
from reconcile.planning.target.name_claims import Claim, Held, Refusal, settle, slots


class Gathered(msgspec.Struct, frozen=True):
    """The people of each source by its name, and what the links do."""

    people: Mapping[str, People]
    links: Linked


def gather(
    desired: DesiredState,
    sources: Sequence[SourceRules],
    current: PlatformState,
    abilities: Abilities,
    used: Collection[Link] = (),
) -> Gathered:
    """The people of the sources that were read, matched with the users of this workspace.

    `used` are links that a run has followed. Raises RulesRefused for links that cannot be followed
    together.
    """
    granted = _granted_by_syncs(current)
    links = linked(desired.links, sources, current, used) if desired.links else Linked({}, {}, {})
    users = _unlinked_users(current, links)
    # Each source first finds its own users.
    gatherings: dict[str, Gathering] = {}
    for rules in sources:
        name = rules.source.name
        gatherings[name] = Gathering(desired, rules, current, abilities, granted)
        gatherings[name].match(users.get(name, ()), links.users.get(name, {}))
    # Then it takes over users that another source has lost.
    declared = {source.name for source in desired.sources}
    orphans = {name: owned for name, owned in users.items() if name and name not in declared}
    contested = _contested(gatherings, orphans)
    for gathering in gatherings.values():
        _take_over(gathering, gatherings, orphans, contested)
    local = [user for user in users.get("", ()) if user.status != "erased"]
    local = _unrecognised(gatherings, local, current, abilities)
    # Persons still without a user may adopt a local one of their name.
    by_username = sole_holders((user.username, user) for user in local)
    people = {name: gathering.people(by_username) for name, gathering in gatherings.items()}
    _refuse_adoptions(people.values())
    return Gathered(people, links)


def _unrecognised(
    gatherings: Mapping[str, Gathering],
    local: Sequence[User],
    current: PlatformState,
    abilities: Abilities,
) -> list[User]:
    """Has sources recognise users that the ledger does not know. Returns the others.

    The sources are asked in the order of the files; ids of directories are never given twice.
    """
    known = current.keeps_ids
    by_facts = current.ledger_lost and abilities.recognises_names
    kept = [user for user in local if (known and user.external_id) or by_facts]
    if not kept:
        return list(local)
    recognised: set[str] = set()
    for gathering in gatherings.values():
        free = [user for user in kept if user.id not in recognised]
        recognised |= {user.id for user in gathering.recognise(free, by_facts=by_facts)}
    return [user for user in local if user.id not in recognised]


def _granted_by_syncs(current: PlatformState) -> dict[str, list[str]]:
    """User id → the roles that syncs granted."""
    granted: dict[str, list[str]] = {}
    for grant in current.grants:
        if grant.origin != BY_HAND:
            granted.setdefault(grant.user, []).append(grant.role)
    return granted


def _unlinked_users(current: PlatformState, links: Linked) -> dict[str, list[User]]:
    """Source ("" for local users) → its users, without those that a link gives to a person."""
    tied = {user.id for linked in links.users.values() for user, _ in linked.values()}
    users: dict[str, list[User]] = {}
    for user in current.users:
        if user.id not in tied:
            users.setdefault(user.source, []).append(user)
    return users


def _take_over(
    gathering: Gathering,
    gatherings: Mapping[str, Gathering],
    orphans: Mapping[str, list[User]],
    contested: Collection[str],
) -> None:
    """Matches new persons of a source with users that a source it takes over from has lost.

    Users in `contested` (ids) are not matched: their persons become namesakes.
    """
    for name in gathering.rules.source.takes_over:
        lost = _lost(name, gatherings, orphans)
        gathering.contest([user for user in lost if user.id in contested])
        taken = gathering.take_over([user for user in lost if user.id not in contested], name)
        if name in gatherings:
            gatherings[name].give_up(taken)


def _contested(
    gatherings: Mapping[str, Gathering], orphans: Mapping[str, list[User]]
) -> frozenset[str]:
    """Ids of the users that several sources would take over."""
    takers: dict[str, list[Gathering]] = {}
    for gathering in gatherings.values():
        for name in gathering.rules.source.takes_over:
            takers.setdefault(name, []).append(gathering)
    claims: Counter[str] = Counter()
    for name, rivals in takers.items():
        if len(rivals) == 1:
            continue
        lost = _lost(name, gatherings, orphans)
        for rival in rivals:
            claims.update(user.id for user in rival.would_take(lost).values())
    return frozenset(user_id for user_id, number in claims.items() if number > 1)


def _lost(
    name: str, gatherings: Mapping[str, Gathering], orphans: Mapping[str, list[User]]
) -> list[User]:
    """The users a source has lost: known only if it was read, or is no longer declared."""
    gathering = gatherings.get(name)
    lost = gathering.lost() if gathering is not None else orphans.get(name, [])
    return [user for user in lost if user.status != "erased"]


def _refuse_adoptions(people: Iterable[People]) -> None:
    """If two persons would adopt a local user, neither does.

    Their claims on its name are then refused like any other.
    """
    adopters: dict[str, list[Candidate]] = {}
    for of_source in people:
        for candidate in of_source.candidates:
            user = candidate.user
            if user is None or user.source or candidate.position in of_source.matched:
                continue
            adopters.setdefault(user.id, []).append(candidate)
    for rivals in adopters.values():
        if len(rivals) == 1:
            continue
        for candidate in rivals:
            candidate.disown()


def settle_usernames(
    people: Mapping[str, People],
    current: PlatformState,
    deleted: Collection[str],
    skips: list[Skip],
) -> list[Candidate]:
    """The candidates who become users or stay users. A username that is refused adds to `skips`.

    A person with a user keeps it, under its present name. `deleted` are the ids of users whose
    names the plan frees.
    """
    staying = (user for user in current.users if user.id not in deleted)
    held = slots(
        (("", fold_name(user.username)), Held(user.id, user.username, user.source, user.dn))
        for user in staying
    )
    candidates = [candidate for source in people.values() for candidate in source.candidates]
    claims = (_claim(candidate) for candidate in candidates if not candidate.held)
    granted, refused = settle(claims, held, "duplicate_username")
    for refusal in refused:
        candidate, claim = refusal.claim.item, refusal.claim
        exists = candidate.position in people[claim.source].matched
        detail = refusal.detail + _way_out(refusal, people)
        skip = (candidate.username, refusal.code, detail, exists)
        skips.append(Skip(current.workspace, claim.source, claim.dn, *skip))
        if exists:
            candidate.hold()
    named = {id(claim.item) for claim in granted}
    return [candidate for candidate in candidates if candidate.held or id(candidate) in named]


def _claim(candidate: Candidate) -> Claim[Candidate]:
    """The claim of a candidate on its username."""
    return Claim(
        fold_name(candidate.username),
        candidate.user.id if candidate.user is not None else "",
        candidate.rules.source.name,
        candidate.person.dn,
        candidate,
    )


def _way_out(refusal: Refusal[Candidate], people: Mapping[str, People]) -> str:
    """What to do about a name that a local user, or a user of another source, has."""
    holder, candidate, source = refusal.holder, refusal.claim.item, refusal.claim.source
    if holder is None or candidate.user is not None or holder.source == source:
        return ""
    person = candidate.person
    line = link_line("user", holder.name, source, person.external_id or person.dn)
    if not holder.source:
        return f": if it is this person's, write links: [{line}], or see lifecycle.adopt_local"
    other = people.get(holder.source)
    if other is None:
        return f": if it is the same person, write links: [{line}]"
    if holder.id in {user.id for user in other.matched.values()} - other.departed.keys():
        return ", which has its person"
    return (
        f", which no longer selects its person: if it is the same one, write takes_over:"
        f" [{holder.source}] in the source {source} (two facts of match_by have to agree),"
        f" or links: [{line}]"
    )
