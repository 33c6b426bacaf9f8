"""What is read from a source.

Attribute names are lower case; a value that is not UTF-8 text comes as base64.
"""

from typing import TypeAlias

import msgspec

from reconcile.model.text.dn import Folding

Attributes: TypeAlias = dict[str, tuple[str, ...]]
"""Lower-case attribute name → its values, each once, none blank; absent attributes have no key.

In whatever order a directory returns them, the one in the entry's RDN is first, and the others are
ascending.
"""


class Query(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What is requested from a directory in addition to its own settings.

    The names are derived from the templates and rules of the desired state; nothing else is read.
    `groups` and `units` say whether those are needed at all: without such rules, only persons are
    read.
    """

    person_attributes: frozenset[str] = frozenset()
    group_attributes: frozenset[str] = frozenset()
    unit_attributes: frozenset[str] = frozenset()
    groups: bool = False
    units: bool = False


class Person(msgspec.Struct, frozen=True, gc=False):
    """One person of a directory.

    `external_id` is the directory's own stable id (`entryUUID`, `objectGUID`, …) and `identifier`
    the login attribute's value, "" if the entry has none. `disabled` is the vendor's rule,
    before any rule of the user. `manager` is the DN in the manager attribute; None when no manager
    attribute is configured, "" when absent. `identifiers` and `managers` hold all values, the one
    that counts first, if there are several and none is in the RDN; otherwise (). `logins` are the
    values of `uid`, by which groups may name their members (`memberUid`).
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
    find. `members_unknown` says why not all members are known, "" if they are: such a group must
    not be treated as smaller.
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
    decided by it: the read may still fail, and members that follow only from persons are not
    included yet.
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
    """What the server folds in names beyond what all servers fold."""
    lookalikes: frozenset[str] = frozenset()
    """Normalized DNs, among all entries, that only this folding makes equal to another one."""
