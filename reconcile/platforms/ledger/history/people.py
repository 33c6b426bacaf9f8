"""Which entries of a history are about a user: for an erase, and for who asks by a name.

Ids tie most entries to users. Some name a person of whom the platform had no user, or whose user
no longer exists: those are recognised by username, DN and external id.
"""

from collections.abc import Collection, Iterable
from typing import Protocol, TypeVar

import msgspec

from reconcile.model.book import Ids
from reconcile.model.change import Fields
from reconcile.model.history import Entry, Payload
from reconcile.model.report import Outcome
from reconcile.model.text.folding import fold_name
from reconcile.platforms.resolve import text

Place = TypeVar("Place")
Place_co = TypeVar("Place_co", covariant=True)


class Recorded(Protocol[Place_co]):
    """The entries of a workspace that still have their payload, each with its place."""

    def tied(self, users: Collection[str]) -> Iterable[tuple[Place_co, Entry]]:
        """Those that concern one of these users, by id, or name one as a manager."""
        ...

    def of_lost_users(self) -> Iterable[tuple[Place_co, Entry]]:
        """Those of kind `user` whose user no longer exists."""
        ...

    def unresolved(self) -> Iterable[tuple[Place_co, Entry]]:
        """Those that name a person of whom the platform had no user."""
        ...


class ErasedPerson(msgspec.Struct):
    """Who is erased: the ids and all names, case-folded, of their users, and their entries."""

    ids: set[str]
    names: set[str]
    external: set[tuple[str, str]]
    """Source and external id."""
    dns: set[str]

    def learn(self, payload: Payload) -> None:
        """Takes in what a user was once called."""
        self.learn_side(payload.before, payload.source)
        self.learn_side(payload.after, payload.source)

    def learn_side(self, fields: Fields | None, source: str) -> None:
        """As `learn`, for one side of a change; `source` is where it says none itself."""
        if not fields:
            return
        if username := text(fields, "username"):
            self.names.add(fold_name(username))
        if external_id := text(fields, "external_id"):
            self.external.add((text(fields, "source") or source, external_id))
        if dn := text(fields, "dn"):
            self.dns.add(fold_name(dn))


def erases(outcome: Outcome) -> bool:
    """Whether a user was erased."""
    return outcome.change.action == "erase" and outcome.result == "applied"


def erased_person(outcomes: Iterable[Outcome], before: Ids) -> ErasedPerson | None:
    """All users that a run erased, as one person; None where it erased none."""
    person = ErasedPerson(set(), set(), set(), set())
    for outcome in filter(erases, outcomes):
        change = outcome.change
        person.ids.add(before.users.get(change.key, ""))
        person.names.add(fold_name(change.key))
        person.learn_side(change.before, change.source)
    return person if person.ids else None


def places_to_clear(person: ErasedPerson, recorded: Recorded[Place]) -> set[Place]:
    """Where the entries are whose payload goes with an erased person.

    Everything that is tied to one of the person's users, and everything that names the person.
    What these entries say the person was called leads to further users and entries.
    """
    places: set[Place] = set()
    seen: set[str] = set()
    lost = list(recorded.of_lost_users())
    while new := person.ids - seen - {""}:
        seen |= new
        for place, entry in recorded.tied(new):
            places.add(place)
            payload = entry.read()
            if entry.kind == "user" and entry.user in person.ids and payload is not None:
                person.learn(payload)
        # A user that no longer exists may have been the person's, before the one that is erased.
        person.ids |= {entry.user for _, entry in lost if _concerns(entry, person)}
    return places.union(_naming(recorded.unresolved(), person))


def _naming(entries: Iterable[tuple[Place, Entry]], person: ErasedPerson) -> list[Place]:
    """Where the entries are that name the person and that no id ties to a user.

    Names are learned from them too, until nothing new is learned.
    """
    left, places = list(entries), list[Place]()
    learned = True
    while learned:
        learned, waiting = False, left
        left = []
        for place, entry in waiting:
            if not _concerns(entry, person):
                left.append((place, entry))
                continue
            places.append(place)
            payload = entry.read()
            if entry.kind == "user" and payload is not None and _is_about(payload, person):
                learned = True
                person.learn(payload)
    return places


def _concerns(entry: Entry, person: ErasedPerson) -> bool:
    """Whether an entry that no id ties to a user is about the person or names them as manager."""
    payload = entry.read()
    if payload is None:
        return False
    if entry.kind != "user":
        return _names(payload, "user", person)
    return _names(payload, "manager", person) or _is_about(payload, person)


def _names(payload: Payload, field: str, person: ErasedPerson) -> bool:
    """Whether a field of either side is a name of the person."""
    return any(fold_name(text(side, field)) in person.names for side in _sides(payload))


def _is_about(payload: Payload, person: ErasedPerson) -> bool:
    """Whether an entry of kind `user` is about the person."""
    if fold_name(payload.key) in person.names or _names(payload, "username", person):
        return True
    for side in _sides(payload):
        source = text(side, "source") or payload.source
        if (source, text(side, "external_id")) in person.external:
            return True
        if fold_name(text(side, "dn")) in person.dns:
            return True
    return False


def _sides(payload: Payload) -> list[Fields]:
    """What a payload says: before the change, and after it."""
    return [side for side in (payload.before, payload.after) if side]


def called(name: str, entries: Iterable[tuple[Place, Entry]]) -> tuple[set[str], list[Place]]:
    """What was done to users who had a name (case-folded): their ids, and entries without an id.

    `entries`: those of kind `user`, and those that no id ties to a user.
    """
    users: set[str] = set()
    places: list[Place] = []
    for place, entry in entries:
        if not _is_of(entry, name):
            continue
        if entry.user:
            users.add(entry.user)
        else:
            places.append(place)
    return users, places


def _is_of(entry: Entry, name: str) -> bool:
    """Whether the user of an entry is, or was, called so."""
    if entry.kind == "user":
        return _answers_to(entry, name)
    payload = entry.read()
    if entry.user or payload is None:
        return False
    return any(fold_name(text(side, "user")) == name for side in _sides(payload))


def _answers_to(entry: Entry, name: str) -> bool:
    """Whether the user of an entry of kind `user` is, or was, called so.

    By username, DN or external id, in any case.
    """
    # Nearly all entries do not hold the name at all, which is seen without reading them.
    if name not in fold_name(entry.payload).replace("\\\\", "\\").replace('\\"', '"'):
        return False
    payload = entry.read()
    if payload is None:
        return False
    names = {
        fold_name(text(side, field))
        for side in _sides(payload)
        for field in ("username", "dn", "external_id")
    }
    return name in names or name == fold_name(payload.key)
