"""Is an entry one that was asked for? Where it stands says so: a server that gives others is not believed."""

from collections.abc import Callable, Sequence

from reconcile.directories.asked import Unbelievable
from reconcile.directories.searching import Search
from reconcile.model import dn
from reconcile.model.dn import Folding
from reconcile.model.printing import quoted


def check(search: Search, names: Sequence[str], folding: Folding) -> None:
    """Raises Unbelievable for the name of an entry that is not below the base, or not in the scope, of the search."""
    if not search.base:
        return
    # Nearly every entry spells the base as it was asked for, but for case: no name has to be taken apart then.
    suffix = f",{search.base.lower()}"
    before = -len(suffix) - 1
    plain = search.scope == "subtree"
    odd = [
        name
        for name in names
        if not (
            (low := name.lower()).endswith(suffix)
            and low[before : -len(suffix)] != "\\"
            and (plain or "," not in low[:before])
        )
    ]
    if odd:
        inside = _inside(search, folding)
        strange = next((name for name in odd if not inside(name)), None)
        if strange is not None:
            raise Unbelievable(f"the server gives the entry {quoted(strange) or '(the root)'}, which is not there")


def _inside(search: Search, folding: Folding) -> Callable[[str], bool]:
    base = dn.wide(dn.key(search.base), folding)

    def inside(name: str) -> bool:
        key = dn.wide(dn.key(name), folding)
        match search.scope:
            case "base":
                return key == base
            case "one":
                return key != base and dn.parent(key) == base
            case _:
                return dn.is_below(key, base)

    return inside
