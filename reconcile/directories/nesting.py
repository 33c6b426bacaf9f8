"""Members by way of groups that the rules do not find.

Groups within groups are flattened by whoever reads a snapshot, as long as the inner groups are in it. Where
`groups.base`, `groups.scope` or `groups.filter` leaves some of them out, their persons would be missed. A server with
the in-chain rule is asked for them, one search for each group that has such a member; where that are many, or the
server refuses or takes too long, all groups are read once and followed here.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from reconcile.directories import filters, primarygroups, ranges, referrals
from reconcile.directories.failures import ConnectionBroken
from reconcile.directories.searching import NO_ATTRIBUTES, RawEntry, Search, Searcher
from reconcile.directories.vendors import Vendor
from reconcile.errors import SourceUnreadable
from reconcile.model import desired, dn
from reconcile.model.directory import DirectoryGroup, Person

log = logging.getLogger("reconcile.directories")

MANY: Final = 50
"""From here on reading all groups once costs less than one search for each."""
PATIENCE: Final = 20
"""Seconds that the server may take for one group."""


def completed(
    source: desired.Source,
    vendor: Vendor,
    persons: Sequence[Person],
    groups: tuple[DirectoryGroup, ...],
    searcher: Searcher,
) -> tuple[DirectoryGroup, ...]:
    """The groups with their `nested_members`; inner groups that the rules do not find are no `members` any more."""
    rule = source.groups
    if not groups or not (rule.base or rule.filter or rule.scope == "one"):
        return groups
    elsewhere = referrals.left_out(source, vendor)
    nested = Search(source.base_dn, "subtree", f"(&{vendor.group_filter}(memberOf=*))", NO_ATTRIBUTES, 0, elsewhere)
    found = {dn.normalize(group.dn) for group in groups}
    outside = {dn.normalize(entry.dn) for page in searcher.search(nested) for entry in page} - found
    affected = {group.dn: inner for group in groups if (inner := _inner(group, outside))}
    if not affected:
        return groups
    known = _Known(persons, primarygroups.by_sid(persons) if vendor.primary_group else {})
    members = _by_rule(source, vendor, affected, known, searcher) or _by_following(
        source, vendor, affected, known, searcher
    )
    return tuple(
        msgspec.structs.replace(
            group,
            members=tuple(member for member in group.members if member not in affected[group.dn]),
            nested_members=tuple(sorted(members[group.dn])),
        )
        if group.dn in affected
        else group
        for group in groups
    )


class _Known:
    """The persons of the snapshot, by DN and by primary group."""

    def __init__(self, persons: Iterable[Person], primary: Mapping[str, list[str]]) -> None:
        self._persons = {dn.normalize(person.dn): person.dn for person in persons}
        self._primary = primary

    def of(self, entry: RawEntry, vendor: Vendor) -> Iterable[str]:
        """The person that an entry is, and the persons whose primary group it is."""
        person = self.person(entry.dn)
        return [*([person] if person else []), *self.primary(entry, vendor)]

    def person(self, name: str) -> str:
        return self._persons.get(dn.key(name), "")

    def primary(self, entry: RawEntry, vendor: Vendor) -> list[str]:
        values = entry.attributes.get("objectsid")
        return self._primary.get(vendor.binary["objectsid"](values[0]), []) if values else []


def _inner(group: DirectoryGroup, outside: set[str]) -> frozenset[str]:
    return frozenset(member for member in group.members if dn.key(member) in outside)


def _by_rule(
    source: desired.Source, vendor: Vendor, affected: Mapping[str, Iterable[str]], known: _Known, searcher: Searcher
) -> dict[str, set[str]] | None:
    """Persons by group as the server finds them; None where it does not."""
    if len(affected) > MANY:
        return None
    elsewhere = referrals.left_out(source, vendor)
    wanted = f"(|{source.users.filter or vendor.user_filter}{vendor.group_filter})"
    found: dict[str, set[str]] = {}
    try:
        for name, inner in affected.items():
            chain = f"(memberOf:{vendor.in_chain}:={filters.escape(name)})"
            search = Search(source.base_dn, "subtree", f"(&{wanted}{chain})", ("objectsid",), PATIENCE, elsewhere)
            entries = [entry for page in searcher.search(search) for entry in page]
            # A server that does not know the rule need not say so: to it the filter matches nothing, with success.
            if not {dn.key(member) for member in inner} <= {dn.normalize(entry.dn) for entry in entries}:
                log.warning("%s: the server does not find members of members; they are followed here", source.name)
                return None
            found[name] = {person for entry in entries for person in known.of(entry, vendor)}
    except ConnectionBroken:
        raise
    except SourceUnreadable as error:
        log.warning("%s: members of members are followed here, for the server does not: %s", source.name, error)
        return None
    return found


def _by_following(
    source: desired.Source, vendor: Vendor, affected: Mapping[str, Iterable[str]], known: _Known, searcher: Searcher
) -> dict[str, set[str]]:
    """The same, from the members of all groups."""
    elsewhere = referrals.left_out(source, vendor)
    search = Search(source.base_dn, "subtree", vendor.group_filter, ("member", "objectsid"), 0, elsewhere)
    direct: dict[str, list[str]] = {}
    persons: dict[str, set[str]] = {}
    for page in ranges.whole(search, searcher):
        for entry in page:
            key = dn.normalize(entry.dn)
            members = [value.decode() for value in entry.attributes.get("member", ())]
            direct[key] = [dn.key(member) for member in members]
            persons[key] = {known.person(member) for member in members} - {""}
            persons[key].update(known.primary(entry, vendor))
    found: dict[str, set[str]] = {}
    for name in affected:
        seen, waiting = set(), [dn.normalize(name)]
        while waiting:
            key = waiting.pop()
            if key in direct and key not in seen:
                seen.add(key)
                waiting += direct[key]
        found[name] = set().union(*(persons[key] for key in seen))
    return found
