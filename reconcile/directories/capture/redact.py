"""A capture with pseudonyms: the same structure, other names.

Each word of a person's values becomes another word, the same one wherever it occurs in any case. So
what was equal is equal, `Jane Doe <jane.doe@x>` still fits together, members are still members, and
managers are managers. The key of the pseudonyms is forgotten. Names of groups and OUs, the DNs
above persons, domains of addresses, and what says whether a person is active stay as they are, for
rules are about those.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Collection, Iterable
from typing import Final, TypeVar

import msgspec

from reconcile.directories.capture.file import Capture
from reconcile.model.directory import (
    Attributes,
    DirectoryGroup,
    OrganizationalUnit,
    Person,
)
from reconcile.model.text import dn

_Entry = TypeVar("_Entry", Person, DirectoryGroup, OrganizationalUnit)
KEPT: Final = frozenset(
    {
        "objectclass",
        "objectcategory",
        "useraccountcontrol",
        "accountexpires",
        "krbprincipalexpiration",
        "nsaccountlock",
        "pwdaccountlockedtime",
        "shadowexpire",
        "primarygroupid",
        "employeetype",
        "preferredlanguage",
        "loginshell",
    }
)
"""Attributes whose values say nothing of who a person is, and that rules compare."""
_WORD: Final = re.compile(r"[^\W\d_]+|\d+")
_LETTERS: Final = "abcdefghijklmnopqrstuvwxyz"
_LENGTH: Final = 10
"""Of a pseudonym: two of a million words are the same once in some 300 captures, and are told
apart then."""
_UNKNOWN: Final = "not shown in a redacted capture"


class Pseudonyms:
    """Word → pseudonym, with a key of its own."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._words: dict[str, str] = {}
        self._taken: set[str] = set()

    def text(self, text: str) -> str:
        """The text with each word replaced; the rest, and the case of words, stay."""
        return _WORD.sub(lambda match: self._word(match.group()), text)

    def address(self, text: str) -> str:
        """As `text`; what follows an @ is a domain, and stays."""
        local, at, domain = text.rpartition("@")
        return (
            f"{self.text(local)}@{domain}" if at and local and "@" not in local else self.text(text)
        )

    def identity(self, text: str) -> str:
        """A stable id, in the form of a UUID."""
        if not text:
            return ""
        digits = self._digest(text.lower()).hex()[:32]
        parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
        return "-".join(parts)

    def _word(self, word: str) -> str:
        lower = word.lower()
        known = self._words.get(lower)
        if known is None:
            known = self._words[lower] = self._new(lower)
        if word.isupper() and len(word) > 1:
            return known.upper()
        return known.capitalize() if word[0].isupper() else known

    def _new(self, word: str) -> str:
        """A pseudonym that no other word has."""
        alphabet = "0123456789" if word.isdecimal() else _LETTERS
        attempt = 0
        while True:
            digest = self._digest(f"{attempt} {word}")
            made = "".join(alphabet[byte % len(alphabet)] for byte in digest[:_LENGTH])
            if made not in self._taken:
                self._taken.add(made)
                return made
            attempt += 1

    def _digest(self, text: str) -> bytes:
        return hmac.digest(self._key, text.encode(), hashlib.sha256)


def redacted(capture: Capture, keep: Collection[str] = ()) -> Capture:
    """The capture with pseudonyms; `keep` are attributes of persons whose values stay."""
    return _Redaction(capture, {name.lower() for name in keep}).capture()


