"""One raw entry → one value of the model. Attribute values are decoded here, once."""

import re
from base64 import b64encode
from collections.abc import Iterable

import msgspec

from reconcile.directories.searching import RawEntry
from reconcile.directories.vendors import Vendor
from reconcile.model import desired
from reconcile.model.directory import Attributes, DirectoryGroup, OrganizationalUnit, Person, Query

_UID_SUFFIX = re.compile(r"#'[01]*'B\Z")


class Rules(msgspec.Struct, frozen=True):
    """What of a source's settings and its vendor's defaults is needed for one entry, looked up once."""

    vendor: Vendor
    identifier: str
    manager: str | None
    members: tuple[str, ...]
    logins: tuple[str, ...]
    group_attributes: frozenset[str]

    @classmethod
    def of(cls, source: desired.Source, vendor: Vendor, query: Query) -> "Rules":
        """The rules of a source."""
        members, logins = vendor.member_attributes, vendor.login_attributes
        if source.groups.member_attribute:
            chosen = (source.groups.member_attribute.lower(),)
            members, logins = ((), chosen) if chosen[0] in logins else (chosen, ())
        manager = source.users.manager_attribute or vendor.manager_attribute
        return cls(
            vendor=vendor,
            identifier=(source.users.identifier or vendor.identifier).lower(),
            manager=manager.lower() if manager else None,
            members=members,
            logins=logins,
            group_attributes=frozenset(name.lower() for name in query.group_attributes),
        )

    def person_attributes(self, query: Query) -> tuple[str, ...]:
        """What has to be asked for to make persons, in a stable order."""
        manager = () if self.manager is None else (self.manager,)
        return _ordered(
            query.person_attributes, self.vendor.disabled_attributes, manager, (self.identifier, self.vendor.stable_id)
        )

    def group_attributes_asked(self) -> tuple[str, ...]:
        """The same for groups."""
        return _ordered(self.group_attributes, self.members, self.logins, (self.vendor.stable_id,))

    def unit_attributes(self, query: Query) -> tuple[str, ...]:
        """The same for OUs."""
        return _ordered(query.unit_attributes, (self.vendor.stable_id,))


def _ordered(*names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name.lower() for some in names for name in some}))


def text(value: bytes) -> str:
    """UTF-8 text; base64 of anything else."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return b64encode(value).decode()


def decoded(attributes: dict[str, list[bytes]]) -> Attributes:
    """All values as text; an attribute without values is absent."""
    try:
        # Nearly every entry is text throughout: no call for each value.
        return {name: tuple([value.decode() for value in values]) for name, values in attributes.items() if values}
    except UnicodeDecodeError:
        return {name: tuple(map(text, values)) for name, values in attributes.items() if values}


def person(entry: RawEntry, rules: Rules) -> Person:
    """A person. Raises ValueError for a stable id that is none."""
    attributes = decoded(entry.attributes)
    identifiers = attributes.get(rules.identifier)
    manager = None
    if rules.manager is not None:
        manager = attributes.get(rules.manager, ("",))[0]
    return Person(
        entry.dn,
        external_id(entry, rules.vendor),
        identifiers[0] if identifiers else "",
        attributes,
        rules.vendor.disabled(attributes),
        manager,
    )


def group(entry: RawEntry, rules: Rules) -> DirectoryGroup:
    """A group; member attributes are among its attributes only if they were asked for."""
    raw = entry.attributes
    shown = {name: values for name, values in raw.items() if _asked(name, rules)}
    members = dict.fromkeys(
        _UID_SUFFIX.sub("", member) if name == "uniquemember" else member
        for name in rules.members
        for member in map(text, raw.get(name, ()))
    )
    members.pop("", None)  # groupOfNames must have a member: the empty DN stands for none.
    return DirectoryGroup(
        dn=entry.dn,
        external_id=external_id(entry, rules.vendor),
        attributes=decoded(shown),
        members=tuple(members),
        member_logins=tuple(dict.fromkeys(text(value) for name in rules.logins for value in raw.get(name, ()))),
    )


def _asked(name: str, rules: Rules) -> bool:
    if name in rules.group_attributes:
        return True
    return name not in rules.members and name not in rules.logins


def unit(entry: RawEntry, rules: Rules) -> OrganizationalUnit:
    """An OU."""
    return OrganizationalUnit(entry.dn, external_id(entry, rules.vendor), decoded(entry.attributes))


def external_id(entry: RawEntry, vendor: Vendor) -> str:
    """The directory's own stable id as text, "" where there is none."""
    values = entry.attributes.get(vendor.stable_id)
    return vendor.id_text(values[0]) if values else ""
