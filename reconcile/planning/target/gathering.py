"""The people of all sources in one workspace: who is which user across sources, and who gets which username."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from reconcile.model.change import Skip
from reconcile.model.desired import DesiredState, Link
from reconcile.model.platform import BY_HAND, Limits, PlatformState, User
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
    limits: Limits,
    used: Collection[Link] = (),
) -> Gathered:
    """Everybody of the sources that were read, matched with the users of this workspace.

    `used` are links that a run has followed. Raises RulesRefused for links that cannot be followed
    together.
    """
    granted: dict[str, list[str]] = {}
    for grant in current.grants:
        if grant.origin != BY_HAND:
            granted.setdefault(grant.user, []).append(grant.role)
    links = linked(desired.links, sources, current, used) if desired.links else Linked({}, {}, {})
    tied = {user.id for found in links.users.values() for user, _ in found.values()}
    own: dict[str, list[User]] = {}
    for user in current.users:
        if user.id not in tied:
            own.setdefault(user.source, []).append(user)
    gatherings: dict[str, Gathering] = {}
    for rules in sources:
        name = rules.source.name
        gatherings[name] = Gathering(desired, rules, current, limits, granted)
        gatherings[name].match(own.get(name, ()), links.users.get(name, {}))
    declared = {source.name for source in desired.sources}
    orphans = {name: users for name, users in own.items() if name and name not in declared}
    contested = _contested(gatherings, orphans)
    for one in gatherings.values():
        _take_over(one, gatherings, orphans, contested)
    local = sole_holders(
        (user.username, user) for user in own.get("", ()) if user.status != "erased"
    )
    people = {name: one.people(local) for name, one in gatherings.items()}
    _refuse_adoptions(people.values())
    return Gathered(people, links)


def _take_over(
    one: Gathering,
    gatherings: Mapping[str, Gathering],
    orphans: Mapping[str, list[User]],
    contested: Collection[str],
) -> None:
    """Matches the newcomers of a source with users that a source it takes over from has lost.

    A user of `contested` (ids) goes to nobody: its persons become namesakes.
    """
    for name in one.rules.source.takes_over:
        lost = _lost(name, gatherings, orphans)
        free = [user for user in lost if user.id not in contested]
        one.contest([user for user in lost if user.id in contested])
        taken = one.take_over(free, name)
        if name in gatherings:
            gatherings[name].give_up(taken)


def _contested(
    gatherings: Mapping[str, Gathering], orphans: Mapping[str, list[User]]
) -> frozenset[str]:
    """The ids of the users that several sources would take over."""
    takers: dict[str, list[Gathering]] = {}
    for one in gatherings.values():
        for name in one.rules.source.takes_over:
            takers.setdefault(name, []).append(one)
    claims: Counter[str] = Counter()
    for name, rivals in takers.items():
        lost = _lost(name, gatherings, orphans) if len(rivals) > 1 else []
        claims.update(user.id for one in rivals for user in one.would_take(lost).values())
    return frozenset(row for row, number in claims.items() if number > 1)


def _lost(
    name: str, gatherings: Mapping[str, Gathering], orphans: Mapping[str, list[User]]
) -> list[User]:
    """The users that a source has lost, which is known only if it was read, or is no longer declared."""
    there = gatherings.get(name)
    lost = there.lost() if there is not None else orphans.get(name, [])
    return [user for user in lost if user.status != "erased"]


def _refuse_adoptions(people: Iterable[People]) -> None:
    """A local account that two persons would adopt is nobody's: their claims on its name are refused like any other."""
    adopters: dict[str, list[Candidate]] = {}
    for one in people:
        for candidate in one.candidates:
            user = candidate.user
            if user is not None and not user.source and candidate.position not in one.matched:
                adopters.setdefault(user.id, []).append(candidate)
    for rivals in adopters.values():
        for candidate in rivals if len(rivals) > 1 else ():
            candidate.disown()


def settle_usernames(
    people: Mapping[str, People],
    current: PlatformState,
    deleted: Collection[str],
    skips: list[Skip],
) -> list[Candidate]:
    """The candidates who become users or stay some; who cannot have the username it claims becomes a skip, too.

    Whoever has a user already keeps it, with the name it has. `deleted` are the ids of the users
    whose names the plan frees.
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
        )
        for gathered in people.values()
        for one in gathered.candidates
        if not one.held
    )
    granted, refused = settle(claims, held, "duplicate_username")
    for refusal in refused:
        one, detail = refusal.claim.item, refusal.detail + _way_out(refusal, people)
        source, entry = refusal.claim.source, refusal.claim.dn
        exists = one.position in people[source].matched
        skips.append(
            Skip(current.workspace, source, entry, one.username, refusal.code, detail, exists)
        )
        if exists:
            one.hold()
    staying = {id(claim.item) for claim in granted}
    return [
        one
        for gathered in people.values()
        for one in gathered.candidates
        if one.held or id(one) in staying
    ]


def _way_out(refusal: Refusal[Candidate], people: Mapping[str, People]) -> str:
    """What a person can do about a name that a user of another source, or a local one, has."""
    holder, one = refusal.holder, refusal.claim.item
    if holder is None or one.user is not None or holder.source == refusal.claim.source:
        return ""
    source = refusal.claim.source
    line = link_line("user", holder.name, source, one.person.external_id or one.person.dn)
    if not holder.source:
        return f": if it is this person's, write links: [{line}], or see lifecycle.adopt_local"
    there = people.get(holder.source)
    if there is None:
        return f": if it is the same person, write links: [{line}]"
    if holder.id in {user.id for user in there.matched.values()} - there.departed.keys():
        return ", which has its person"
    return (
        f", which no longer selects its person: if it is the same one, write takes_over: [{holder.source}]"
        f" in the source {source} (two facts of match_by have to agree), or links: [{line}]"
    )
