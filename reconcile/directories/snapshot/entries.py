"""One raw entry → one value of the model. Attribute values are decoded here, once."""

import re
from base64 import b64encode
from collections.abc import Callable, Iterable, Mapping
from itertools import chain
from types import MappingProxyType
from typing import Final

import msgspec

from reconcile.directories.search import attribute_values
from reconcile.directories.search.search import RawEntry
from reconcile.directories.snapshot import aliases
from reconcile.directories.vendors.table import LOGINS, MEMBER_LOGINS, MEMBER_URL, Disabled, Vendor
from reconcile.model import desired
from reconcile.model.directory import Attributes, DirectoryGroup, OrganizationalUnit, Person, Query
from reconcile.model.text import attribute_types, dn

_NONE: Final[Mapping[str, Callable[[bytes], str]]] = MappingProxyType({})
_ALL_TEXT: Final[Mapping[str, int]] = MappingProxyType({})
_ABSENT: Final = ("",)
_NOBODY: Final = frozenset({"", " "})
"""groupOfNames must have a member: the empty DN means none."""
_UID_SUFFIX = re.compile(r"#'[01]*'B\Z")


class Rules(msgspec.Struct, frozen=True):
    """The settings of a source and defaults of its vendor that every entry needs.

    They are looked up once for each read.
    """

    vendor: Vendor
    disabled: Disabled
    identifier: str
    manager: str | None
    members: tuple[str, ...]
    logins: tuple[str, ...]
    group_attributes: frozenset[str]
    dynamic: bool
    primary_group: bool
    by_login: bool
    """Whether groups are read that may name persons by their logins."""
    person_aliases: aliases.Pairs
    group_aliases: aliases.Pairs
    unit_aliases: aliases.Pairs

    @classmethod
    def of(cls, source: desired.Source, vendor: Vendor, query: Query) -> "Rules":
        """The rules of a source, at this moment."""
        members, logins = vendor.member_attributes, vendor.login_attributes
        if source.groups.member_attribute:
            # Whichever of its names a server answers with: what comes under either is a member.
            written = attribute_types.plain(source.groups.member_attribute)
            chosen = tuple(dict.fromkeys((attribute_types.main(written), written)))
            members, logins = ((), chosen) if chosen[0] == MEMBER_LOGINS else (chosen, ())
        manager = source.users.manager_attribute or vendor.manager_attribute
        manager = attribute_types.plain(manager) if manager else None
        identifier = attribute_types.plain(source.users.identifier or vendor.identifier)
        group_attributes = frozenset(_lower(query.group_attributes))
        return cls(
            vendor=vendor,
            disabled=vendor.disabled(source),
            identifier=identifier,
            manager=manager,
            members=tuple(name for name in members if attribute_types.main(name) != MEMBER_URL),
            logins=logins,
            group_attributes=group_attributes,
            dynamic=vendor.dynamic or MEMBER_URL in members,
            primary_group=vendor.primary_group and query.groups,
            by_login=bool(logins) and query.groups,
            person_aliases=aliases.pairs(
                {identifier, manager or identifier, *_lower(query.person_attributes)}
            ),
            group_aliases=aliases.pairs(group_attributes),
            unit_aliases=aliases.pairs(_lower(query.unit_attributes)),
        )

    def person_attributes(self, query: Query) -> tuple[str, ...]:
        """The attributes needed for persons, in a stable order."""
        own = (self.identifier, self.vendor.stable_id, *((LOGINS,) if self.by_login else ()))
        manager = () if self.manager is None else (self.manager,)
        primary = ("objectsid", "primarygroupid") if self.primary_group else ()
        disabled = self.vendor.disabled_attributes
        return _ordered(
            query.person_attributes, disabled, manager, primary, own, _mains(self.person_aliases)
        )

    def group_attributes_asked(self) -> tuple[str, ...]:
        """What has to be asked for to make groups."""
        own = (
            self.vendor.stable_id,
            *(("objectsid",) if self.primary_group else ()),
            *self.dynamic_attributes,
        )
        return _ordered(
            self.group_attributes, self.members, self.logins, own, _mains(self.group_aliases)
        )

    @property
    def dynamic_attributes(self) -> tuple[str, ...]:
        """The attributes that say that a group's members are found by a search, and by which."""
        return (MEMBER_URL, "objectclass") if self.dynamic else ()

    def unit_attributes(self, query: Query) -> tuple[str, ...]:
        """What has to be asked for to make OUs."""
        return _ordered(query.unit_attributes, (self.vendor.stable_id,), _mains(self.unit_aliases))


