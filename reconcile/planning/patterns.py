"""Selections: how a name in the desired state finds entries of a directory.

A pattern with two or more RDNs is a DN, whole or relative to the source's base DN; with one RDN (`cn=*-team`) it is
compared with an entry's own RDN; without `=` it is compared with the plain name: a person's identifier, the value of
a group's or OU's RDN. `*` stands for any text, including none. Case, insignificant spaces and the way letters are
encoded never matter.
"""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from reconcile.model import dn

_DN, _RDN, _NAME = range(3)
"""What a pattern is compared with."""


def _glob(text: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, text.split("*"))), re.DOTALL)


def folded(name: str) -> str:
    """A plain name as it is compared: case does not matter, nor whether é is written as one sign or as two."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())


def _read(pattern: str, base_dn: str) -> tuple[int, str]:
    """What the pattern is compared with, and the text that has to be equal to it."""
    if "=" not in pattern:
        return _NAME, folded(pattern)
    if len(dn.parse(pattern)) == 1:
        return _RDN, dn.normalize(pattern)
    return _DN, dn.normalize(dn.join(pattern, base_dn))


def plain_name(key: str, name: str | None = None) -> str:
    """An entry's plain name as it is compared: `name`, or the value of its normalized DN's RDN."""
    return folded(key.partition(",")[0].partition("=")[2] if name is None else name)


def _texts(key: str, name: str | None) -> tuple[str, str, str]:
    """What patterns are compared with, of an entry: its normalized DN, its RDN, its plain name."""
    return key, key.partition(",")[0], plain_name(key, name)


def found_by(
    patterns: Iterable[str], base_dn: str, keys: Sequence[str], names: Sequence[str] | None = None
) -> list[list[int]]:
    """For each pattern the positions of the entries that it finds, as `Selection` would.

    `keys` are the normalized DNs of all entries, `names` their plain names (default: the values of
    their RDNs). Takes one pass over the entries, and for each no longer if there are more patterns
    without a wildcard.
    """
    found: list[list[int]] = []
    exact: tuple[dict[str, list[list[int]]], ...] = ({}, {}, {})
    globs: list[tuple[int, re.Pattern[str], list[int]]] = []
    for pattern in patterns:
        kind, text = _read(pattern, base_dn)
        positions: list[int] = []
        found.append(positions)
        if "*" in text:
            globs.append((kind, _glob(text), positions))
        else:
            exact[kind].setdefault(text, []).append(positions)
    dns, rdns, plain = exact
    if not (rdns or plain or globs):
        for position, key in enumerate(keys) if dns else ():
            for positions in dns.get(key, ()):
                positions.append(position)
        return found
    for position, key in enumerate(keys):
        texts = _texts(key, None if names is None else names[position])
        by_rdn, by_name = rdns.get(texts[_RDN], ()), plain.get(texts[_NAME], ())
        for positions in (*dns.get(key, ()), *by_rdn, *by_name):
            positions.append(position)
        for kind, glob, positions in globs:
            if glob.fullmatch(texts[kind]):
                positions.append(position)
    return found


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
            kind, text = _read(pattern, base_dn)
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

    def exact_pattern(self, key: str) -> int | None:
        """The place of the first pattern that is the very DN of an entry; None for no pattern."""
        single = (Selection((pattern,), self._base_dn) for pattern in self._patterns)
        return next((at for at, one in enumerate(single) if one.exact(key)), None)

    def pattern(self, key: str, name: str | None = None) -> int | None:
        """The place of the first pattern that means an entry, for people who ask why; None for no pattern."""
        single = (Selection((pattern,), self._base_dn) for pattern in self._patterns)
        return next((at for at, one in enumerate(single) if one.matches(key, name)), None)
