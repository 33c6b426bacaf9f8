"""Directories of any size, as LDIF: before, and after every person's given name and telephone number changed."""

import base64
import uuid
from collections.abc import Iterator

SUFFIX = "dc=example,dc=com"
PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"

GROUP_COUNT = 200
GROUP_SIZE = 100
_LOCKED_EVERY = 100
_ACCENTED_EVERY = 20
_NAMESPACE = uuid.UUID("8c1f5f0a-5f0e-4f43-9b0c-5a4d7c1c7b10")


def ldif(persons: int, *, updated: bool = False) -> str:
    """The whole directory. Ids follow from the entries, so that both states are of the same people."""
    return "\n".join([*_units(), *_persons(persons, updated=updated), *_groups(persons)])


def _units() -> Iterator[str]:
    yield f"dn: {SUFFIX}\nobjectClass: organization\nobjectClass: dcObject\no: Example\ndc: example\n"
    for dn, name in ((PEOPLE, "people"), (GROUPS, "groups")):
        yield f"dn: {dn}\nobjectClass: organizationalUnit\nou: {name}\n"


def _persons(count: int, *, updated: bool) -> Iterator[str]:
    for number in range(count):
        uid = f"user{number:06}"
        given = f"{'Grace' if updated else 'Ada'}{number}"
        lines = [
            f"dn: uid={uid},{PEOPLE}",
            "objectClass: inetOrgPerson",
            f"uid: {uid}",
            f"cn: {uid}",
            f"givenName: {given}",
            _surname(number),
            f"mail: {uid}@example.com",
            f"telephoneNumber: +44 1632 {960000 + number if updated else 100000 + number}",
            f"entryUUID: {uuid.uuid5(_NAMESPACE, uid)}",
        ]
        if number % _LOCKED_EVERY == 0:
            lines.append("pwdAccountLockedTime: 000001010000Z")
        yield "\n".join([*lines, ""])


def _surname(number: int) -> str:
    if number % _ACCENTED_EVERY:
        return f"sn: Whitfield{number}"
    return f"sn:: {base64.b64encode(f'Größner{number}'.encode()).decode()}"


def _groups(persons: int) -> Iterator[str]:
    for group in range(GROUP_COUNT):
        members = sorted({(group * GROUP_SIZE + place) % persons for place in range(GROUP_SIZE)})
        lines = [
            f"dn: cn=group{group:03},{GROUPS}",
            "objectClass: groupOfNames",
            f"cn: group{group:03}",
            *(f"member: uid=user{member:06},{PEOPLE}" for member in members),
            f"entryUUID: {uuid.uuid5(_NAMESPACE, f'group{group}')}",
        ]
        yield "\n".join([*lines, ""])
