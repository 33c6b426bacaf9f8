"""Selections: how a name in the desired state finds entries of a directory.

A pattern with two or more RDNs is a DN, whole or relative to the source's base DN; with one RDN (`cn=*-team`) it is
compared with an entry's own RDN; without `=` it is compared with the plain name: a person's identifier, the value of
a group's or OU's RDN. `*` stands for any text, including none. Case, insignificant spaces and the way letters are
encoded never matter.
"""

import re
import unicodedata
from collections.abc import Iterable

from reconcile.model import dn


def _glob(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)


def folded(name: str) -> str:
    """A plain name as it is compared: case does not matter, nor whether é is written as one sign or as two."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


class NamePatterns:
    """Patterns of plain names as one question; `*` stands for any text, and case never matters."""

    def __init__(self, patterns: Iterable[str]) -> None:
        """Anything but `*` stands for itself."""
        self._globs = [_glob(folded(pattern)) for pattern in patterns]

    def __bool__(self) -> bool:
        return bool(self._globs)

    def matches(self, name: str) -> bool:
        """Whether any of the patterns is all of the name."""
        name = folded(name)
        return any(glob.fullmatch(name) for glob in self._globs)


class Selection:
    """Several patterns as one question. Made from texts that the configuration has checked."""

    def __init__(self, patterns: Iterable[str], base_dn: str) -> None:
        """`base_dn` is what relative DNs are below of."""
        self._dns: set[str] = set()
        self._rdns: set[str] = set()
        self._names: set[str] = set()
        self._globs: list[tuple[int, re.Pattern[str]]] = []
        self._base_dn = base_dn
        self._patterns = tuple(patterns)
        for pattern in self._patterns:
            if "=" not in pattern:
                kind, text = 2, folded(pattern)
            elif len(dn.parse(pattern)) == 1:
                kind, text = 1, dn.normalize(pattern)
            else:
                kind, text = 0, dn.normalize(dn.join(pattern, base_dn))
            if "*" in text:
                self._globs.append((kind, _glob(text)))
            else:
                (self._dns, self._rdns, self._names)[kind].add(text)

    def __bool__(self) -> bool:
        return bool(self._dns or self._rdns or self._names or self._globs)

    def matches(self, key: str, name: str | None = None) -> bool:
        """Whether an entry is meant: `key` is its normalized DN, `name` its plain name (default: the RDN's value)."""
        if key in self._dns:
            return True
        if not (self._rdns or self._names or self._globs):
            return False
        rdn = key.partition(",")[0]
        if rdn in self._rdns:
            return True
        plain = folded(rdn.partition("=")[2] if name is None else name)
        if plain in self._names:
            return True
        texts = (key, rdn, plain)
        return any(glob.fullmatch(texts[kind]) for kind, glob in self._globs)

    def exact(self, key: str) -> bool:
        """Whether an entry is meant by its very DN, not by a wildcard or a name."""
        return key in self._dns

    def pattern(self, key: str, name: str | None = None) -> int | None:
        """The place of the first pattern that means an entry, for people who ask why; None for no pattern."""
        single = (Selection((pattern,), self._base_dn) for pattern in self._patterns)
        return next((at for at, one in enumerate(single) if one.matches(key, name)), None)
