"""Active Directory's primary group, whose members no `member` or `memberOf` names.

A person's `primaryGroupID` is the last number of the group's `objectSid`; the rest of that is the
domain's, and so the same as in the person's own `objectSid`. Usually it is Domain Users.
"""

from collections.abc import Iterable, Mapping

import msgspec

from reconcile.model.directory import DirectoryGroup, Person


def by_sid(persons: Iterable[Person]) -> dict[str, list[str]]:
    """Security identifier of a primary group → DNs of the persons who have it."""
    members: dict[str, list[str]] = {}
    for person in persons:
        sid, number = person.attributes.get("objectsid"), person.attributes.get("primarygroupid")
        if sid and number:
            members.setdefault(f"{sid[0].rpartition('-')[0]}-{number[0]}", []).append(person.dn)
    return members


def added(
    persons: Iterable[Person], groups: Iterable[DirectoryGroup]
) -> tuple[DirectoryGroup, ...]:
    """The groups, with the persons whose primary group they are among their members."""
    members = by_sid(persons)
    return tuple(_with(group, members) for group in groups)


def _with(group: DirectoryGroup, members: Mapping[str, list[str]]) -> DirectoryGroup:
    more = members.get(group.attributes.get("objectsid", ("",))[0])
    if not more:
        return group
    return msgspec.structs.replace(group, members=tuple(sorted({*group.members, *more})))
