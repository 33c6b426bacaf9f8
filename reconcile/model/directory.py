"""What is read from a source.

Attribute names are lower case; a value that is not UTF-8 text comes as base64.
"""

from collections.abc import Callable, Iterable
from typing import TypeAlias

import msgspec

from reconcile.model.text.dn import Folding

Attributes: TypeAlias = dict[str, tuple[str, ...]]
"""Lower-case attribute name → its values, each once, none blank; absent attributes have no key.

Whatever order a directory gives them in, the one in the entry's RDN is the first, and the others
are ascending.
"""


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is asked of a directory beside what its own settings say.

    The names are derived from the templates and rules of the desired state; nothing else is read.
    `groups` and `units` say whether those are wanted at all: a rule set without them reads persons
    only.
    """

    person_attributes: frozenset[str] = frozenset()
    group_attributes: frozenset[str] = frozenset()
    unit_attributes: frozenset[str] = frozenset()
    groups: bool = False
    units: bool = False


class Person(msgspec.Struct, frozen=True, gc=False):
    """One person of a directory.

    `external_id` is the directory's own stable id (`entryUUID`, `objectGUID`, …) and `identifier`
    the login attribute's value, "" where the entry has none. `disabled` is the vendor's rule,
    before any rule of the user. `manager` is the DN in the manager attribute; None when no manager
    attribute is configured, "" when absent. `identifiers` and `managers` hold all values, the one
    that counts first, where there are several and none is in the RDN; () otherwise. `logins` are
    the values of `uid`, by which groups may name their members (`memberUid`).
    """

    dn: str
    external_id: str
    identifier: str
    attributes: Attributes
    disabled: bool = False
    manager: str | None = None
    logins: tuple[str, ...] = ()
    identifiers: tuple[str, ...] = ()
    managers: tuple[str, ...] = ()


class DirectoryGroup(msgspec.Struct, frozen=True, gc=False):
    """One group of a directory.

    `members` are DNs as written there, `member_logins` values of memberUid, both sorted.
    `nested_members` are the DNs of persons who are members by way of groups that the rules do not
    find. `members_unknown` says why not all members are known, "" where they are: such a group is
    no smaller group.
    """

    dn: str
    external_id: str
    attributes: Attributes
    members: tuple[str, ...] = ()
    member_logins: tuple[str, ...] = ()
    nested_members: tuple[str, ...] = ()
    members_unknown: str = ""


class OrganizationalUnit(msgspec.Struct, frozen=True, gc=False):
    """One organizational unit (OU) of a directory."""

    dn: str
    external_id: str
    attributes: Attributes


class Outline(msgspec.Struct, frozen=True):
    """The part of a source that can be shown while its persons are read: OUs, then groups too.

    Each list is complete, in normalized DN order; `groups` is None until they are read. Nothing is
    decided by it: the read may yet fail, and what is a member by way of persons alone is not among
    the members yet.
    """

    units: tuple[OrganizationalUnit, ...]
    groups: tuple[DirectoryGroup, ...] | None = None


class DirectorySnapshot(msgspec.Struct, frozen=True):
    """All persons, groups and OUs of one source: complete, never partial.

    Each list is in normalized DN order.
    """

    source: str
    base_dn: str
    persons: tuple[Person, ...] = ()
    groups: tuple[DirectoryGroup, ...] = ()
    units: tuple[OrganizationalUnit, ...] = ()
    strays: frozenset[str] = frozenset()
    """External ids (and DNs, of users without one) that the rules do not find, but a search without
    any filter does."""
    folding: Folding = "compatibility"
    """What the server folds in names beyond what all servers do."""
    lookalikes: frozenset[str] = frozenset()
    """Normalized DNs, of all entries there are, that only that folding makes the same as
    another's."""


Step = Callable[[str], Iterable[str]]
"""From a group to the groups one level away: those nested in it, or those it is nested in."""


def reachable(starts: Iterable[str], step: Step) -> dict[str, str]:
    """Every group that steps from `starts` lead to, nearest first → the group before it on the way.

    The starts are included, with "" as the group before them. Groups may contain each other: each
    is visited once, so a cycle ends where it began.
    """
    before = dict.fromkeys(starts, "")
    waiting = list(before)
    for group in waiting:  # grows during the walk
        for neighbour in step(group):
            if neighbour not in before:
                before[neighbour] = group
                waiting.append(neighbour)
    return before
