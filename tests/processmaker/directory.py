"""A directory as the product's synchroniser sees it: entries by DN, read from LDIF text.

It is kept apart from reconcile's own reading of LDIF, so that the oracle shares nothing with what it
judges. DNs are compared as text, as the product does.
"""

import base64
from collections.abc import Iterator, Mapping

Entry = Mapping[str, list[str]]
"""Attribute, in lower case → its values."""
PERSONS = {"inetorgperson", "organizationalperson", "person", "user"}
GROUPS = {"posixgroup", "group", "groupofuniquenames"}
UNITS = {"organizationalunit"}


class Directory:
    """Entries by DN."""

    def __init__(self, ldif: str = "") -> None:
        self.entries: dict[str, Entry] = dict(_entries(ldif))

    def below(self, base: str, classes: set[str]) -> Iterator[tuple[str, Entry]]:
        """The entries of one of these classes anywhere below a DN, in the order of the file."""
        for dn, entry in self.entries.items():
            if dn.endswith(f",{base}") and classes & {
                name.lower() for name in entry.get("objectclass", [])
            }:
                yield dn, entry

    def children(self, parent: str, classes: set[str]) -> Iterator[tuple[str, Entry]]:
        """Those one level below."""
        for dn, entry in self.below(parent, classes):
            if above(dn) == parent:
                yield dn, entry


def above(dn: str) -> str:
    """The DN of the parent. An escaped comma is no separator."""
    return dn.replace("\\,", "\0\0").partition(",")[2].replace("\0\0", "\\,")


def first(entry: Entry, *attributes: str) -> str:
    """The first value of the first attribute that has one, trimmed; empty without."""
    for attribute in attributes:
        for value in entry.get(attribute.lower(), [])[:1]:
            if value.strip():
                return value.strip()
    return ""


def _entries(ldif: str) -> Iterator[tuple[str, Entry]]:
    unfolded = ldif.replace("\n ", "")
    for block in unfolded.split("\n\n"):
        dn, entry = "", dict[str, list[str]]()
        for line in block.splitlines():
            name, _, value = line.partition(":")
            text = (
                base64.b64decode(value[1:]).decode() if value.startswith(":") else value.lstrip(" ")
            )
            if name == "dn":
                dn = text
            elif not name.startswith("#"):
                entry.setdefault(name.lower(), []).append(text)
        if dn:
            yield dn, entry
