"""Who a source has, and whether each person is on the platform, or cannot be."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from reconcile.model.change import ASIDE, Skip
from reconcile.model.desired import Departure, DesiredState, Link, Source
from reconcile.model.directory import DirectorySnapshot, Person, Query
from reconcile.model.platform import Abilities, PlatformState, User
from reconcile.model.text import dn
from reconcile.model.text.wildcards import Wildcard
from reconcile.planning.selection.query import query
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.people.candidates import NO_TEXTS, Candidate, ProfileTexts
from reconcile.planning.target.people.gathering import gather, settle_usernames

ImportState: TypeAlias = Literal["IMPORTED", "NOT IMPORTED", "CANNOT IMPORT"]

_NAMES = ("cn", "displayname", "givenname", "sn", "mail")


class SearchResult(msgspec.Struct, frozen=True):
    """One person; `username` is that of the user, or the one it would get, "" for none."""

    workspace: str
    username: str
    first_name: str
    last_name: str
    email: str
    dn: str
    status: ImportState
    why: str


def search_query(desired: DesiredState, source: Source) -> Query:
    """What the rules need, and the attributes a keyword is looked for in."""
    needed = query(desired, source)
    return msgspec.structs.replace(
        needed, person_attributes=needed.person_attributes | frozenset(_NAMES)
    )


def keyword(text: str) -> tuple[Wildcard, ...]:
    """Patterns that find the text anywhere, in any case; `*` stands for any text.

    A text that is a DN is found in any of its spellings.
    """
    spellings = dict.fromkeys([text.casefold(), dn.key(text).casefold()])
    return tuple(Wildcard.of(["", *spelling.split("*"), ""]) for spelling in spellings)


def survey(
    desired: DesiredState,
    source: Source,
    snapshot: DirectorySnapshot,
    current: Sequence[PlatformState],
    abilities: Abilities,
    patterns: Sequence[Wildcard],
    used: Mapping[str, Collection[Link]],
) -> Iterator[SearchResult]:
    """The persons whose names, login, mail or DN a keyword finds, in each workspace, in DN order.

    Names, login and mail are those of the directory, and those that are shown. `used` are, by
    workspace, the links that a run has followed. Raises UsageError when a department is selected
    without its parent.
    """
    rules = SourceRules(desired, source, snapshot)
    everybody = msgspec.structs.replace(
        source.users, create="all", create_disabled=True, exclude=(), require_groups=()
    )
    present = _without_grace(desired)
    wide = SourceRules(desired, msgspec.structs.replace(source, users=everybody), snapshot)
    for state in current:
        followed = used.get(state.workspace, ())
        people = gather(present, [wide], state, abilities, followed, now="").people
        skips = list(people[source.name].skips)
        settled = settle_usernames(people, state, (), skips)
        candidates = {candidate.position: candidate for candidate in settled}
        refused = {skip.dn: skip for skip in skips if skip.code not in ASIDE}
        matched, ignored = people[source.name].matched, people[source.name].ignored
        for position, person in enumerate(snapshot.persons):
            seen = _PersonView(
                position,
                person,
                matched.get(position),
                candidates.get(position),
                refused.get(person.dn),
            )
            if _is_found(person, seen.shown(rules), patterns):
                yield seen.row(state.workspace, rules, ignored)


def _without_grace(desired: DesiredState) -> DesiredState:
    """The rules as they are for now: no grace period of a disabled person ends."""
    action = Departure(desired.lifecycle.on_disabled.action)
    lifecycle = msgspec.structs.replace(desired.lifecycle, on_disabled=action)
    return msgspec.structs.replace(desired, lifecycle=lifecycle)


class _PersonView(NamedTuple):
    """One person of a source, with what planning makes of it in a workspace."""

    position: int
    person: Person
    user: User | None
    candidate: Candidate | None
    skip: Skip | None

    @property
    def values(self) -> ProfileTexts:
        """The profile by the rules; empty for a person who cannot be a user."""
        return self.candidate.values if self.candidate is not None else NO_TEXTS

    @property
    def username(self) -> str:
        """That of the user, or the one it would get; otherwise what the person is called."""
        if self.user is not None and self.user.username:
            return self.user.username
        if self.user is None and self.candidate is not None and self.candidate.username:
            return self.candidate.username
        return self.skip.username if self.skip is not None else self.person.identifier

    @property
    def status(self) -> ImportState:
        """Whether the person is on the platform, or can be."""
        if self.user is not None:
            return "IMPORTED"
        return "CANNOT IMPORT" if self.skip is not None else "NOT IMPORTED"

    def shown(self, rules: SourceRules) -> tuple[str, ...]:
        """The texts that are shown of the person, in which a keyword is looked for, too."""
        values = self.values
        name = f"{values.first_name or ''} {values.last_name or ''}"
        return self.username, name, values.email or "", rules.index.keys[self.position]

    def row(self, workspace: str, rules: SourceRules, ignored: Collection[int]) -> SearchResult:
        """The row of the person."""
        values, person = self.values, self.person
        status = self.user.status if self.user is not None else ""
        return SearchResult(
            workspace,
            self.username,
            values.first_name or _first(person, "givenname"),
            values.last_name or _first(person, "sn"),
            _first(person, "mail") if values.email is None else values.email,
            person.dn,
            self.status,
            _why(rules, self.position, status, self.skip, self.candidate, ignored),
        )


def _is_found(person: Person, shown: Iterable[str], patterns: Sequence[Wildcard]) -> bool:
    """Whether a keyword is in the DN, the login, a name or what is shown of a person."""
    texts = [person.dn, person.identifier, *shown]
    texts += (value for name in _NAMES for value in person.attributes.get(name, ()))
    texts.append(f"{_first(person, 'givenname')} {_first(person, 'sn')}")
    folded = [text.casefold() for text in texts]
    return any(pattern.matches(text) for text in folded for pattern in patterns)


def _first(person: Person, name: str) -> str:
    """The first value of an attribute; "" for none."""
    return next(iter(person.attributes.get(name, ())), "")


def _why(
    rules: SourceRules,
    position: int,
    status: str,
    skip: Skip | None,
    candidate: Candidate | None,
    ignored: Collection[int],
) -> str:
    """Why a person is on the platform, or will be, or will not."""
    if skip is not None:
        return f"{skip.code}: {skip.detail}"
    if status:
        return status
    if hindrance := _hindrance(rules, position, ignored):
        return hindrance
    verb = "creates it"
    if candidate is not None and candidate.user is not None:
        verb = "adopts the local account"
    elif candidate is not None and candidate.disabled and not rules.source.users.create_disabled:
        return "disabled in the directory"
    return f"the next apply {verb}: {rules.why(position)}"


def _hindrance(rules: SourceRules, position: int, ignored: Collection[int]) -> str:
    """Which rule keeps the next apply from making the person a user; "" for none."""
    wanted = rules.wants(position, exists=False)
    if rules.excluded(position):
        return "on the exclude list"
    if not wanted and not rules.source.register_on_login:
        return "not selected"
    if rules.outside_required(position):
        return "in none of the required groups"
    if position in ignored:
        return "the user was deleted on the platform"
    return "" if wanted else "the first login creates it"
