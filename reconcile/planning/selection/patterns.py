r"""Selections: how a name in the desired state finds entries of a directory.

A pattern with two or more RDNs is a DN, whole or relative to the source's base DN; with one RDN
(`cn=*-team`) it is compared with an entry's own RDN; without `=` it is compared with the plain
name: a person's identifier, the value of a group's or OU's RDN. `*` stands for any text, including
none; within an RDN `\2a` is the character itself (RFC 4514).

The case of ASCII letters and insignificant spaces never matter. What only some servers fold (the
case of other letters, whether é is one character or two) may find an entry where no other can be
meant: `Selection.resolve` looks.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Self, TypeAlias

from reconcile.errors import RulesRefused
from reconcile.model.text import dn
from reconcile.model.text.dn import Folding
from reconcile.model.text.wildcards import Wildcard

Candidates: TypeAlias = Callable[[], Iterable[tuple[str, str | None, str]]]
"""Makes entries: normalized DN, plain name (None: the RDN's value), and the DN as it is written."""

_DN, _RDN, _NAME = range(3)
"""What of an entry a pattern is compared with."""


_ESCAPED = re.compile(r"\\(?:(?P<star>2[aA]|\*)|.)", re.DOTALL)
_STAR = "\ue02a"
"""Stands for an escaped star until the pattern is cut at the others: of private use, so that no
folding changes it."""


def _marked(pattern: str) -> str:
    """A pattern with its escaped stars replaced, so that the bare ones are the wildcards."""
    return _ESCAPED.sub(lambda escape: _STAR if escape["star"] else escape.group(), pattern)


def plain_name(key: str, name: str | None = None) -> str:
    """An entry's plain name as it is compared: `name`, or the value of its normalized DN's RDN."""
    return _plain_name(key.partition(",")[0], name)


def found_by(
    patterns: Iterable[str],
    base_dn: str,
    keys: Sequence[str],
    names: Sequence[str] | None = None,
    folding: Folding = "compatibility",
) -> list[list[int]]:
    """For each pattern the positions of the entries that it finds, as `Selection.found` says."""
    return Selection(patterns, base_dn, folding).finds(keys, names)


class Selection:
    """Several patterns, matched together. The configuration has checked their texts."""

    def __init__(
        self, patterns: Iterable[str], base_dn: str, folding: Folding = "compatibility"
    ) -> None:
        """`base_dn` is what relative DNs are below of; `folding` is that of the server."""
        self._folding: Folding = folding
        self._exact: tuple[set[str], set[str], set[str]] = (set(), set(), set())
        self._globs: dict[int, tuple[int, Wildcard]] = {}
        """By the place of the pattern; all others are exact."""
        self._base_dn = base_dn
        self._below = _marked(base_dn).replace("*", _STAR)  # a base is one entry, whatever its name
        self._patterns = tuple(patterns)
        self._read: list[tuple[int, str]] = []
        for at, pattern in enumerate(self._patterns):
            kind, text = self._understood(pattern)
            pieces = [piece.replace(_STAR, "*") for piece in text.split("*")]
            if len(pieces) > 1:
                wildcard = Wildcard.of(dn.wide_piece(piece, folding) for piece in pieces)
                self._globs[at] = kind, wildcard
            else:
                self._exact[kind].add(pieces[0])
            self._read.append((kind, "*".join(pieces)))

    def _understood(self, pattern: str) -> tuple[int, str]:
        """What a pattern is compared with, and its normalized text; _STAR is an escaped star."""
        if "=" not in pattern:
            return _NAME, dn.lower(pattern)
        marked = _marked(pattern)
        if len(dn.parse(marked)) == 1:
            return _RDN, dn.normalize(marked)
        return _DN, dn.normalize(dn.join(marked, self._below))

    def __bool__(self) -> bool:
        return bool(self._patterns)

    def resolve(self, path: Callable[[int], str], source: str, candidates: Candidates) -> Self:
        """Lets a pattern that names no entry exactly find one by a wider folding; returns itself.

        `path` gives that of a pattern in the desired state, by its number; `source` has the
        candidates. Raises RulesRefused, which names all of them, if several can be meant.
        """
        exact = {at: read for at, read in enumerate(self._read) if at not in self._globs}
        if not exact:
            return self
        meant = self._meant(set(exact.values()), candidates)
        for at, read in exact.items():
            entries = meant.get(read, {})
            if len(entries) > 1:
                raise RulesRefused([(path(at), self._several(at, source, entries.values()))])
            for name in entries:
                self._exact[read[0]].add(name)
                self._read[at] = read[0], name
        return self

    def _several(self, at: int, source: str, entries: Iterable[str]) -> str:
        """The message for a pattern that can mean several entries; these by their DNs."""
        return (
            f"{self._patterns[at]!r} can mean several entries of source {source}:"
            f" {', '.join(sorted(entries))}. Write it as the directory does"
        )

    def _meant(
        self, patterns: set[tuple[int, str]], candidates: Candidates
    ) -> dict[tuple[int, str], dict[str, str]]:
        """Pattern → the names that it matches only by a wider folding → the DN of an entry.

        The DN is as the directory writes it.
        """
        kinds = sorted({kind for kind, _ in patterns})
        spellings: dict[tuple[int, str], list[tuple[int, str]]] = {}
        for kind, text in patterns:
            spellings.setdefault((kind, self._wide(kind, text)), []).append((kind, text))
        entries: dict[tuple[int, str], dict[str, str]] = {pattern: {} for pattern in patterns}
        exact: set[tuple[int, str]] = set()
        for key, name, written in candidates():
            for kind in kinds:
                own = self._text(kind, key, name)
                if (kind, own) in patterns:
                    exact.add((kind, own))
                for pattern in spellings.get((kind, self._wide(kind, own)), ()):
                    entries[pattern].setdefault(own, written)
        # A pattern that names an entry exactly means no other.
        return {pattern: names for pattern, names in entries.items() if pattern not in exact}

    @staticmethod
    def _text(kind: int, key: str, name: str | None) -> str:
        """What of an entry a pattern of a kind is compared with."""
        if kind == _DN:
            return key
        rdn = key.partition(",")[0]
        return rdn if kind == _RDN else _plain_name(rdn, name)

    def _wide(self, kind: int, text: str) -> str:
        """A text as servers with a wider folding compare it."""
        return dn.wide_text(text, self._folding) if kind == _NAME else dn.wide(text, self._folding)

    def matches(self, key: str, name: str | None = None) -> bool:
        """Whether a pattern matches the entry.

        `key` is its normalized DN, `name` its plain name (default: the value of its RDN).
        """
        dns, rdns, names = self._exact
        if key in dns:
            return True
        if not (rdns or names or self._globs):
            return False
        rdn = key.partition(",")[0]
        if rdn in rdns:
            return True
        plain = _plain_name(rdn, name)
        if plain in names:
            return True
        texts = (key, rdn, plain)
        return any(
            glob.matches(self._wide(kind, texts[kind])) for kind, glob in self._globs.values()
        )

    def exact(self, key: str) -> bool:
        """Whether an entry is meant by its DN, not by a wildcard or a name."""
        return key in self._exact[_DN]

    def exact_pattern(self, key: str) -> int | None:
        """The place of the first pattern that is the very DN of an entry; None for no pattern."""
        for at, read in enumerate(self._read):
            if read == (_DN, key) and at not in self._globs:
                return at
        return None

    def finds(self, keys: Sequence[str], names: Sequence[str] | None = None) -> list[list[int]]:
        """For each pattern the positions of the entries that it finds.

        `keys` are the normalized DNs of all entries, `names` their plain names (default: the values
        of their RDNs). Takes one pass over the entries, and for each no longer if there are more
        patterns without a wildcard.
        """
        finds: list[list[int]] = [[] for _ in self._read]
        if not finds:
            return finds
        dns, rdns, plain = self._exact_patterns()
        wild = [(kind, glob, at) for at, (kind, glob) in self._globs.items()]
        by_dn_alone = not (rdns or plain or wild)
        for position, key in enumerate(keys):
            hits = dns.get(key, ())
            if not by_dn_alone:
                rdn = key.partition(",")[0]
                texts = key, rdn, _plain_name(rdn, None if names is None else names[position])
                hits = (*hits, *rdns.get(rdn, ()), *plain.get(texts[_NAME], ()))
                for kind, glob, at in wild:
                    if glob.matches(self._wide(kind, texts[kind])):
                        finds[at].append(position)
            for at in hits:
                finds[at].append(position)
        return finds

    def _exact_patterns(self) -> tuple[dict[str, list[int]], ...]:
        """For each kind: text → the places of the patterns without a wildcard that are it."""
        exact: tuple[dict[str, list[int]], ...] = ({}, {}, {})
        for at, (kind, text) in enumerate(self._read):
            if at not in self._globs:
                exact[kind].setdefault(text, []).append(at)
        return exact

    def pattern(self, key: str, name: str | None = None) -> int | None:
        """The position of the first pattern that matches an entry, for `explain`; None for none."""
        for at in range(len(self._patterns)):
            if self._alone(at).matches(key, name):
                return at
        return None

    def _alone(self, at: int) -> "Selection":
        """One of the patterns, as it was resolved."""
        alone = Selection((self._patterns[at],), self._base_dn, self._folding)
        kind, text = self._read[at]
        if at not in self._globs:
            alone._exact[kind].add(text)
        return alone


def _plain_name(rdn: str, name: str | None) -> str:
    """The plain name of an entry, or the value of its RDN where it has none."""
    if name is not None:
        return dn.lower(name)
    value = rdn.partition("=")[2]
    return dn.first_value(rdn) if "\\" in value else value
