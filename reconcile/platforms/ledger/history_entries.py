"""From a run's outcomes to the entries of its history, and what an erased person takes along.

Only computes, but for the salts, which are random.
"""

import secrets
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

import msgspec

from reconcile.model.book import Ids
from reconcile.model.change import Change, Fields, Kind
from reconcile.model.history import Entry, Payload, commitment, payload_text, traces
from reconcile.model.platform import NOW
from reconcile.model.report import Outcome
from reconcile.model.text.folding import fold_name
from reconcile.platforms.resolve import Names, text

_CHUNK: Final = 5000
"""Entries made at once: few enough to be small beside the state, many enough to be written fast."""
_NONE: Final[dict[str, str]] = {}
_OF_USERS: Final[frozenset[Kind]] = frozenset({"user", "grant", "membership"})
_NOBODY: Final = ("", "")


def ids_before(names: Names) -> Ids:
    """The ids as the workspace was read."""
    return Ids(names.users_before, names.groups_before, names.departments_before)


def ids_now(names: Names) -> Ids:
    """The ids with what was written since."""
    return Ids(names.users, names.groups, names.departments)


class Person(msgspec.Struct):
    """Who is erased: the ids and all names, case-folded, of their users, and their entries."""

    ids: set[str]
    names: set[str]
    external: set[tuple[str, str]]
    """Source and external id."""
    dns: set[str]

    def learn(self, fields: Fields | None, source: str) -> None:
        """Takes in what a user was once called."""
        fields = fields or {}
        if username := text(fields, "username"):
            self.names.add(fold_name(username))
        if external_id := text(fields, "external_id"):
            self.external.add((text(fields, "source") or source, external_id))
        if dn := text(fields, "dn"):
            self.dns.add(fold_name(dn))


def noted(
    outcomes: Sequence[Outcome], before: Ids, now: Ids, started: str
) -> Iterator[list[Entry]]:
    """The entries of a run, in chunks; no payload is kept of those it erased.

    `started` is the time of `departed_at`.
    """
    gone = frozenset(before.users.get(one.change.key, "") for one in outcomes if _erases(one))
    numbered = enumerate(outcomes, start=1)
    while chunk := list(islice(numbered, _CHUNK)):
        salts = secrets.token_hex(16 * len(chunk))
        yield [
            _noted(position, outcome, before, now, started, salts[at * 32 : at * 32 + 32], gone)
            for at, (position, outcome) in enumerate(chunk)
        ]


def _erases(outcome: Outcome) -> bool:
    return outcome.change.action == "erase" and outcome.result == "applied"


def _noted(
    position: int,
    outcome: Outcome,
    before: Ids,
    now: Ids,
    started: str,
    salt: str,
    gone: frozenset[str],
) -> Entry:
    change = outcome.change
    user, thing = _about(change, before, now, made=outcome.result == "applied")
    after = change.after
    if after is not None and after.get("departed_at") == NOW:
        after = {**after, "departed_at": started}
    ids = (_NONE, _NONE)
    if change.kind in _REFERRING:
        ids = _references(change.before, before), _references(after, now)
    said = Payload(
        change.key, change.before, after, change.reason, change.source, outcome.detail, *ids
    )
    payload = payload_text(said)
    sealed = commitment(salt, payload)
    managers, unresolved = traces(change.kind, user, said)
    if gone and not gone.isdisjoint((user, *managers)):
        salt, payload, managers, unresolved = "", "", _NOBODY, 0
    return Entry(
        *(position, change.kind, change.action, outcome.result, user, thing),
        *(salt, payload, sealed, managers, unresolved),
    )


def _about(change: Change, before: Ids, now: Ids, *, made: bool) -> tuple[str, str]:
    """The ids of the user, and of the group or department, that a change concerns.

    "" if there is none.
    """
    new = change.before is None
    if new and change.kind in ("user", "group", "department") and not made:
        return "", ""  # another user has that name now
    known = now if new else before
    fields = (change.after if new else change.before) or {}
    user, thing = "", ""
    if change.kind == "user":
        user = known.users.get(change.key, "")
    elif change.kind in _OF_USERS:
        user = known.users.get(text(fields, "user"), "")
    if change.kind in ("group", "membership"):
        thing = known.groups.get(
            change.key if change.kind == "group" else text(fields, "group"), ""
        )
    elif change.kind == "department":
        thing = known.departments.get(change.key, "")
    return user, thing


_REFERRING: Final[frozenset[Kind]] = frozenset({"user", "department", "group"})


def _references(fields: Fields | None, known: Ids) -> dict[str, str]:
    """The ids of what a side of a change of a user, group or department names."""
    found: dict[str, str | None] = {}
    if fields:
        if manager := fields.get("manager"):
            found["manager"] = known.users.get(str(manager))
        if department := fields.get("department"):
            found["department"] = known.departments.get(str(department))
        if parent := fields.get("parent"):
            found["parent"] = known.departments.get(str(parent))
        if groups := fields.get("groups"):
            found |= {f"groups.{name}": known.groups.get(name) for name in groups}
    return {field: one for field, one in found.items() if one} if found else _NONE


def erased(outcomes: Iterable[Outcome], before: Ids) -> Person | None:
    """All whom the run erased, as one; None for none."""
    person = Person(set(), set(), set(), set())
    for one in outcomes:
        if _erases(one):
            person.ids.add(before.users.get(one.change.key, ""))
            person.names.add(fold_name(one.change.key))
            person.learn(one.change.before, one.change.source)
    return person if person.ids else None


def concerns(entry: Entry, person: Person) -> bool:
    """Whether an entry that no id ties to a user is about the person or names them as manager."""
    payload = entry.read()
    if payload is None:
        return False
    sides = [side for side in (payload.before, payload.after) if side]
    led = any(fold_name(text(side, "manager")) in person.names for side in sides)
    if entry.kind == "user":
        return led or _is_about(payload, person)
    return any(fold_name(text(side, "user")) in person.names for side in sides)


def _is_about(payload: Payload, person: Person) -> bool:
    """Of an entry of kind `user`."""
    for side in (payload.before or {}, payload.after or {}):
        known = text(side, "source") or payload.source, text(side, "external_id")
        if known in person.external or fold_name(text(side, "dn")) in person.dns:
            return True
        if fold_name(text(side, "username")) in person.names:
            return True
    return fold_name(payload.key) in person.names


Placed = TypeVar("Placed")


def naming(entries: Iterable[tuple[Placed, Entry]], person: Person) -> list[Placed]:
    """Where the entries are that name the person and that no id ties to a user.

    Names are learned from them too.
    """
    left, found = list(entries), list[Placed]()
    settled = False
    while not settled:
        settled, waiting = True, left
        left = []
        for place, one in waiting:
            if not concerns(one, person):
                left.append((place, one))
                continue
            found.append(place)
            payload = one.read()
            if one.kind == "user" and payload is not None and _is_about(payload, person):
                settled = False
                person.learn(payload.before, payload.source)
                person.learn(payload.after, payload.source)
    return found


def answers_to(entry: Entry, name: str) -> bool:
    """Whether the user of an entry of kind `user` is, or was, called so.

    By username, DN or external id, in any case.
    """
    if name not in fold_name(entry.payload).replace("\\\\", "\\").replace('\\"', '"'):
        return False
    payload = entry.read()
    if payload is None:
        return False
    sides = [side for side in (payload.before, payload.after) if side]
    known = {
        fold_name(text(side, field))
        for side in sides
        for field in ("username", "dn", "external_id")
    }
    return name in known | {fold_name(payload.key)}
