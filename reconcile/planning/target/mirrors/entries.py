"""The entries that are mirrored, those that a directory has, and where an object has its name."""

from collections.abc import Mapping
from typing import TypeAlias, TypeVar

import msgspec

from reconcile.model.desired import Source, Template
from reconcile.model.directory import DirectoryGroup, OrganizationalUnit
from reconcile.model.platform import Department, Group
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name

Mirror = TypeVar("Mirror", bound=Group | Department)
"""What stands for an entry on the platform."""
Entry: TypeAlias = DirectoryGroup | OrganizationalUnit
Place: TypeAlias = tuple[str, str]
"""The source and the normalized DN of an entry."""
Slot: TypeAlias = tuple[str, str]
"""The id of the department above, "" for none, and a folded name: one object can be there."""


class SelectedEntry(msgspec.Struct, gc=False):
    """One entry that a rule selects; `parent` is the normalized DN of the department above."""

    source: Source
    key: str
    entry: Entry
    template: Template
    parent: str = ""
    frozen: bool = False
    """Its members are not known, so it is neither created nor renamed."""

    @property
    def place(self) -> Place:
        """Its source and normalized DN."""
        return self.source.name, self.key


class ReadEntries(msgspec.Struct, frozen=True):
    """The entries of one kind that the directories have.

    `ids` are pairs of source and id in lower case, `places` of source and normalized DN. `read` are
    the sources that were read, `declared` those of the files.
    """

    read: frozenset[str]
    declared: frozenset[str]
    ids: frozenset[tuple[str, str]]
    places: frozenset[Place]

    @classmethod
    def of(
        cls, entries: Mapping[str, Mapping[str, Entry]], declared: frozenset[str]
    ) -> "ReadEntries":
        """`entries`: source that was asked for them → normalized DN → entry.

        `declared` are all sources of the files.
        """
        ids: set[tuple[str, str]] = set()
        places: set[Place] = set()
        for source, by_key in entries.items():
            for key, entry in by_key.items():
                places.add((source, key))
                if entry.external_id:
                    ids.add((source, entry.external_id.lower()))
        return cls(frozenset(entries), declared, frozenset(ids), frozenset(places))

    def has_id(self, mirror: Group | Department) -> bool:
        """Whether an entry of the object's source has the id that the object stands for."""
        return (mirror.source, mirror.external_id.lower()) in self.ids

    def lost(self, mirror: Group | Department) -> bool:
        """Whether the entry of a mirrored object is gone; False if its source was not read."""
        source = mirror.source
        if not source:
            return False
        if source not in self.read:
            return source not in self.declared
        if mirror.external_id:
            return not self.has_id(mirror)
        return (source, dn.key(mirror.dn)) not in self.places


def name_of(mirror: Group | Department) -> str:
    """A group's name, a department's title."""
    return mirror.name if isinstance(mirror, Group) else mirror.title


def parent_of(mirror: Group | Department) -> str:
    """The id of the department above a department; "" for a group."""
    return "" if isinstance(mirror, Group) else mirror.parent


def slot_of(mirror: Group | Department) -> Slot:
    """Where an object has its name."""
    return parent_of(mirror), fold_name(name_of(mirror))
