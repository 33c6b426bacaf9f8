"""Attributes with options: `member;x-load` is a subtype of `member` (RFC 4512, 2.5.2).

A server that is asked for an attribute also returns its subtypes, under their own names. Their
values are added to the attribute without options; they also stay under their own names.
"""

from functools import lru_cache
from typing import Final

from reconcile.directories.search import attribute_values
from reconcile.directories.search.search import RawEntry

_REMOVED: Final = "deleted"
"""With this option, 389 Directory Server keeps values that were removed from an entry."""


@lru_cache(maxsize=1024)
def any_of(names: tuple[str, ...]) -> bool:
    """Whether an attribute has options."""
    # Names repeat with every entry, and this is asked of every one there is.
    return any(";" in name for name in names)


def merged(entry: RawEntry) -> RawEntry:
    """The entry, with the values of attributes with options also under the names without them.

    Values in a language (`;lang-de`, RFC 3866) are used if the entry has no other value.
    """
    if not any_of(entry.names):
        return entry
    plain: dict[str, list[bytes]] = {}
    in_languages: dict[str, list[bytes]] = {}
    for name, some in zip(entry.names, entry.values, strict=True):
        base, *options = name.split(";")
        if _REMOVED not in options:
            language = any(option.startswith("lang-") for option in options)
            (in_languages if language else plain).setdefault(base, []).extend(some)
    for base, some in in_languages.items():
        if all(map(_is_blank, plain.get(base, ()))):
            plain[base] = some
    return RawEntry.of(entry.dn, entry.attributes | plain)


def _is_blank(value: bytes) -> bool:
    return attribute_values.is_blank(value.decode("utf-8", "replace"))
