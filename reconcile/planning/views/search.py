"""Who a source has, and whether each person is on the platform, or cannot be."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Literal, TypeAlias

import msgspec

from reconcile.model.change import ASIDE, Skip
from reconcile.model.desired import DesiredState, Link, Source
from reconcile.model.directory import DirectorySnapshot, Person, Query
from reconcile.model.platform import Limits, PlatformState
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
    limits: Limits,
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
        people = gather(desired, [wide], state, limits, used.get(state.workspace, ())).people
        skips = list(people[source.name].skips)
        candidates = {one.position: one for one in settle_usernames(people, state, (), skips)}
        refused = {skip.dn: skip for skip in skips if skip.code not in ASIDE}
        matched, ignored = people[source.name].matched, people[source.name].ignored
        for position, person in enumerate(snapshot.persons):
            user, candidate, skip = (
                matched.get(position),
                candidates.get(position),
                refused.get(person.dn),
            )
            values = candidate.values if candidate is not None else {}
            username = (
                user.username
                if user is not None
                else candidate.username
                if candidate is not None
                else ""
            )
            username = username or (skip.username if skip is not None else person.identifier)
            first, last = (values.get(f"{name}_name", "") for name in ("first", "last"))
            shown = (
                username,
                f"{first} {last}",
                values.get("email", ""),
                rules.index.keys[position],
            )
            if not _is_found(person, shown, patterns):
                continue
            status: Standing = (
                "IMPORTED"
                if user is not None
                else "CANNOT IMPORT"
                if skip is not None
                else "NOT IMPORTED"
            )
            yield Found(
                state.workspace,
                username,
                first or _first(person, "givenname"),
                last or _first(person, "sn"),
                values.get("email", _first(person, "mail")),
                person.dn,
                status,
                _why(
                    rules,
                    position,
                    user.status if user is not None else "",
                    skip,
                    candidate,
                    ignored,
                ),
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
