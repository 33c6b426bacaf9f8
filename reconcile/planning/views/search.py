"""Who a source has, and whether each person is on the platform, or cannot be."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

import msgspec

from reconcile.model.change import ASIDE, Skip
from reconcile.model.desired import DesiredState, Link, Source
from reconcile.model.directory import DirectorySnapshot, Person, Query
from reconcile.model.platform import Abilities, PlatformState, User
from reconcile.model.text import dn
from reconcile.model.text.wildcards import Wildcard
from reconcile.planning.selection.query import query
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.candidates import Candidate
from reconcile.planning.target.gathering import gather, settle_usernames

Standing: TypeAlias = Literal["IMPORTED", "NOT IMPORTED", "CANNOT IMPORT"]

_NAMES = ("cn", "displayname", "givenname", "sn", "mail")


class Found(msgspec.Struct, frozen=True):
    """One person; `username` is that of the user, or the one it would get, "" for none."""

    workspace: str
    username: str
    first_name: str
    last_name: str
    email: str
    dn: str
    status: Standing
    why: str


def search_query(desired: DesiredState, source: Source) -> Query:
    """What the rules need, and the attributes a keyword is looked for in."""
    asked = query(desired, source)
    return msgspec.structs.replace(
        asked, person_attributes=asked.person_attributes | frozenset(_NAMES)
    )


def keyword(text: str) -> tuple[Wildcard, ...]:
    """Patterns that find the text anywhere, in any case; `*` stands for any text.

    A text that is a DN is found in any of its spellings.
    """
    spellings = dict.fromkeys([text.casefold(), dn.key(text).casefold()])
    return tuple(Wildcard.of(["", *one.split("*"), ""]) for one in spellings)


def survey(
    desired: DesiredState,
    source: Source,
    snapshot: DirectorySnapshot,
    current: Sequence[PlatformState],
    abilities: Abilities,
    patterns: Sequence[Wildcard],
    used: Mapping[str, Collection[Link]],
) -> Iterator[Found]:
    """The persons whose names, login, mail or DN a keyword finds, in each workspace, in DN order.

    Names, login and mail are those of the directory, and those that are shown. `used` are, by
    workspace, the links that a run has followed. Raises UsageError when a department is selected
    without its parent.
    """
    rules = SourceRules(desired, source, snapshot)
    everybody = msgspec.structs.replace(source.users, create="all", exclude=(), require_groups=())
    wide = SourceRules(desired, msgspec.structs.replace(source, users=everybody), snapshot)
    for state in current:
        people = gather(desired, [wide], state, abilities, used.get(state.workspace, ())).people
        skips = list(people[source.name].skips)
        candidates = {one.position: one for one in settle_usernames(people, state, (), skips)}
        refused = {skip.dn: skip for skip in skips if skip.code not in ASIDE}
        matched, ignored = people[source.name].matched, people[source.name].ignored
        for position, person in enumerate(snapshot.persons):
            seen = _Seen(
                position,
                person,
                matched.get(position),
                candidates.get(position),
                refused.get(person.dn),
            )
            if _is_found(person, seen.shown(rules), patterns):
                yield seen.found(state.workspace, rules, ignored)


class _Seen(NamedTuple):
    """One person of a source, with what planning makes of it in a workspace."""

    position: int
    person: Person
    user: User | None
    candidate: Candidate | None
    skip: Skip | None

    @property
    def values(self) -> Mapping[str, str]:
        return self.candidate.values if self.candidate is not None else {}

    @property
    def username(self) -> str:
        """That of the user, or the one it would get; otherwise what the person is called."""
        if self.user is not None and self.user.username:
            return self.user.username
        if self.user is None and self.candidate is not None and self.candidate.username:
            return self.candidate.username
        return self.skip.username if self.skip is not None else self.person.identifier

    @property
    def status(self) -> Standing:
        if self.user is not None:
            return "IMPORTED"
        return "CANNOT IMPORT" if self.skip is not None else "NOT IMPORTED"

    def shown(self, rules: SourceRules) -> tuple[str, ...]:
        """The texts that are shown of the person, in which a keyword is looked for, too."""
        values = self.values
        name = f"{values.get('first_name', '')} {values.get('last_name', '')}"
        return self.username, name, values.get("email", ""), rules.index.keys[self.position]

    def found(self, workspace: str, rules: SourceRules, ignored: Collection[int]) -> Found:
        """The row of the person."""
        values, person = self.values, self.person
        status = self.user.status if self.user is not None else ""
        return Found(
            workspace,
            self.username,
            values.get("first_name", "") or _first(person, "givenname"),
            values.get("last_name", "") or _first(person, "sn"),
            values.get("email", _first(person, "mail")),
            person.dn,
            self.status,
            _why(rules, self.position, status, self.skip, self.candidate, ignored),
        )


def _is_found(person: Person, shown: Iterable[str], patterns: Sequence[Wildcard]) -> bool:
    texts = [person.dn, person.identifier, *shown]
    texts += (value for name in _NAMES for value in person.attributes.get(name, ()))
    texts.append(f"{_first(person, 'givenname')} {_first(person, 'sn')}")
    folded = [text.casefold() for text in texts]
    return any(pattern.matches(text) for text in folded for pattern in patterns)


def _first(person: Person, name: str) -> str:
    return next(iter(person.attributes.get(name, ())), "")


def _why(
    rules: SourceRules,
    position: int,
    status: str,
    skip: Skip | None,
    candidate: Candidate | None,
    ignored: Collection[int],
) -> str:
    if skip is not None or status:
        return f"{skip.code}: {skip.detail}" if skip is not None else status
    wanted = rules.wants(position, exists=False)
    hindrances = (
        (rules.excluded(position), "on the exclude list"),
        (not wanted and not rules.source.register_on_login, "not selected"),
        (rules.outside_required(position), "in none of the required groups"),
        (position in ignored, "the user was deleted on the platform"),
        (not wanted, "the first login creates it"),
    )
    if hindrance := next((why for holds, why in hindrances if holds), ""):
        return hindrance
    verb = (
        "adopts the local account"
        if candidate is not None and candidate.user is not None
        else "creates it"
    )
    return f"the next apply {verb}: {rules.why(position)}"