class _Redaction:
    """One capture on its way."""

    def __init__(self, capture: Capture, keep: set[str]) -> None:
        self._capture = capture
        self._keep = KEPT | keep
        self._names = Pseudonyms()
        self._persons = {dn.key(person.dn) for person in capture.persons}
        self._groups = {dn.key(group.dn) for group in capture.groups}
        self._groups |= {dn.key(unit.dn) for unit in capture.units}
        self._base = dn.key(capture.about.base_dn)
        self._known: dict[str, str] = {}

    def capture(self) -> Capture:
        """With every name replaced, and in the order of a directory again."""
        capture = self._capture
        about = msgspec.structs.replace(
            capture.about,
            redacted=True,
            servers=(),
            lookalikes=tuple(sorted(dn.key(self._dn(name)) for name in capture.about.lookalikes)),
            asked=(),
            strays=(),
        )
        return Capture(
            about,
            tuple(_sorted(map(self._person, capture.persons))),
            tuple(_sorted(map(self._group, capture.groups))),
            tuple(_sorted(map(self._unit, capture.units))),
        )

    def _person(self, person: Person) -> Person:
        return Person(
            self._dn(person.dn),
            self._names.identity(person.external_id),
            self._names.address(person.identifier),
            self._attributes(person.attributes, person.external_id),
            person.disabled,
            person.manager and self._value(person.manager),
            tuple(map(self._names.address, person.logins)),
            tuple(map(self._names.address, person.identifiers)),
            tuple(map(self._value, person.managers)),
        )

    def _group(self, group: DirectoryGroup) -> DirectoryGroup:
        return DirectoryGroup(
            group.dn,
            self._names.identity(group.external_id),
            self._of_group(group),
            tuple(sorted(map(self._value, group.members))),
            tuple(sorted(map(self._names.address, group.member_logins))),
            tuple(sorted(map(self._value, group.nested_members))),
            group.members_unknown and _UNKNOWN,
        )

    def _unit(self, unit: OrganizationalUnit) -> OrganizationalUnit:
        identity = self._names.identity(unit.external_id)
        return OrganizationalUnit(unit.dn, identity, self._of_group(unit))

    def _attributes(self, attributes: Attributes, external_id: str) -> Attributes:
        """Those of a person, whose stable id is among them."""
        return {
            key: values
            if key.partition(";")[0] in self._keep
            else _each_once(self._of_entry(value, external_id) for value in values)
            for key, values in attributes.items()
        }

    def _of_group(self, entry: DirectoryGroup | OrganizationalUnit) -> Attributes:
        """Those of a group or OU: the values that are in its DN stay, as rules name those."""
        named = {value for rdn in _parsed(entry.dn) for _, value in rdn}

        def pseudonym(value: str) -> str:
            return value if value in named else self._of_entry(value, entry.external_id)

        return {
            key: values if key in KEPT else _each_once(map(pseudonym, values))
            for key, values in entry.attributes.items()
        }

    def _of_entry(self, value: str, external_id: str) -> str:
        """A value of an entry with this stable id, which stays the same as the entry's."""
        is_id = bool(external_id) and value.lower() == external_id.lower()
        return self._names.identity(value) if is_id else self._value(value)

    def _value(self, value: str) -> str:
        """A value: a DN as a DN, an address with its domain, anything else word by word."""
        if "=" in value and _parsed(value):
            return self._dn(value)
        return self._names.address(value)

    def _dn(self, name: str) -> str:
        """A DN: that of a group, an OU or above is kept, in any other the first RDN is replaced."""
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._new_dn(name)
        return known

    def _new_dn(self, name: str) -> str:
        key = dn.key(name)
        if key in self._groups or dn.is_below(self._base, key):
            return name
        rdns = _parsed(name)
        if not rdns:
            return self._names.text(name)
        first = "+".join(
            f"{kind}={_escaped(self._names.address(value))}" for kind, value in rdns[0]
        )
        above = name[len(dn.rdn(name)) :].lstrip().lstrip(",;").lstrip()
        if dn.key(above) in self._persons:
            above = self._dn(above)
        return f"{first},{above}" if above else first


def _parsed(name: str) -> list[list[tuple[str, str]]]:
    """The RDNs of a DN; none for another text."""
    try:
        return dn.parse(name)
    except ValueError:
        return []


def _escaped(value: str) -> str:
    """A value as it is written in a DN."""
    return re.sub(r'[\\",+;<>#=\0]|^ | $', lambda match: f"\\{ord(match.group()):02x}", value)


def _each_once(values: Iterable[str]) -> tuple[str, ...]:
    """Values in the order of those they stand for: the first stays the one that counts."""
    return tuple(dict.fromkeys(values))


def _sorted(entries: Iterable[_Entry]) -> list[_Entry]:
    """In normalized DN order."""

    def key(entry: _Entry) -> tuple[str, str]:
        return dn.key(entry.dn), entry.dn

    return sorted(entries, key=key)
