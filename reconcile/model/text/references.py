"""Which entry a name means: in a member value, a manager, a rule or on the platform.

What every server treats as the same name decides first. Only if that finds nothing, a name may find
an entry by what this server folds beyond that; and only if no other entry can be meant.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable

from reconcile.model.text import dn
from reconcile.model.text.dn import Folding


class References:
    """Looks up normalized names among those of entries.

    Wider spellings are computed only when one is needed.
    """

    def __init__(
        self,
        keys: Iterable[Collection[str]],
        folding: Folding,
        lookalikes: Collection[str] = frozenset(),
    ) -> None:
        """`keys` are tables of entries by normalized name; `lookalikes` names of other entries."""
        self._keys = tuple(keys)
        self._folding: Folding = folding
        self._lookalikes = lookalikes
        self._wide: dict[str, list[str]] | None = None

    def exact(self, key: str) -> bool:
        """Whether an entry has exactly this name."""
        return any(key in some for some in self._keys)

    def meant(self, key: str) -> tuple[str, ...]:
        """The entry of this name, or all that it can mean by a wider folding, sorted.

        Empty for the root.
        """
        if not key:
            return ()
        if self.exact(key):
            return (key,)
        if key in self._lookalikes:
            return ()  # that entry is there, and is none of those looked up
        wide = dn.wide(key, self._folding)
        others = self._spellings().get(wide, ())
        if wide != key and (self.exact(wide) or wide in self._lookalikes) and wide not in others:
            others = (*others, wide)
        return tuple(sorted(others))

    def only(self, key: str) -> str:
        """The one entry that a name means; "" for none, or if it can mean several."""
        meant_names = self.meant(key)
        return meant_names[0] if len(meant_names) == 1 and self.exact(meant_names[0]) else ""

    def _spellings(self) -> dict[str, list[str]]:
        """Wide name → the names it folds, of those that it changes."""
        if self._wide is None:
            self._wide = defaultdict(list)
            for key in {
                key
                for some in (*self._keys, self._lookalikes)
                for key in some
                if not dn.is_plain(key)
            }:
                self._wide[dn.wide(key, self._folding)].append(key)
        return self._wide


def lookalikes(keys: Collection[str], folding: Folding) -> frozenset[str]:
    """The names that a wide folding makes equal to another; their server tells them apart."""
    spellings: dict[str, set[str]] = defaultdict(set)
    for key in keys:
        if not dn.is_plain(key):
            spellings[dn.wide(key, folding)].add(key)
    for wide, some in spellings.items():
        if wide in keys:
            some.add(wide)
    return frozenset(key for some in spellings.values() if len(some) > 1 for key in some)