def _lower(names: Iterable[str]) -> set[str]:
    return {name.lower() for name in names}


def _mains(pairs: aliases.Pairs) -> Iterable[str]:
    return (main for _, main in pairs)


def _ordered(*names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted({name.lower() for some in names for name in some}))


def text(value: bytes) -> str:
    """UTF-8 text; base64 of other bytes."""
    try:
        return value.decode()
    except UnicodeDecodeError:
        return b64encode(value).decode()


def decoded(
    entry: RawEntry, binary: Mapping[str, Callable[[bytes], str]] = _NONE
) -> tuple[Attributes, Mapping[str, int]]:
    """All values as text, in the order of `values`.

    Values of `binary` are converted by it, which raises ValueError for what it cannot convert.
    Attributes without a value, or with only blank ones, are absent. The second mapping has the
    attributes with values that are not text, and how many of their values are not: those come
    first.
    """
    attributes: Attributes = {}
    several: list[tuple[str, list[bytes]]] = []
    if binary:
        attributes, entry = _binary_first(entry, binary)
    try:
        # Nearly every entry is text throughout, and most attributes have one value: no call for
        # each. This is half of what reading costs beyond the library; a comprehension, or a
        # `strict` zip, takes a fifth more.
        for name, some in zip(entry.names, entry.values):  # noqa: B905 - see above
            if len(some) == 1:
                only = some[0].decode()
                # The first letter decides.
                if "!" <= only < "\x7f" or not attribute_values.is_blank(only):
                    attributes[name] = (only,)
            elif some:
                several.append((name, some))
        if several:
            _add_ordered(attributes, several, entry.dn)
    except UnicodeDecodeError:
        return _partly_text(entry, attributes)
    return attributes, _ALL_TEXT


def _add_ordered(
    attributes: Attributes, several: list[tuple[str, list[bytes]]], entry_dn: str
) -> None:
    """Adds attributes with several values; raises UnicodeDecodeError for one that is not text."""
    for name, some in several:
        known = attribute_values.ordered(name, [value.decode() for value in some], entry_dn)
        if known:
            attributes[name] = known


def _binary_first(
    entry: RawEntry, binary: Mapping[str, Callable[[bytes], str]]
) -> tuple[Attributes, RawEntry]:
    """The attributes of `binary` as text, and the entry without them."""
    raw = entry.attributes
    attributes: Attributes = {
        name: tuple(sorted(map(binary[name], raw.pop(name)))) for name in binary if raw.get(name)
    }
    return attributes, RawEntry.of(entry.dn, raw)


def _partly_text(entry: RawEntry, attributes: Attributes) -> tuple[Attributes, Mapping[str, int]]:
    """Like `decoded`, adding to `attributes`, for an entry with values that are not text."""
    partly: dict[str, int] = {}
    for name, some in entry.attributes.items():
        known = attribute_values.ordered(
            name, [value.decode() for value in some if _is_text(value)], entry.dn
        )
        rest = sorted({text(value) for value in some if not _is_text(value)})
        if rest:
            partly[name] = len(known)
        if known or rest:
            attributes[name] = (*known, *rest)
    return attributes, partly


