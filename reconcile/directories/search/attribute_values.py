"""The values of an attribute: a set, which a directory returns in any order.

Here they get one order, so that the first is always the same: the value in the entry's own name,
then the smallest. A value without a visible character does not count.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache
from typing import Final

from reconcile.model.text import attribute_types, dn
from reconcile.model.text.folding import folded, widely_folded

# What RFC 4518, 2.2 maps to a space or to nothing. Control characters are no blanks: they are
# faults, to be reported.
_BLANK: Final = re.compile(
    r"[\s\u00ad\u034f\u061c\u1806\u180b-\u180f\u200b-\u200f"
    r"\u202a-\u202e\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff]*"
)


def is_blank(text: str) -> bool:
    """Whether a text has nothing visible: empty, spaces of any kind, invisible characters."""
    return _BLANK.fullmatch(text) is not None


def ordered(name: str, texts: Iterable[str], entry_dn: str) -> tuple[str, ...]:
    """Each value once, without blank ones: those in the entry's RDN first, then ascending."""
    values = sorted({text for text in texts if not is_blank(text)})
    if len(values) < 2:
        return tuple(values)
    first = list(_named(values, _in_rdn(name, entry_dn)))
    return tuple(dict.fromkeys([*first, *values])) if first else tuple(values)


def several(name: str, known: tuple[str, ...], entry_dn: str) -> tuple[str, ...]:
    """The values of an attribute if several, and none is in the entry's RDN; otherwise ()."""
    return known if len(known) > 1 and not _in_rdn(name, entry_dn) else ()


def _named(values: Sequence[str], wanted: Sequence[str]) -> Iterable[str]:
    """The values in the RDN, however it spells them."""
    known = set(values)
    spelt: dict[Callable[[str], str], dict[str, list[str]]] = {}
    for written in wanted:
        if written in known:
            yield written
            continue
        for fold in (folded, widely_folded):
            if fold not in spelt:
                spelt[fold] = _by_spelling(values, fold)
            if same := spelt[fold].get(fold(written)):
                # Two values that differ by case alone: then neither is known to be the one.
                yield from same if len(same) == 1 else ()
                break


def _by_spelling(values: Sequence[str], fold: Callable[[str], str]) -> dict[str, list[str]]:
    spelt: dict[str, list[str]] = {}
    for value in values:
        spelt.setdefault(fold(value), []).append(value)
    return spelt


def _in_rdn(name: str, entry_dn: str) -> list[str]:
    try:
        rdns = dn.parse(dn.rdn(entry_dn))
    except ValueError:
        return []
    main = _main(name)
    return sorted(value for kind, value in (rdns[0] if rdns else ()) if _main(kind) == main)


@lru_cache(maxsize=1024)
def _main(name: str) -> str:
    """One name for each attribute, for any of its names and its OID."""
    try:
        known = dn.normalize(f"{name}=x").partition("=")[0]
    except ValueError:
        known = name.lower()
    return attribute_types.MAIN.get(known, known)
