"""What the rules of a source find, as lines of `reconcile test`."""

import time
from collections.abc import Iterator

from reconcile.directories.search.search import NO_ATTRIBUTES, Search, Searcher
from reconcile.directories.snapshot import snapshot, visibility
from reconcile.directories.vendors.table import Vendor
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.ports import Check


def checks(source: desired.Source, vendor: Vendor, searcher: Searcher) -> Iterator[Check]:
    """The base DN, then how many persons, groups and OUs are found, in how many seconds.

    Ends with what fails.
    """
    what = "base DN"
    try:
        visibility.look_at(source.base_dn, searcher)
        yield Check(what, ok=True, detail=source.base_dn)
        for what, search in (
            ("persons", snapshot.users_search(source, vendor, NO_ATTRIBUTES)),
            ("groups", snapshot.groups_search(source, vendor, NO_ATTRIBUTES)),
            ("OUs", snapshot.units_search(source, vendor, NO_ATTRIBUTES)),
        ):
            visibility.look_at(search.base, searcher)
            count, detail = _counted(search, searcher)
            if what == "persons" and not count:
                detail = f"{detail}; {visibility.why_nobody(source, search, searcher)}"
            yield Check(what, ok=True, detail=detail)
    except SourceUnreadable as error:
        yield Check(what, ok=False, detail=str(error))


def _counted(search: Search, searcher: Searcher) -> tuple[int, str]:
    started = time.perf_counter()
    count = sum(map(len, searcher.search(search)))
    took = f"{time.perf_counter() - started:.2f} s"
    return count, f"{count} found below {search.base} by {search.filter} in {took}"
