"""Members through groups that the rules do not find.

Nested groups are flattened by the reader of a snapshot, if the inner groups are in it. If
`groups.base`, `groups.scope` or `groups.filter` leaves some of them out, their persons would be
missed. A server with the in-chain rule is asked for them, with one search for each group that has
such a member. If there are many, or the server does not support the rule, refuses it or takes too
long, all groups are read once and followed here.
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import Final, NamedTuple

import msgspec

from reconcile.directories.errors import ConnectionBroken, GivenUp
from reconcile.directories.search import filters
from reconcile.directories.search.search import NO_ATTRIBUTES, RawEntry, Search, Searcher
from reconcile.directories.snapshot import primary_groups, ranges, referrals
from reconcile.directories.snapshot.dynamic_groups import DynamicGroups
from reconcile.directories.snapshot.entries import Rules
from reconcile.directories.vendors.table import Vendor
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.directory import DirectoryGroup, Person
from reconcile.model.member_uid import Logins
from reconcile.model.quiet.said import OF_ANSWERS
from reconcile.model.text import dn
from reconcile.model.text.printing import quoted
from reconcile.model.text.references import References
from reconcile.model.transitive import reachable

log = logging.getLogger("reconcile.directories")

MANY: Final = 50
"""From this number on, reading all groups once costs less than one search for each."""
PATIENCE: Final = 20
"""Seconds that the server may take for one group."""


def looks_beyond(source: desired.Source) -> bool:
    """Whether the rules leave out groups, which may be nested in others."""
    rule = source.groups
    return bool(rule.base or rule.filter or rule.scope == "one")


def completed(
    source: desired.Source,
    rules: Rules,
    persons: Sequence[Person],
    groups: tuple[DirectoryGroup, ...],
    searcher: Searcher,
    dynamic: DynamicGroups,
    lookalikes: frozenset[str] = frozenset(),
) -> tuple[DirectoryGroup, ...]:
    """The groups with their `nested_members`.

    Inner groups that the rules do not find are removed from `members`. If not all members of such a
    group are known, those of the outer group are not known either. `lookalikes` are as in a
    DirectorySnapshot.
    """
    if not groups or not looks_beyond(source):
        return groups
    known = _Known(
        persons, primary_groups.by_sid(persons) if rules.vendor.primary_group else {}, lookalikes
    )
    keys = {dn.key(group.dn) for group in groups}
    unknown = set(_unknown(groups, keys, known))
    if not unknown:
        return groups
    elsewhere = {
        dn.key(entry.dn)
        for page in searcher.search(_elsewhere(source, rules.vendor))
        for entry in page
    }
    elsewhere -= keys
    meant = References((known.persons, keys, elsewhere), rules.vendor.folding, lookalikes)
    outside = {key for key in unknown if meant.only(key) in elsewhere}
    affected = {group.dn: inner for group in groups if (inner := _inner(group, outside))}
    if not affected:
        return groups
    members = _by_rule(source, rules.vendor, affected, known, searcher)
    if members is None:
        members = _by_following(source, rules, affected, known, searcher, dynamic)
    return tuple(
        msgspec.structs.replace(
            group,
            members=tuple(
                sorted({*group.members, *members[group.dn].members} - affected[group.dn])
            ),
            member_logins=tuple(sorted({*group.member_logins, *members[group.dn].logins})),
            nested_members=tuple(sorted(members[group.dn].persons)),
            members_unknown=group.members_unknown or members[group.dn].unknown,
        )
        if group.dn in affected
        else group
        for group in groups
    )


def _unknown(
    groups: Iterable[DirectoryGroup], groups_found: set[str], known: "_Known"
) -> Iterator[str]:
    """Members, normalized, that are neither found persons nor found groups."""
    # Most members are spelt as the persons are: no need to normalize them.
    spelt = set(known.persons.values())
    for group in groups:
        for key in map(dn.key, set(group.members) - spelt):
            if key and key not in groups_found and key not in known.persons:
                yield key


def _elsewhere(source: desired.Source, vendor: Vendor) -> Search:
    """The search for all groups that may be nested in others, wherever they are."""
    wanted = (
        f"(&{vendor.group_filter}(memberOf=*))" if vendor.in_chain else _any_group(source, vendor)
    )
    return _over_all(source, vendor, wanted, NO_ATTRIBUTES)


def _any_group(source: desired.Source, vendor: Vendor) -> str:
    own = source.groups.filter
    return f"(|{vendor.group_filter}{filters.enclosed(own)})" if own else vendor.group_filter


def _over_all(
    source: desired.Source,
    vendor: Vendor,
    wanted: str,
    attributes: tuple[str, ...],
    seconds: int = 0,
) -> Search:
    return Search(
        source.base_dn, "subtree", wanted, attributes, seconds, referrals.left_out(source, vendor)
    )


class _Beyond(NamedTuple):
    """The persons in groups that the rules do not find; `unknown`: why those are not all, or "".

    `logins` and `members` are also listed, but may mean several persons: they are ignored, and the
    group says so.
    """

    persons: set[str]
    unknown: str = ""
    logins: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()


class _Known:
    """The persons of the snapshot: by DN, by login, by parent entry and by primary group."""

    def __init__(
        self,
        persons: Sequence[Person],
        primary: Mapping[str, list[str]],
        lookalikes: frozenset[str],
    ) -> None:
        self.persons = {dn.key(person.dn): person.dn for person in persons}
        self.lookalikes = lookalikes
        self._all = persons
        self._primary = primary

    def of(self, entry: RawEntry, vendor: Vendor) -> Iterable[str]:
        """The person that an entry is, and the persons whose primary group it is."""
        person = self.person(entry.dn)
        return [*([person] if person else []), *self.primary(entry, vendor)]

    def person(self, name: str) -> str:
        return self.persons.get(dn.key(name), "")

    def primary(self, entry: RawEntry, vendor: Vendor) -> list[str]:
        values = entry.attributes.get("objectsid")
        return self._primary.get(vendor.binary["objectsid"](values[0]), []) if values else []

    @cached_property
    def below(self) -> dict[str, list[str]]:
        """Normalized DN of an entry → the persons directly below it."""
        below: dict[str, list[str]] = {}
        for key, name in self.persons.items():
            below.setdefault(dn.parent(key), []).append(name)
        return below

    def by_logins(self, logins: Iterable[str]) -> tuple[set[str], frozenset[str]]:
        """The persons with these logins, and the logins that several persons share."""
        meanings = {login: self._logins.find(login) for login in logins}
        shared = frozenset(login for login, some in meanings.items() if len(some) > 1)
        return {self._all[some[0]].dn for some in meanings.values() if len(some) == 1}, shared

    @cached_property
    def _logins(self) -> Logins:
        return Logins(self._all)


def _inner(group: DirectoryGroup, outside: set[str]) -> frozenset[str]:
    return frozenset(member for member in group.members if dn.key(member) in outside)


def _by_rule(
    source: desired.Source,
    vendor: Vendor,
    affected: Mapping[str, Iterable[str]],
    known: _Known,
    searcher: Searcher,
) -> dict[str, _Beyond] | None:
    """Persons by group as the server finds them; None if it cannot."""
    if not vendor.in_chain or len(affected) > MANY:
        return None
    wanted = (
        f"(|{filters.enclosed(source.users.filter or vendor.user_filter)}{vendor.group_filter})"
    )
    beyond: dict[str, _Beyond] = {}
    try:
        for name, inner in affected.items():
            chain = f"(memberOf:{vendor.in_chain}:={filters.escape(name)})"
            search = _over_all(source, vendor, f"(&{wanted}{chain})", ("objectsid",), PATIENCE)
            answer = [entry for page in searcher.search(search) for entry in page]
            # A server that does not know the rule need not say so: to it the filter matches
            # nothing, with success.
            seen = References(({dn.key(entry.dn) for entry in answer},), vendor.folding)
            if not all(seen.only(dn.key(member)) for member in inner):
                log.warning(
                    "%s: the server does not find members of members; they are followed here",
                    source.name,
                    extra=OF_ANSWERS,
                )
                return None
            beyond[name] = _Beyond(
                {person for entry in answer for person in known.of(entry, vendor)}
            )
    except (ConnectionBroken, GivenUp):
        raise
    except SourceUnreadable as error:
        log.warning(
            "%s: members of members are followed here, because the server does not do it: %s",
            source.name,
            error,
        )
        return None
    return beyond


class _Followed:
    """All groups, by normalized DN, and what is found by following their members."""

    def __init__(self, known: _Known, vendor: Vendor, dynamic: DynamicGroups) -> None:
        self.groups: dict[str, DirectoryGroup] = {}
        self.primary: dict[str, list[str]] = {}
        """The persons whose primary group each is."""
        self.ambiguous: dict[str, tuple[str, ...]] = {}
        """Members that can mean several entries, a group outside the rules among them."""
        self._known = known
        self._dynamic = dynamic
        self._meant = References((known.persons, self.groups), vendor.folding, known.lookalikes)
        self._reached: dict[str, tuple[list[str], _Beyond]] = {}
        """The content of reached groups: normalized DNs of nested groups, and persons."""

    def beyond(self, name: str) -> _Beyond:
        """The content of a group and of all groups within it."""
        start = dn.key(name)
        walked = reachable([start] if start in self.groups else [], self._inner)
        contents = [self._content(key)[1] for key in sorted(walked)]
        return _Beyond(
            set().union(*(content.persons for content in contents)),
            next((content.unknown for content in contents if content.unknown), ""),
            frozenset().union(*(content.logins for content in contents)),
            frozenset().union(*(content.members for content in contents)),
        )

    def _inner(self, key: str) -> list[str]:
        """The groups directly within a group."""
        return self._content(key)[0]

    def _content(self, key: str) -> tuple[list[str], _Beyond]:
        # Only what is reached is evaluated: a search may be behind it.
        if key not in self._reached:
            self._reached[key] = self._evaluated(key)
        return self._reached[key]

    def _evaluated(self, key: str) -> tuple[list[str], _Beyond]:
        group = self._dynamic.evaluated(self.groups[key])
        persons, shared = self._known.by_logins(group.member_logins)
        persons.update(self._known.below.get(key, ()), self.primary[key])
        unclear: set[str] = set()
        inner: list[str] = []
        for written in group.members:
            keys = self._keys(written, unclear)
            inner += [key for key in keys if key in self.groups]
            persons |= {self._known.persons[key] for key in keys if key in self._known.persons}
        unknown = group.members_unknown
        if unknown:
            unknown = f"{quoted(group.dn)} within it: {unknown}"
        return inner, _Beyond(persons, unknown, shared, frozenset(unclear))

    def _keys(self, written: str, unclear: set[str]) -> tuple[str, ...]:
        """What a member means; () if it can mean several entries, which is recorded."""
        member = dn.key(written)
        if member in self.groups or member in self._known.persons:
            return (member,)
        keys = tuple(self._meant.meant(member))
        if len(keys) <= 1:
            return keys
        # Where it can mean a group outside the rules, the snapshot would not show that it is
        # ambiguous.
        if all(key in self._known.persons for key in keys):
            unclear.add(written)
        else:
            self.ambiguous.setdefault(member, keys)
        return ()


def _by_following(
    source: desired.Source,
    rules: Rules,
    affected: Mapping[str, Iterable[str]],
    known: _Known,
    searcher: Searcher,
    dynamic: DynamicGroups,
) -> dict[str, _Beyond]:
    """The groups that can be reached, from the members of all groups."""
    vendor = rules.vendor
    sid = ("objectsid",) if vendor.primary_group else ()
    asked = sorted({*rules.members, *rules.logins, *rules.dynamic_attributes, *sid})
    below = _Followed(known, vendor, dynamic)
    for page in ranges.whole(
        _over_all(source, vendor, _any_group(source, vendor), tuple(asked)), searcher
    ):
        for entry in page:
            key = dn.key(entry.dn)
            below.groups[key] = dynamic.group(entry, rules)
            below.primary[key] = known.primary(entry, vendor)
    beyond = {name: below.beyond(name) for name in affected}
    for member, keys in below.ambiguous.items():
        meanings = " or ".join(map(quoted, keys))
        log.warning(
            "%s: the member %s is ignored: it can mean %s",
            source.name,
            quoted(member),
            meanings,
            extra=OF_ANSWERS,
        )
    return beyond
