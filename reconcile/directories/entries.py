"""One raw entry → one value of the model. Attribute values are decoded here, once."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final

import msgspec

from reconcile.directories import aliases
from reconcile.directories.searching import RawEntry
from reconcile.directories.vendors import Disabled, Vendor
from reconcile.model import desired
from reconcile.model.directory import Attributes, DirectoryGroup, OrganizationalUnit, Person, Query

_NONE: Final[Mapping[str, Callable[[bytes], str]]] = MappingProxyType({})
_ABSENT: Final = ("",)
_UID_SUFFIX = re.compile(r"#'[01]*'B\Z")


class Rules(msgspec.Struct, frozen=True):
    """What of a source's settings and its vendor's defaults is needed for one entry, looked up once for each read."""

    vendor: Vendor
    disabled: Disabled
    identifier: str
    manager: str | None
    members: tuple[str, ...]
    logins: tuple[str, ...]
    group_attributes: frozenset[str]
    primary_group: bool
    person_aliases: aliases.Pairs
    group_aliases: aliases.Pairs
    unit_aliases: aliases.Pairs

    @classmethod
    def of(cls, source: desired.Source, vendor: Vendor, query: Query) -> "Rules":
        """The rules of a source, as of this moment."""
        members, logins = vendor.member_attributes, vendor.login_attributes
        if source.groups.member_attribute:
            chosen = (source.groups.member_attribute.lower(),)
            members, logins = ((), chosen) if chosen[0] in logins else (chosen, ())
        manager = source.users.manager_attribute or vendor.manager_attribute
        identifier = (source.users.identifier or vendor.identifier).lower()
        group_attributes = frozenset(_lower(query.group_attributes))
        return cls(
            vendor=vendor,
            disabled=vendor.disabled(source),
            identifier=identifier,
            manager=manager.lower() if manager else None,
            members=members,
            logins=logins,
            group_attributes=group_attributes,
            primary_group=vendor.primary_group and query.groups,
            person_aliases=aliases.pairs({identifier, *_lower(query.person_attributes)}),
            group_aliases=aliases.pairs(group_attributes),
            unit_aliases=aliases.pairs(_lower(query.unit_attributes)),
        )

    def person_attributes(self, query: Query) -> tuple[str, ...]:
        """What has to be asked for to make persons, in a stable order."""
        own = (self.identifier, self.vendor.stable_id)
        manager = () if self.manager is None else (self.manager,)
        primary = ("objectsid", "primarygroupid") if self.primary_group else ()
        disabled = self.vendor.disabled_attributes
        return _ordered(query.person_attributes, disabled, manager, primary, own, _mains(self.person_aliases))

    def group_attributes_asked(self) -> tuple[str, ...]:
        """The same for groups."""
        own = (self.vendor.stable_id, *(("objectsid",) if self.primary_group else ()))
        return _ordered(self.group_attributes, self.members, self.logins, own, _mains(self.group_aliases))

    def unit_attributes(self, query: Query) -> tuple[str, ...]:
        """The same for OUs."""
        return _ordered(query.unit_attributes, (self.vendor.stable_id,), _mains(self.unit_aliases))


def _lower(names: Iterable[str]) -> set[str]:
    return {name.lower() for name in names}


def _mains(pairs: aliases.Pairs) -> Iterable[str]:
    return (main for _, main in pairs)


def _ordered(*names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name.lower() for some in names for name in some}))


def text(value: bytes) -> str:
    """UTF-8 text; base64 of anything else."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return b64encode(value).decode()


def decoded(entry: RawEntry, binary: Mapping[str, Callable[[bytes], str]] = _NONE) -> tuple[Attributes, bool]:
    """All values as text, those of `binary` as it says, and whether each of the others is text; ValueError by `binary`.

    An attribute without values is absent.
    """
    attributes: Attributes = {}
    if binary:
        raw = entry.attributes
        attributes = {name: tuple(map(binary[name], raw.pop(name))) for name in binary if raw.get(name)}
        entry = RawEntry.of(entry.dn, raw)
    try:
        # Nearly every entry is text throughout, and most attributes have one value: no call for each. This is half of
        # what reading costs beyond the library; a comprehension, or a `strict` zip, takes a fifth more.
        for name, values in zip(entry.names, entry.values):  # noqa: B905 - see above
            if values:
                one = len(values) == 1
                attributes[name] = (values[0].decode(),) if one else tuple([value.decode() for value in values])
    except UnicodeDecodeError:
        return attributes | {
            name: tuple(map(text, values)) for name, values in entry.attributes.items() if values
        }, False
    return attributes, True


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def person(entry: RawEntry, rules: Rules) -> Person:
    """A person. Raises ValueError for a stable id that is none, or a status that cannot be understood."""
    vendor = rules.vendor
    attributes, texts = decoded(entry, vendor.binary)
    if rules.person_aliases:
        aliases.filled(attributes, rules.person_aliases)
    identifier = attributes.get(rules.identifier, _ABSENT)[0]
    stable_id = attributes.get(vendor.stable_id, _ABSENT)[0]
    if not texts:  # nobody is known by, or logs in as, the base64 of some bytes
        stable_id = external_id(entry, vendor)
        logins = entry.attributes.get(rules.identifier)
        identifier = "" if logins and not _is_text(logins[0]) else identifier
    manager = None if rules.manager is None else attributes.get(rules.manager, _ABSENT)[0]
    return Person(entry.dn, stable_id, identifier, attributes, rules.disabled(attributes), manager)


def group(entry: RawEntry, rules: Rules) -> DirectoryGroup:
    """A group; member attributes are among its attributes only if they were asked for."""
    raw = entry.attributes
    shown = RawEntry.of(entry.dn, {name: values for name, values in raw.items() if _asked(name, rules)})
    attributes, _ = decoded(shown, rules.vendor.binary)
    members = dict.fromkeys(chain.from_iterable(_members(name, raw[name]) for name in rules.members if name in raw))
    members.pop("", None)  # groupOfNames must have a member: the empty DN stands for none.
    return DirectoryGroup(
        dn=entry.dn,
        external_id=external_id(entry, rules.vendor),
        attributes=aliases.filled(attributes, rules.group_aliases),
        members=tuple(members),
        member_logins=tuple(dict.fromkeys(text(value) for name in rules.logins for value in raw.get(name, ()))),
    )


def _members(name: str, values: list[bytes]) -> list[str]:
    try:
        members = [value.decode() for value in values]
    except UnicodeDecodeError:
        members = [text(value) for value in values]
    return [_UID_SUFFIX.sub("", member) for member in members] if name == "uniquemember" else members


def _asked(name: str, rules: Rules) -> bool:
    if name in rules.group_attributes:
        return True
    return name not in rules.members and name not in rules.logins


def unit(entry: RawEntry, rules: Rules) -> OrganizationalUnit:
    """An OU."""
    attributes, _ = decoded(entry, rules.vendor.binary)
    return OrganizationalUnit(
        entry.dn, external_id(entry, rules.vendor), aliases.filled(attributes, rules.unit_aliases)
    )


def external_id(entry: RawEntry, vendor: Vendor) -> str:
    """The directory's own stable id as text, "" where there is none."""
    values = entry.attributes.get(vendor.stable_id)
    return vendor.id_text(values[0]) if values else ""
