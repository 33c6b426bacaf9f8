"""Which texts are the same: names of the platform, and text as directories compare it.

Names of the platform are those of users, groups and sources, and the titles of siblings. Every
comparison of such names goes through `fold_name`. Each database compares in its own way: the unique
keys of the tables fold only the letters A to Z, in which all of them agree, so they never refuse
names that are different here. Names of roles are compared exactly.

For directories, `folded` is what every server treats as the same text. `widely_folded` is what only
some of them do: it may find something, but only if exactly one can be meant.
"""

import re
from collections.abc import Iterable
from typing import Final, TypeVar
from unicodedata import combining

from reconcile.model.text.normalization import normalized

Thing = TypeVar("Thing")
_LONGER_FOLDED: Final = re.compile("([ßẞŉևẚﬀ-ﬆﬓ-ﬗ])")
"""What Unicode's full case folding turns into several letters: `Maße` would be `Masse`."""
_ASCII_CASE: Final = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}


def fold_name(name: str) -> str:
    """The name in its form for comparison: equal for names that are the same.

    Letter by letter, ignoring case and whether an accent is part of its letter or follows it
    (canonical equivalence). Accents, spaces and everything else count. Names that differ only in
    the case of A to Z are equal here.
    """
    if name.isascii():
        return name.lower()
    plain = normalized("NFD", name)
    if _LONGER_FOLDED.search(plain) is None:
        return plain.casefold()
    # Every second part is one of those letters; of them only ẞ has another case, which is ß.
    parts = _LONGER_FOLDED.split(plain)
    parts[::2] = map(str.casefold, parts[::2])
    parts[1::2] = map(str.lower, parts[1::2])
    return "".join(parts)


def without_accents(name: str) -> str:
    """The name in its form for comparison where accents, case and spaces at the end do not count.

    `José` is `jose`, and `ß` is `ss`, as in most collations of MySQL and MariaDB.
    """
    if not name.isascii():
        letters = normalized("NFKD", name)
        name = "".join(letter for letter in letters if not combining(letter)).casefold()
    return name.lower().rstrip(" ")


def sole_holders(named: Iterable[tuple[str, Thing]]) -> dict[str, Thing]:
    """Folded name → its owner; without names that several have, because none of them can be meant.

    People can write such names by hand: the tables fold A to Z, and no other letters.
    """
    holders: dict[str, Thing] = {}
    shared: set[str] = set()
    for name, thing in named:
        folded = fold_name(name)
        if holders.setdefault(folded, thing) is not thing:
            shared.add(folded)
    for folded in shared:
        del holders[folded]
    return holders


def folded(text: str) -> str:
    """Without ASCII case, spaces at the ends and double spaces, composed as NFC."""
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(normalized("NFC", text).translate(_ASCII_CASE).split())


def widely_folded(text: str) -> str:
    """Like `folded`, without the case of any script; `ß` is not `ss`."""
    if text.isascii():
        return " ".join(text.lower().split())
    # Letter by letter: `str.lower` makes two signs of `İ`, and another sigma at the end of a word.
    lower = "".join(
        letter if len(letter.lower()) > 1 else letter.lower() for letter in folded(text)
    )
    return normalized("NFC", lower)
