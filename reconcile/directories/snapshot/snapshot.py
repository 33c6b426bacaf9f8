"""Searches → a whole snapshot, the same for every kind of directory.

Before a search its base is checked: a directory that hides what the reader may not see returns
"success, no entries", and an empty source is not the same as a hidden one.
"""

import logging
from collections.abc import Callable, Sequence
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
from reconcile.model.quiet.said import OF_ANSWERS
from reconcile.model.text import dn
from reconcile.model.text.printing import quoted
from reconcile.ports import Outlined, Progress, outlined_to_nobody

log = logging.getLogger("reconcile.directories")

Value = TypeVar("Value", Person, DirectoryGroup, OrganizationalUnit)
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
    users_query = users_search(source, vendor, rules.person_attributes(query))
    groups_query = groups_search(source, vendor, rules.group_attributes_asked())
    units_query = units_search(source, vendor, rules.unit_attributes(query))
    searches = [users_query] + [groups_query] * query.groups + [units_query] * query.units
    for base in dict.fromkeys(search.base for search in searches):
        visibility.look_at(base, searcher)

    def everything(
        what: str, search: Search, make: Callable[[RawEntry, Rules], Value]
    ) -> tuple[Value, ...]:
        activity = f"{source.name}: {what}"
        return _all(search, searcher, rules, make, lambda done: progress(activity, done))

    units = everything("OUs", units_query, entries.unit) if query.units else ()
    outlined(Outline(units))
    dynamic = DynamicGroups(source, rules, searcher)
    groups: tuple[DirectoryGroup, ...] = ()
    if query.groups:
        groups = dynamic.all_evaluated(everything("groups", groups_query, dynamic.group))
    outlined(Outline(units, groups))
    persons = everything("persons", users_query, entries.person)
    visibility.warn_of_hidden(source, vendor, persons)
    if rules.primary_group:
        groups = primary_groups.added(persons, groups)
    if _may_list_logins(source, groups):
        persons = unshared(persons)
    groups = outside_groups.completed(source, rules, persons, groups, searcher, dynamic, lookalikes)
    return DirectorySnapshot(
        source=source.name,
        base_dn=source.base_dn,
        persons=persons,
        groups=groups,
        units=units,
        folding=vendor.folding,
        lookalikes=lookalikes,
    )


def _may_list_logins(source: desired.Source, groups: Sequence[DirectoryGroup]) -> bool:
    """Whether a group lists members by login, or one that the rules do not find may.

    Where none can, a login is spared the search for logins that several persons share.
    """
    if any(group.member_logins for group in groups):
        return True
    return bool(groups) and outside_groups.looks_beyond(source)


def everybody(
    source: desired.Source,
    vendor: Vendor,
    query: Query,
    searcher: Searcher,
    progress: Progress,
    outlined: Outlined = outlined_to_nobody,
    lookalikes: frozenset[str] = frozenset(),
) -> DirectorySnapshot:
    """As `snapshot`; where no person is found, the reason is looked for and logged."""
    read = snapshot(source, vendor, query, searcher, progress, outlined, lookalikes)
    if not read.persons:
        search = users_search(source, vendor, ())
        log.warning(
            "%s: no person is found: %s",
            source.name,
            visibility.why_nobody(source, search, searcher),
            extra=OF_ANSWERS,
        )
    return read


def first_searches(
    source: desired.Source, vendor: Vendor, query: Query
) -> tuple[tuple[str, Search], ...]:
    """What `snapshot` asks whatever the answers are: what each is about, and the search."""
    rules = Rules.of(source, vendor, query)
    units = units_search(source, vendor, rules.unit_attributes(query))
    groups = groups_search(source, vendor, rules.group_attributes_asked())
    searches = [
        ("persons", users_search(source, vendor, rules.person_attributes(query))),
        *[("groups", groups)] * query.groups,
        *[("OUs", units)] * query.units,
    ]
    bases = dict.fromkeys(search.base for _, search in searches)
    return (*(("base", visibility.base_search(base)) for base in bases), *reversed(searches))


def users_search(source: desired.Source, vendor: Vendor, attributes: tuple[str, ...]) -> Search:
    """Where and how persons are searched."""
    rule = source.users
    base = _base(rule.base, vendor.user_base, source)
    return _search(source, vendor, base, rule, vendor.user_filter, attributes)


def groups_search(source: desired.Source, vendor: Vendor, attributes: tuple[str, ...]) -> Search:
    """Where and how groups are searched."""
    rule = source.groups
    base = _base(rule.base, vendor.group_base, source)
    return _search(source, vendor, base, rule, vendor.group_filter, attributes)


def _base(own: str, usual: str, source: desired.Source) -> str:
    """Where a rule's own base is, otherwise the usual container of the vendor."""
    return dn.join(own, source.base_dn) if own else container(usual, source.base_dn)


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
    make: Callable[[RawEntry, Rules], Value],
    progress: Callable[[int], None],
) -> tuple[Value, ...]:
    values: list[tuple[str, str, Value]] = []
    vendor = rules.vendor
    keeps_removed = bool(vendor.removed)
    once = Once(searcher.place)
    for page in ranges.whole(search, searcher):
        before = len(values)
        for entry in page:
            try:
                if not (keeps_removed and is_removed(entry.dn, vendor)):
                    values.append((dn.key(entry.dn), entry.dn, make(entry, rules)))
            except ValueError as error:
                raise SourceUnreadable(
                    f"{searcher.place}: the entry {quoted(entry.dn)} cannot be understood: "
                    f"{quoted(str(error))}.\n"
                    f"Correct it in the directory, or exclude it by the filter {search.filter}."
                ) from error
        once.add(values, before)
        progress(len(values))
    values.sort(key=itemgetter(0, 1))
    return tuple([value for _, _, value in values])