def _is_text(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def person(entry: RawEntry, rules: Rules) -> Person:
    """A person.

    Raises ValueError for an invalid stable id, or a status that cannot be understood.
    """
    vendor = rules.vendor
    attributes, partly = decoded(entry, vendor.binary)
    if rules.person_aliases:
        aliases.filled(attributes, rules.person_aliases)
    identifier = attributes.get(rules.identifier, _ABSENT)[0]
    stable_id = attributes.get(vendor.stable_id, _ABSENT)[0]
    if partly:  # no one is known by, or logs in as, the base64 of some bytes
        stable_id = external_id(entry, vendor)
        main = attribute_types.MAIN.get(rules.identifier, rules.identifier)
        identifier = identifier if partly.get(rules.identifier, 1) and partly.get(main, 1) else ""
    manager = None if rules.manager is None else attributes.get(rules.manager, _ABSENT)[0]
    logins = attributes.get(LOGINS, ())[: partly.get(LOGINS)]
    return Person(
        entry.dn,
        stable_id,
        identifier,
        attributes,
        rules.disabled(attributes),
        manager,
        logins,
        _several(rules.identifier, attributes, partly, entry.dn),
        () if rules.manager is None else _several(rules.manager, attributes, partly, entry.dn),
    )


def _several(
    name: str, attributes: Attributes, partly: Mapping[str, int], entry_dn: str
) -> tuple[str, ...]:
    """All text values of an attribute that has more than one."""
    known = attributes.get(name, _ABSENT)
    return (
        attribute_values.several(name, known[: partly.get(name)], entry_dn)
        if len(known) > 1
        else ()
    )


def group(entry: RawEntry, rules: Rules) -> DirectoryGroup:
    """A group; member attributes are among its attributes only if they were asked for."""
    raw = entry.attributes
    shown = RawEntry.of(entry.dn, {name: some for name, some in raw.items() if _asked(name, rules)})
    attributes, _ = decoded(shown, rules.vendor.binary)
    logins, names = _logins(chain.from_iterable(raw.get(name, ()) for name in rules.logins))
    names.update(*(_members(name, raw[name]) for name in rules.members if name in raw))
    return DirectoryGroup(
        dn=entry.dn,
        external_id=external_id(entry, rules.vendor),
        attributes=aliases.filled(attributes, rules.group_aliases),
        members=tuple(sorted(names - _NOBODY)),
        member_logins=tuple(sorted(logins)),
    )


def _logins(some: Iterable[bytes]) -> tuple[set[str], set[str]]:
    """The logins among the values of `memberUid`, and the other values.

    Those are whole DNs, which some tools write, and bytes that are not text and so nobody's login.
    """
    logins: set[str] = set()
    others: set[str] = set()
    for value in some:
        login = text(value)
        if _is_dn(login) or not _is_text(value):
            others.add(login.strip())
        elif not attribute_values.is_blank(login):
            logins.add(login)
    return logins, others


def _is_dn(login: str) -> bool:
    """Whether a value in place of a login is a whole DN, of at least two parts."""
    try:
        return "=" in login and bool(dn.parent(dn.normalize(login.strip())))
    except ValueError:
        return False


def _members(name: str, some: list[bytes]) -> list[str]:
    try:
        members = [value.decode() for value in some]
    except UnicodeDecodeError:
        members = [text(value) for value in some]
    unique = attribute_types.main(name) == "uniquemember"
    return [_UID_SUFFIX.sub("", member) for member in members] if unique else members


def _asked(name: str, rules: Rules) -> bool:
    if name in rules.group_attributes:
        return True
    base = name.partition(";")[0]
    return (
        base not in rules.members
        and base not in rules.logins
        and base not in rules.dynamic_attributes
    )


def unit(entry: RawEntry, rules: Rules) -> OrganizationalUnit:
    """An OU."""
    attributes, _ = decoded(entry, rules.vendor.binary)
    return OrganizationalUnit(
        entry.dn, external_id(entry, rules.vendor), aliases.filled(attributes, rules.unit_aliases)
    )


def external_id(entry: RawEntry, vendor: Vendor) -> str:
    """The directory's own stable id as text, "" if there is none."""
    return min(
        (
            vendor.id_text(value)
            for value in entry.attributes.get(vendor.stable_id, ())
            if value.strip()
        ),
        default="",
    )
