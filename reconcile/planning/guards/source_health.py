"""Whether a read of a source is to be trusted: as much as last time, and what has to be there is."""

from collections.abc import Callable, Iterable, Iterator

import msgspec

from reconcile.model.change import ALL, Violation
from reconcile.model.desired import DesiredState, Safety, Source
from reconcile.model.directory import DirectorySnapshot
from reconcile.model.platform import Reading
from reconcile.planning.guards.thresholds import exceeds
from reconcile.planning.selection.patterns import Selection
from reconcile.planning.selection.query import query
from reconcile.planning.selection.snapshot_index import Index

EXPECTED = "expected_"
"""How the codes of what is missing begin."""

_PARTS = {
    "persons": "persons",
    "groups": "groups",
    "units": "organizational units",
    "members": "members of groups",
}


def reading(desired: DesiredState, source: Source, snapshot: DirectorySnapshot) -> Reading:
    """How much a snapshot holds; what the rules did not ask for is not counted.

    Neither are members, where those of one group are not known: it would look as if they had left.
    """
    asked = query(desired, source)
    unknown = any(group.members_unknown for group in snapshot.groups)
    members = sum(
        len(group.members) + len(group.member_logins) + len(group.nested_members)
        for group in snapshot.groups
    )
    return Reading(
        source.name,
        len(snapshot.persons),
        len(snapshot.groups) if asked.groups else None,
        len(snapshot.units) if asked.units else None,
        members if asked.groups and not unknown else None,
    )


def partial_reading(desired: DesiredState, source: Source, snapshot: DirectorySnapshot) -> Reading:
    """The same of a snapshot that holds one person and is complete else.

    Members are counted where only that person is one, if at all: some are found by way of persons,
    who are not there.
    """
    whole = reading(desired, source, snapshot)
    own = {person.dn for person in snapshot.persons}
    rule = source.groups
    others = any(
        group.member_logins or not own.issuperset(group.members) for group in snapshot.groups
    )
    by_persons = rule.base or rule.filter or rule.scope == "one"
    return msgspec.structs.replace(
        whole, persons=None, members=None if others or by_persons else whole.members
    )


def shrunk(
    workspace: str, now: Iterable[Reading], last: Iterable[Reading], safety: Safety
) -> Iterator[Violation]:
    """A violation for each part of a source that fell too far behind the last good read, or to nothing."""
    known = {one.source: one for one in last}
    for one in now:
        before = known.get(one.source)
        for part, words in _PARTS.items() if before is not None else ():
            was, count = getattr(before, part), getattr(one, part)
            if was is None or count is None or count >= was:
                continue
            if count == 0 or exceeds(safety.shrink, was - count, was, safety.at_least):
                code = f"shrink:{workspace}/{one.source}/{part}:{was - count}"
                limit = f"the limit shrink is {safety.shrink}"
                if count == 0:
                    code, limit = f"{code}:{ALL}", "none are left"
                yield Violation(
                    workspace,
                    code,
                    f"{one.source} has {count} {words}, {was} at its last good read: {limit}",
                )


def missing(workspace: str, source: Source, index: Index, path: str) -> Iterator[Violation]:
    """A violation for each expected person and group that the read has not.

    Raises UsageError for a pattern that can mean several.
    """
    snapshot = index.snapshot
    persons = [
        (key, person.identifier, person.dn)
        for key, person in zip(index.keys, snapshot.persons, strict=True)
    ]
    groups = [(key, None, group.dn) for key, group in index.groups.items()]
    for what, patterns, entries in (
        ("person", source.expect.persons, persons),
        ("group", source.expect.groups, groups),
    ):
        for at, pattern in enumerate(patterns):
            selection = Selection((pattern,), source.base_dn, snapshot.folding)
            selection.resolve(_path(f"{path}.expect.{what}s[{at}]"), source.name, entries.__iter__)
            if not any(selection.matches(key, name) for key, name, _ in entries):
                yield Violation(
                    workspace,
                    f"{EXPECTED}{what}:{workspace}/{source.name}/{pattern}:1",
                    f"{source.name} has no {what} {pattern}: the read is not to be trusted. Look at the directory and"
                    f" at what the bind may read; if it is gone for good, change `expect` of the source",
                    acceptable=False,
                )


def _path(path: str) -> Callable[[int], str]:
    return lambda _: path
