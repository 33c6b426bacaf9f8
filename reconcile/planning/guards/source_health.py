"""Whether a read of a source can be trusted: as large as last time, with what it has to hold."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, TypeAlias

import msgspec

from reconcile.model.change import GuardName, Violation
from reconcile.model.desired import DesiredState, Safety, Source
from reconcile.model.directory import DirectorySnapshot
from reconcile.model.platform import Reading
from reconcile.planning.guards.limits.phrases import counted
from reconcile.planning.guards.limits.thresholds import exceeds
from reconcile.planning.notices import did_you_mean
from reconcile.planning.selection.patterns import Selection
from reconcile.planning.selection.query import query
from reconcile.planning.selection.snapshot_index import Index
from reconcile.planning.selection.source_rules import SourceRules

EXPECTED: Final[frozenset[GuardName]] = frozenset({"expected_person", "expected_group"})
"""The guards that miss an entry."""

Entries: TypeAlias = Sequence[tuple[str, str | None, str]]
"""Of each entry its folded DN, the identifier of a person, and its DN."""

_PARTS: Final = {
    "persons": "person",
    "groups": "group",
    "units": "OU",
    "members": "member of groups",
}


def reading(desired: DesiredState, source: Source, snapshot: DirectorySnapshot) -> Reading:
    """How much a snapshot holds. What the rules did not ask for is not counted.

    Nor are members where those of one group are not known: it would look as if they had left.
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
    """Like `reading`, for a snapshot with one person but all groups and OUs.

    Members are counted only if that person is the only one: others are found through persons, which
    the snapshot does not have.
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
    """`shrink`: each part of a source far smaller than at its last good read, or empty."""
    last_by_source = {read.source: read for read in last}
    for read in now:
        before = last_by_source.get(read.source)
        if before is None:
            continue
        for part in _PARTS:
            was, count = getattr(before, part), getattr(read, part)
            if was is not None and count is not None and count < was:
                yield from _shrunk_part(workspace, read.source, part, was, count, safety)


def _shrunk_part(
    workspace: str, source: str, part: str, was: int, count: int, safety: Safety
) -> Iterator[Violation]:
    """A part of a source that has fewer than it had: too few, or none."""
    lost, entire = was - count, count == 0
    if not entire and not exceeds(safety.shrink, lost, was, safety.at_least):
        return
    why = "none are left" if entire else f"the limit shrink is {safety.shrink}"
    detail = f"{source} has {counted(count, _PARTS[part])}, {was} at its last good read: {why}"
    yield Violation(
        workspace=workspace,
        guard="shrink",
        source=source,
        subject=part,
        number=lost,
        detail=detail,
        entire=entire,
    )


def missing(workspace: str, source: Source, index: Index, path: str) -> Iterator[Violation]:
    """`expected_person`, `expected_group`: each entry of `expect` that the read does not have.

    `path` is that of the source in the files. Raises UsageError for a pattern that can mean
    several.
    """
    expect = source.expect
    if not expect.persons and not expect.groups:
        return
    persons = [
        (key, person.identifier, person.dn)
        for key, person in zip(index.keys, index.snapshot.persons, strict=True)
    ]
    groups = [(key, None, group.dn) for key, group in index.groups.items()]
    lists: tuple[tuple[GuardName, str, tuple[str, ...], Entries], ...] = (
        ("expected_person", "person", expect.persons, persons),
        ("expected_group", "group", expect.groups, groups),
    )
    for guard, what, patterns, entries in lists:
        for at, pattern in enumerate(patterns):
            selection = Selection((pattern,), source.base_dn, index.snapshot.folding)
            place = f"{path}.expect.{what}s[{at}]"
            selection.resolve(_always(place), source.name, entries.__iter__)
            if not any(selection.matches(key, name) for key, name, _ in entries):
                yield Violation(
                    workspace=workspace,
                    guard=guard,
                    source=source.name,
                    subject=pattern,
                    number=1,
                    detail=f"{source.name} has no {what} {pattern}, so the read cannot be trusted."
                    " Check the directory and what the bind account may read. If the entry is gone"
                    " for good, change `expect` of the source",
                    acceptable=False,
                )


def missing_groups(workspace: str, rules: SourceRules) -> Iterator[Violation]:
    """`expected_group`: each group without which nobody knows who is to have a user.

    If a group of `create` or `require_groups` was renamed, its members would all seem to have left.
    """
    for key, patterns in rules.groups_of_users.items():
        matches = rules.matches.groups[f"{rules.matches.users}.{key}"]
        gone = [pattern for pattern, keys in zip(patterns, matches, strict=True) if not keys]
        similar = rules.matches.nearest("group", gone) if gone else {}
        for pattern in gone:
            yield Violation(
                workspace=workspace,
                guard="expected_group",
                source=rules.source.name,
                subject=pattern,
                number=1,
                detail=f"{rules.source.name} has no group {pattern}, which users.{key} names, so"
                " its members would all seem to have left. Correct the name, or check the directory"
                f" and what the bind account may read{did_you_mean(similar[pattern])}",
                acceptable=False,
            )


def _always(path: str) -> Callable[[int], str]:
    """A function that returns this path, whatever the number of a pattern."""
    return lambda _: path
