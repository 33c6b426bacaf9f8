"""Which names are one name on the platform: of users, groups and sources, and titles side by side.

Every comparison of such names goes through `fold_name`. Each database compares in its own way: our
unique keys fold the letters A to Z alone, in which all of them agree, so that they never refuse
what is two names here. Names of roles are compared to the letter.
"""

import re
import unicodedata
from collections.abc import Iterable
from typing import Final, TypeVar

Thing = TypeVar("Thing")

_LONGER_FOLDED: Final = re.compile("([ßẞŉևẚﬀ-ﬆﬓ-ﬗ])")
"""What Unicode's full case folding turns into several letters: `Maße` would be `Masse`."""


def fold_name(name: str) -> str:
    """The name as it is compared: equal for names that are one name.

    Letter by letter, without regard to case and to whether an accent is part of its letter or follows
    it (canonical equivalence). Accents, spaces and all else count. Whatever is equal but for the case
    of A to Z is equal here.
    """
    if name.isascii():
        return name.lower()
    plain = unicodedata.normalize("NFD", name)
    if _LONGER_FOLDED.search(plain) is None:
        return plain.casefold()
    # Every second part is one of those letters; of them only ẞ has another case, which is ß.
    parts = _LONGER_FOLDED.split(plain)
    parts[::2] = map(str.casefold, parts[::2])
    parts[1::2] = map(str.lower, parts[1::2])
    return "".join(parts)


def sole_holders(named: Iterable[tuple[str, Thing]]) -> dict[str, Thing]:
    """Folded name → what has it; without those that several have: none of them can be meant.

    People can write such names by hand: the tables fold A to Z, and no other letters.
    """
    found: dict[str, Thing] = {}
    shared: set[str] = set()
    for name, thing in named:
        folded = fold_name(name)
        if found.setdefault(folded, thing) is not thing:
            shared.add(folded)
    for folded in shared:
        del found[folded]
    return found
