"""Was an entry requested?

Its place says so: a server that sends others is not trusted.
"""

from collections.abc import Callable, Sequence

from reconcile.directories.connection.requests import Unbelievable
from reconcile.directories.search.search import Search
from reconcile.model.text import dn
from reconcile.model.text.printing import quoted


def check(search: Search, names: Sequence[str]) -> None:
    """Raises Unbelievable for an entry that is not below the base or not in scope.

    The server decides which names mean the base, and some fold more than others: what any of them
    might treat as the base passes.
    """
    if not search.base:
        return
    suffix = f",{search.base}"
    cut = -len(suffix)
    # Nearly every entry spells the base as it was asked for: no name has to be taken apart then. A
    # backslash would make the comma a part of a value.
    odd = [name for name in names if not name.endswith(suffix) or name[cut - 1 : cut] == "\\"]
    if search.scope == "one":
        odd += [name for name in names if "," in name[:cut]]
    elif search.scope == "base":
        odd = list(names)
    if not odd:
        return
    is_inside = _inside(search)
    strange = next((name for name in odd if not is_inside(name)), None)
    if strange is not None:
        raise Unbelievable(
            f"the server returns the entry {quoted(strange) or '(the root)'}, which is outside "
            "the search"
        )


def _loosely(name: str) -> str:
    return dn.wide(dn.key(name), "compatibility").casefold()


def _inside(search: Search) -> Callable[[str], bool]:
    base = _loosely(search.base)
    lower = f",{search.base.lower()}"

    def inside(name: str) -> bool:
        if (
            search.scope == "subtree"
            and name.isascii()
            and "\\" not in name
            and name.lower().endswith(lower)
        ):
            return True
        key = _loosely(name)
        match search.scope:
            case "base":
                return key == base
            case "one":
                return key != base and dn.parent(key) == base
            case _:
                return dn.is_below(key, base)

    return inside
