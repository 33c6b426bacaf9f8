"""Attributes that come in ranges: Active Directory returns at most 1,500 values of one at a time.

They are requested, range by range ([MS-ADTS] 3.1.1.3.1.3.3), once the search itself is over,
because only one search runs at a time. Ranges are positions in a list: if a value is removed in
between, all values after it move up, and one is in neither range. So all ranges are read again, and
have to have the same `uSNChanged`. A group that cannot be read to its last value is not a smaller
group: it is refused.
"""

import logging
import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple

from reconcile.directories.search import attribute_options
from reconcile.directories.search.search import ANYTHING, RawEntry, Search, Searcher
from reconcile.errors import SourceUnreadable
from reconcile.model.text.printing import quoted

log = logging.getLogger("reconcile.directories")

_OPTION = ";range="
_VERSION = "usnchanged"
"""A number that changes with every change of an entry, including its links."""
_ATTEMPTS = 3
_NAMES = attrgetter("names")
_RANGE = re.compile(r"(?P<name>.+);range=(?P<first>\d+)-(?P<last>\d+|\*)")


class _Range(NamedTuple):
    """Some of an attribute's values; `last` is None for the range that ends with the last value."""

    name: str
    first: int
    last: int | None
    values: list[bytes]


def whole(search: Search, searcher: Searcher) -> Iterator[Sequence[RawEntry]]:
    """The entries found, page by page, every attribute with all of its values.

    Those with options are among them. Raises SourceUnreadable.
    """
    pending: list[RawEntry] = []
    for page in searcher.search(search):
        if not any(map(attribute_options.any_of, map(_NAMES, page))):  # a range is an option, too
            yield page
            continue
        pending += (entry for entry in page if _is_cut(entry.names))
        yield [attribute_options.merged(entry) for entry in page if not _is_cut(entry.names)]
    for entry in pending:
        yield [attribute_options.merged(_completed(entry, searcher))]


@lru_cache(maxsize=1024)
def _is_cut(names: tuple[str, ...]) -> bool:
    return any(_OPTION in name for name in names)


def _completed(entry: RawEntry, searcher: Searcher) -> RawEntry:
    attributes = {name: values for name, values in entry.attributes.items() if _OPTION not in name}
    for cut in [_range(entry, name, searcher) for name in entry.names if _OPTION in name]:
        # Beside the range the attribute itself comes too, without any value.
        attributes[cut.name] = [
            *attributes.get(cut.name, ()),
            *_all_values(entry, cut.name, searcher),
        ]
    return RawEntry.of(entry.dn, attributes)


def _range(entry: RawEntry, name: str, searcher: Searcher) -> _Range:
    match = _RANGE.fullmatch(name)
    if match is None:
        raise _refused(entry, name, searcher, "is not a range")
    values = entry.attributes[name]
    first, last = int(match["first"]), None if match["last"] == "*" else int(match["last"])
    if last is not None and len(values) != last - first + 1:
        raise _refused(entry, name, searcher, f"holds {len(values)} values")
    return _Range(match["name"], first, last, values)


def _all_values(entry: RawEntry, name: str, searcher: Searcher) -> list[bytes]:
    for attempt in range(_ATTEMPTS):
        if attempt:
            log.warning(
                "%s: %s changed while its %s was read; it is read again",
                searcher.place,
                quoted(entry.dn),
                name,
            )
        values, versions = _once(entry, name, searcher)
        if len(versions) < 2:
            break
    else:
        raise _refused(entry, name, searcher, f"it changed {_ATTEMPTS} times while it was read")
    if len(set(values)) != len(values):
        raise _refused(
            entry, name, searcher, "a value came twice: the entry changed while it was read"
        )
    return values


def _once(entry: RawEntry, name: str, searcher: Searcher) -> tuple[list[bytes], set[bytes]]:
    """All values in the order of their ranges, and the versions of the entry that they are from."""
    values: list[bytes] = []
    versions: set[bytes] = set()
    while True:
        answer, current = _next(entry, name, len(values), searcher)
        versions.update(answer.attributes.get(_VERSION, ()))
        if current.first != len(values):
            raise _refused(entry, name, searcher, f"the values from {len(values)} on did not come")
        values += current.values
        if current.last is None:
            return values, versions


def _next(entry: RawEntry, name: str, first: int, searcher: Searcher) -> tuple[RawEntry, _Range]:
    search = Search(entry.dn, "base", ANYTHING, (f"{name}{_OPTION}{first}-*", _VERSION))
    for page in searcher.search(search):
        for answer in page:
            for key in answer.names:
                if key.startswith(f"{name}{_OPTION}"):
                    return answer, _range(answer, key, searcher)
    raise _refused(entry, name, searcher, f"the values from {first} on were not given")


def _refused(entry: RawEntry, name: str, searcher: Searcher, why: str) -> SourceUnreadable:
    return SourceUnreadable(
        f"{searcher.place}: the attribute {quoted(name)} of {quoted(entry.dn)} has more values "
        f"than come at once, and cannot be read to the end: {why}.\n"
        "Nothing that was read is used. Try again; if that does not help, ask the directory "
        "administrators for the right to read all of it, or for a larger limit of values "
        "(MaxValRange)."
    )
