"""One company, as entries: what LDAP servers, LDIF files and memory must understand alike.

DNs are spelled as OpenLDAP gives them back, so that snapshots can be compared as they are.
"""

from collections.abc import Mapping, Sequence

SUFFIX = "dc=example,dc=com"
PHOTO = bytes(range(256)) + b"\xff\xd8\xff"

Entries = dict[str, Mapping[str, Sequence[str | bytes]]]


def _uuid(number: int) -> list[str]:
    return [f"00000000-1111-2222-3333-{number:012}"]


def _unit(ou: str, number: int) -> dict[str, list[str]]:
    return {"objectClass": ["top", "organizationalUnit"], "ou": [ou], "entryUUID": _uuid(number)}


def _person(
    number: int, uid: str, cn: str, **more: list[str] | list[bytes]
) -> dict[str, Sequence[str | bytes]]:
    plain: dict[str, Sequence[str | bytes]] = {
        "objectClass": ["top", "person", "organizationalPerson", "inetOrgPerson"],
        "uid": [uid],
        "cn": [cn],
        "sn": [cn.rsplit(maxsplit=1)[-1]],
        "entryUUID": _uuid(number),
    }
    return plain | more


PEOPLE = f"ou=people,{SUFFIX}"
GROUPS = f"ou=groups,{SUFFIX}"
ADA = f"uid=ada,{PEOPLE}"
BJORN = f"uid=bjørn,ou=Außenstelle Köln,{PEOPLE}"
COMMA = f"cn=Doe\\2C Jane,{PEOPLE}"
TWO = f"cn=Li Wei+uid=wei,{PEOPLE}"
LOCKED = f"uid=locked,{PEOPLE}"

ENTRIES: Entries = {
    SUFFIX: {
        "objectClass": ["top", "dcObject", "organization"],
        "dc": ["example"],
        "o": ["Example"],
        "entryUUID": _uuid(1),
    },
    PEOPLE: _unit("people", 2),
    GROUPS: _unit("groups", 3),
    f"ou=Außenstelle Köln,{PEOPLE}": _unit("Außenstelle Köln", 4),
    ADA: _person(
        10,
        "ada",
        "Ada Lovelace",
        mail=["ada@example.com", "countess@example.com"],
        jpegPhoto=[PHOTO],
        employeeNumber=["7"],
    )
    | {"cn;lang-fr": ["Ada, comtesse de Lovelace"]},
    BJORN: _person(
        11,
        "bjørn",
        "Bjørn Ødegård",
        manager=[ADA],
        mail=["bjorn@example.com"],
        employeeNumber=["12"],
    ),
    COMMA: _person(12, "jdoe", "Doe, Jane", description=["(a) *starred* \\ remark"]),
    TWO: _person(13, "wei", "Li Wei", manager=[COMMA]),
    LOCKED: _person(14, "locked", "Locked Out") | {"pwdAccountLockedTime": ["000001010000Z"]},
    f"uid=soon,{PEOPLE}": _person(15, "soon", "Back Soon")
    | {"pwdAccountLockedTime": ["20250101000000Z"]},
    f"uid=svc-backup,{PEOPLE}": {
        "objectClass": ["top", "account"],
        "uid": ["svc-backup"],
        "entryUUID": _uuid(16),
    },
    f"cn=engineering,{GROUPS}": {
        "objectClass": ["top", "groupOfNames"],
        "cn": ["engineering"],
        "member": [ADA, BJORN, f"cn=nested,{GROUPS}"],
        "entryUUID": _uuid(20),
    },
    f"cn=nested,{GROUPS}": {
        "objectClass": ["top", "groupOfUniqueNames"],
        "cn": ["nested"],
        "uniqueMember": [TWO, f"{COMMA}#'0101'B"],
        "entryUUID": _uuid(21),
    },
    f"cn=unix,{GROUPS}": {
        "objectClass": ["top", "posixGroup"],
        "cn": ["unix"],
        "gidNumber": ["1000"],
        "memberUid": ["ada", "wei"],
        "entryUUID": _uuid(22),
    },
    f"cn=empty,{GROUPS}": {
        "objectClass": ["top", "groupOfNames"],
        "cn": ["empty"],
        "member": [""],
        "entryUUID": _uuid(23),
    },
}
