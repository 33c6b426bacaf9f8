"""Searches → a whole snapshot, the same for every kind of directory.

Before a search its base is checked: a directory that hides what the reader may not see returns
"success, no entries", and an empty source is not the same as a hidden one.
"""

import logging
from collections.abc import Callable
from operator import itemgetter
from typing import TypeAlias, TypeVar

from reconcile.directories.search.search import RawEntry, Search, Searcher
from reconcile.directories.snapshot import (
    entries,
    outside_groups,
    primary_groups,
    ranges,
    referrals,
    visibility,
)
from reconcile.directories.snapshot.dynamic_groups import DynamicGroups
from reconcile.directories.snapshot.entries import Rules
from reconcile.directories.snapshot.unique_entries import Once
from reconcile.directories.vendors.table import Vendor
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.directory import (
    DirectoryGroup,
    DirectorySnapshot,
    OrganizationalUnit,
    Outline,
    Person,
    Query,
)
from reconcile.model.text import dn
from reconcile.model.text.printing import quoted
from reconcile.ports import Outlined, Progress, outlined_to_nobody

log = logging.getLogger("reconcile.directories")

Found = TypeVar("Found", Person, DirectoryGroup, OrganizationalUnit)
Persons: TypeAlias = tuple[Person, ...]


def as_they_are(persons: Persons) -> Persons:
    """The persons with all of their logins."""
    return persons


def snapshot(
    source: desired.Source,
    vendor: Vendor,
    query: Query,
    searcher: Searcher,
    progress: Progress,
    outlined: Outlined = outlined_to_nobody,
    lookalikes: frozenset[str] = frozenset(),
    unshared: Callable[[Persons], Persons] = as_they_are,
) -> DirectorySnapshot:
    """Everything that the source's rules find; OUs and groups first, as they are few.

    Raises SourceUnreadable.

    `lookalikes` are those of all entries of the directory, if they are known (see
    DirectorySnapshot). `unshared` takes from persons the logins that others have, too: before any
    group that lists logins is followed, whether the rules find it or not.
    """
    rules = Rules.of(source, vendor, query)
    users = users_search(source, vendor, rules.person_attributes(query))
    groups = groups_search(source, vendor, rules.group_attributes_asked())
    units = units_search(source, vendor, rules.unit_attributes(query))
    searches = [users] + [groups] * query.groups + [units] * query.units
    for base in dict.fromkeys(search.base for search in searches):
        visibility.look_at(base, searcher)

    def everything(
        what: str, search: Search, make: Callable[[RawEntry, Rules], Found]
    ) -> tuple[Found, ...]:
        told = f"{source.name}: {what}"
        return _all(search, searcher, rules, make, lambda done: progress(told, done))

    found_units = everything("OUs", units, entries.unit) if query.units else ()
    outlined(Outline(found_units))
    dynamic = DynamicGroups(source, rules, searcher)
    found = (
        dynamic.all_evaluated(everything("groups", groups, dynamic.group)) if query.groups else ()
    )
    outlined(Outline(found_units, found))
    persons = everything("persons", users, entries.person)
    visibility.warn_of_hidden(source, vendor, persons)
    if rules.primary_group:
        found = primary_groups.added(persons, found)
    # A search that a login does without where nothing can list logins.
    if any(group.member_logins for group in found) or (
        found and outside_groups.looks_beyond(source)
    ):
        persons = unshared(persons)
    found = outside_groups.completed(source, rules, persons, found, searcher, dynamic, lookalikes)
    return DirectorySnapshot(
        source=source.name,
        base_dn=source.base_dn,
        persons=persons,
        groups=found,
        units=found_units,
        folding=vendor.folding,
        lookalikes=lookalikes,
    )


def everybody(
    source: desired.Source,
    vendor: Vendor,
    query: Query,
    searcher: Searcher,
    progress: Progress,
    outlined: Outlined = outlined_to_nobody,
    lookalikes: frozenset[str] = frozenset(),
) -> DirectorySnapshot:
    """The persons. If there are none, which is unusual, looks for the reason and logs it."""
    found = snapshot(source, vendor, query, searcher, progress, outlined, lookalikes)
    if not found.persons:
        search = users_search(source, vendor, ())
        log.warning(
            "%s: no person is found: %s",
            source.name,
            visibility.why_nobody(source, search, searcher),
        )
    return found


def users_search(source: desired.Source, vendor: Vendor, attributes: tuple[str, ...]) -> Search:
    """Where and how persons are searched."""
    rule = source.users
    base = (
        dn.join(rule.base, source.base_dn)
        if rule.base
        else container(vendor.user_base, source.base_dn)
    )
    return _search(source, vendor, base, rule, vendor.user_filter, attributes)


def groups_search(source: desired.Source, vendor: Vendor, attributes: tuple[str, ...]) -> Search:
    """Where and how groups are searched."""
    rule = source.groups
    base = (
        dn.join(rule.base, source.base_dn)
        if rule.base
        else container(vendor.group_base, source.base_dn)
    )
    return _search(source, vendor, base, rule, vendor.group_filter, attributes)


def units_search(source: desired.Source, vendor: Vendor, attributes: tuple[str, ...]) -> Search:
    """Where and how OUs are searched."""
    rule = source.departments
    base = dn.join(rule.base, source.base_dn)
    return _search(source, vendor, base, rule, vendor.unit_filter, attributes)


def _search(
    source: desired.Source,
    vendor: Vendor,
    base: str,
    rule: desired.Users | desired.Groups | desired.Units,
    usual: str,
    attributes: tuple[str, ...],
) -> Search:
    elsewhere = referrals.left_out(source, vendor)
    return Search(base, rule.scope, rule.filter or usual, attributes, elsewhere=elsewhere)


def container(relative: str, base_dn: str) -> str:
    """A vendor's container below the base DN; the base DN itself if that is in the container.

    `cn=users,cn=accounts` below `cn=accounts,dc=x` is `cn=users,cn=accounts,dc=x`.
    """
    base = dn.normalize(base_dn)
    if not relative or f",{relative}," in f",{base},":
        return base_dn
    parts = relative.split(",")
    for count in range(1, len(parts)):
        if base.startswith(f"{','.join(parts[count:])},"):
            return ",".join([*parts[:count], base_dn])
    return f"{relative},{base_dn}"


def is_removed(name: str, vendor: Vendor) -> bool:
    """Whether the directory keeps an entry although its person is gone."""
    return bool(vendor.removed) and any(
        f",{part}," in f"{dn.key(name)}," for part in vendor.removed
    )


def _all(
    search: Search,
    searcher: Searcher,
    rules: Rules,
    make: Callable[[RawEntry, Rules], Found],
    progress: Callable[[int], None],
) -> tuple[Found, ...]:
    found: list[tuple[str, str, Found]] = []
    vendor = rules.vendor
    keeps_removed = bool(vendor.removed)
    once = Once(searcher.place)
    for page in ranges.whole(search, searcher):
        before = len(found)
        for entry in page:
            try:
                if not (keeps_removed and is_removed(entry.dn, vendor)):
                    found.append((dn.key(entry.dn), entry.dn, make(entry, rules)))
            except ValueError as error:
                raise SourceUnreadable(
                    f"{searcher.place}: the entry {quoted(entry.dn)} cannot be understood: "
                    f"{quoted(str(error))}.\n"
                    f"Correct it in the directory, or exclude it by the filter {search.filter}."
                ) from error
        once.add(found, before)
        progress(len(found))
    found.sort(key=itemgetter(0, 1))
    return tuple([value for _, _, value in found])
