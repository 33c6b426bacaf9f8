"""Searches → a whole snapshot, the same for every kind of directory.

Before anything is searched its base is looked at: a directory that hides what the reader may not see answers "success,
no entries", and an empty source is not the same as a closed one.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import TypeVar

from reconcile.directories import entries, filters
from reconcile.directories.entries import Rules
from reconcile.directories.failures import NoSuchObject
from reconcile.directories.searching import ANYTHING, NO_ATTRIBUTES, RawEntry, Search, Searcher
from reconcile.directories.vendors import Vendor
from reconcile.errors import SourceUnreadable
from reconcile.model import desired, dn
from reconcile.model.directory import DirectoryGroup, DirectorySnapshot, OrganizationalUnit, Person, Query
from reconcile.ports import Progress

Found = TypeVar("Found", Person, DirectoryGroup, OrganizationalUnit)


def snapshot(
    source: desired.Source, vendor: Vendor, query: Query, searcher: Searcher, progress: Progress
) -> DirectorySnapshot:
    """Everything that the source's rules find. Raises SourceUnreadable."""
    rules = Rules.of(source, vendor, query)
    users = users_search(source, vendor, rules.person_attributes(query))
    groups = groups_search(source, vendor, rules.group_attributes_asked())
    units = units_search(source, vendor, rules.unit_attributes(query))
    searches = [users] + [groups] * query.groups + [units] * query.units
    for base in dict.fromkeys(search.base for search in searches):
        look_at(base, searcher)

    def everything(what: str, search: Search, make: Callable[[RawEntry, Rules], Found]) -> tuple[Found, ...]:
        return _all(search, searcher, lambda entry: make(entry, rules), lambda done: progress(what, done))

    return DirectorySnapshot(
        source=source.name,
        base_dn=source.base_dn,
        persons=everything(f"{source.name}: persons", users, entries.person),
        groups=everything(f"{source.name}: groups", groups, entries.group) if query.groups else (),
        units=everything(f"{source.name}: OUs", units, entries.unit) if query.units else (),
    )


def users_search(source: desired.Source, vendor: Vendor, attributes: tuple[str, ...]) -> Search:
    """Where and how persons are searched."""
    rule = source.users
    return Search(dn.join(rule.base, source.base_dn), rule.scope, rule.filter or vendor.user_filter, attributes)


def groups_search(source: desired.Source, vendor: Vendor, attributes: tuple[str, ...]) -> Search:
    """Where and how groups are searched."""
    rule = source.groups
    return Search(dn.join(rule.base, source.base_dn), rule.scope, rule.filter or vendor.group_filter, attributes)


def units_search(source: desired.Source, vendor: Vendor, attributes: tuple[str, ...]) -> Search:
    """Where and how OUs are searched."""
    rule = source.departments
    return Search(dn.join(rule.base, source.base_dn), rule.scope, rule.filter or vendor.unit_filter, attributes)


def look_at(base: str, searcher: Searcher) -> None:
    """Raises SourceUnreadable unless the base of a search can be seen."""
    search = Search(base, "base", ANYTHING, NO_ATTRIBUTES)
    if not any(searcher.search(search)):
        raise SourceUnreadable(
            f"{searcher.place}: the base DN {base} cannot be seen: the directory answers, but shows no entry there.\n"
            "What is below it would look empty. Ask for the right to read it."
        )


def _all(
    search: Search, searcher: Searcher, make: Callable[[RawEntry], Found], progress: Callable[[int], None]
) -> tuple[Found, ...]:
    found: list[tuple[str, str, Found]] = []
    for page in searcher.search(search):
        for entry in page:
            try:
                found.append((dn.normalize(entry.dn), entry.dn, make(entry)))
            except ValueError as error:
                raise SourceUnreadable(
                    f"{searcher.place}: the entry {entry.dn!r} cannot be understood: {error}.\n"
                    f"Correct it in the directory, or exclude it by the filter {search.filter}."
                ) from error
        progress(len(found))
    found.sort(key=lambda item: item[:2])
    values = tuple([value for _, _, value in found])
    _check_once(values, searcher)
    return values


def _check_once(values: Sequence[Found], searcher: Searcher) -> None:
    """An entry that is moved while pages are read can come twice, under two names."""
    ids = [value.external_id for value in values if value.external_id]
    if len(set(ids)) == len(ids):
        return
    seen: dict[str, str] = {}
    for value in values:
        if value.external_id and value.external_id in seen:
            raise SourceUnreadable(
                f"{searcher.place}: {seen[value.external_id]} and {value.dn} have one stable id, {value.external_id}: "
                "an entry was moved while it was read, or was copied with its id.\nTry again."
            )
        seen[value.external_id] = value.dn


def find(
    source: desired.Source, vendor: Vendor, ids: Collection[str], dns: Collection[str], searcher: Searcher
) -> frozenset[str]:
    """Those of the ids and DNs that exist below the base DN, in the spelling they were asked for."""
    look_at(source.base_dn, searcher)
    return frozenset(_ids(source, vendor, ids, searcher)) | frozenset(_dns(source, dns, searcher))


def _ids(source: desired.Source, vendor: Vendor, ids: Collection[str], searcher: Searcher) -> Iterator[str]:
    spellings: dict[str, list[str]] = {}
    assertions: dict[str, str] = {}
    for asked in ids:
        try:
            assertions[asked.lower()] = vendor.id_assertion(asked)
        except ValueError:
            continue  # A text that can be no id of this directory names nothing in it.
        spellings.setdefault(asked.lower(), []).append(asked)
    remaining = sorted(assertions)
    for start in range(0, len(remaining), filters.CHUNK):
        some = remaining[start : start + filters.CHUNK]
        wanted = filters.any_of(vendor.stable_id, (assertions[name] for name in some))
        for page in searcher.search(Search(source.base_dn, "subtree", wanted, (vendor.stable_id,))):
            for entry in page:
                yield from spellings.get(entries.external_id(entry, vendor).lower(), ())


def _dns(source: desired.Source, dns: Collection[str], searcher: Searcher) -> Iterator[str]:
    base = dn.normalize(source.base_dn)
    for asked in sorted(dns):
        try:
            below = dn.is_below(dn.normalize(asked), base)
        except ValueError:
            continue  # A text that is no DN names no entry.
        if below and _exists(asked, searcher):
            yield asked


def _exists(name: str, searcher: Searcher) -> bool:
    try:
        return any(searcher.search(Search(name, "base", ANYTHING, NO_ATTRIBUTES)))
    except NoSuchObject:
        return False
