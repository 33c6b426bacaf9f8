"""One raw entry → one value of the model. Attribute values are decoded here, once."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from reconcile.directories import aliases
from reconcile.directories.searching import RawEntry
from reconcile.directories.vendors import Disabled, Vendor
from reconcile.model import desired
from reconcile.model.directory import Attributes, DirectoryGroup, OrganizationalUnit, Person, Query

_NONE: Final[Mapping[str, Callable[[bytes], str]]] = MappingProxyType({})
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


def decoded(attributes: dict[str, list[bytes]], binary: Mapping[str, Callable[[bytes], str]] = _NONE) -> Attributes:
    """All values as text, those of `binary` as it says; an attribute without values is absent. Raises ValueError."""
    readable = (
        {name: tuple(map(binary[name], attributes[name])) for name in binary if attributes.get(name)} if binary else {}
    )
    if readable:
        attributes = {name: values for name, values in attributes.items() if name not in readable}
    try:
        # Nearly every entry is text throughout, and most attributes have one value: no call for each.
        plain = {
            name: (values[0].decode(),) if len(values) == 1 else tuple([value.decode() for value in values])
            for name, values in attributes.items()
            if values
        }
    except UnicodeDecodeError:
        plain = {name: tuple(map(text, values)) for name, values in attributes.items() if values}
    return plain | readable if readable else plain


def _is_text(values: list[bytes] | None) -> bool:
    """Whether a login is one: nobody logs in as the base64 of some bytes."""
    if values and not values[0].isascii():
        try:
            values[0].decode()
        except UnicodeDecodeError:
            return False
    return True


def person(entry: RawEntry, rules: Rules) -> Person:
    """A person. Raises ValueError for a stable id that is none, or a status that cannot be understood."""
    attributes = decoded(entry.attributes, rules.vendor.binary)
    if rules.person_aliases:
        aliases.filled(attributes, rules.person_aliases)
    identifiers = attributes.get(rules.identifier)
    manager = None
    if rules.manager is not None:
        manager = attributes.get(rules.manager, ("",))[0]
    return Person(
        entry.dn,
        external_id(entry, rules.vendor),
        identifiers[0] if identifiers and _is_text(entry.attributes.get(rules.identifier)) else "",
        attributes,
        rules.disabled(attributes),
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
        attributes=aliases.filled(decoded(shown, rules.vendor.binary), rules.group_aliases),
        members=tuple(members),
        member_logins=tuple(dict.fromkeys(text(value) for name in rules.logins for value in raw.get(name, ()))),
    )


def _asked(name: str, rules: Rules) -> bool:
    if name in rules.group_attributes:
        return True
    return name not in rules.members and name not in rules.logins


def unit(entry: RawEntry, rules: Rules) -> OrganizationalUnit:
    """An OU."""
    attributes = aliases.filled(decoded(entry.attributes, rules.vendor.binary), rules.unit_aliases)
    return OrganizationalUnit(entry.dn, external_id(entry, rules.vendor), attributes)


def external_id(entry: RawEntry, vendor: Vendor) -> str:
    """The directory's own stable id as text, "" where there is none."""
    values = entry.attributes.get(vendor.stable_id)
    return vendor.id_text(values[0]) if values else ""
