"""The company of `company.yml` as entries of each product, and what a source for it looks like there."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

Attributes = dict[str, list[str]]
Entries = dict[str, Attributes]

COMPANY = yaml.safe_load(Path(__file__).with_name("company.yml").read_text(encoding="utf-8"))


class Person(NamedTuple):
    """One line of the file."""

    login: str
    first: str
    last: str
    unit: int
    manager: str
    name: str
    mail: str
    disabled: bool


def people() -> Iterator[Person]:
    """Everybody, with what the file leaves out."""
    for login, first, last, unit, manager, *more in COMPANY["people"]:
        given = more[0] if more else {}
        mail = f"{login}@example.com" if given.get("mail", True) else ""
        name = given.get("name", f"{first} {last}")
        yield Person(login, first, last, unit, manager, name, mail, given.get("disabled", False))


def escaped(value: str) -> str:
    """A value within a DN."""
    return "".join(f"\\{char}" if char in '\\,+"<>;=' else char for char in value)


class Tree(NamedTuple):
    """Where things are in one product: the DNs of units, persons and groups."""

    suffix: str
    groups: str
    rdn: Callable[[Person], str]
    flat: str = ""
    """The one container of all persons."""

    def unit(self, number: int) -> str:
        """The DN of a unit, by its number."""
        path = ["Company", *COMPANY["units"][number]]
        return ",".join([*(f"OU={escaped(name)}" for name in reversed(path)), self.suffix])

    def person(self, person: Person) -> str:
        """The DN of a person."""
        return f"{self.rdn(person)},{self.flat or self.unit(person.unit)}"

    def group(self, name: str) -> str:
        """The DN of a group."""
        return f"cn={name},{self.groups}"

    def members(self, logins: list[str], names: list[str]) -> list[str]:
        """The DNs of a group's members."""
        by_login = {person.login: self.person(person) for person in people()}
        return [*(by_login[login] for login in logins), *map(self.group, names)]

    def manager(self, person: Person) -> Attributes:
        """The attribute that names the manager."""
        return {"manager": self.members([person.manager], [])} if person.manager else {}


def _by_uid(person: Person) -> str:
    """Those with a comma in their name are known by that, the others by their login."""
    return f"cn={escaped(person.name)}" if "," in person.name else f"uid={person.login}"


def _inet(person: Person, tree: Tree) -> Attributes:
    found = {
        "uid": [person.login],
        "cn": [person.name],
        "givenName": [person.first],
        "sn": [person.last],
    }
    found |= {"mail": [person.mail]} if person.mail else {}
    return found | tree.manager(person)


OPENLDAP = Tree("dc=example,dc=com", "ou=Groups,dc=example,dc=com", _by_uid)
DS389 = OPENLDAP
FREEIPA = Tree(
    "dc=example,dc=com",
    "cn=groups,cn=accounts,dc=example,dc=com",
    lambda person: f"uid={person.login}",
    "cn=users,cn=accounts,dc=example,dc=com",
)
ACTIVE_DIRECTORY = Tree(
    "DC=example,DC=test",
    "OU=Groups,DC=example,DC=test",
    lambda person: f"CN={escaped(person.name)}",
)


def _units(tree: Tree) -> Entries:
    entries: Entries = {
        f"OU=Company,{tree.suffix}": {"ou": ["Company"]},
        tree.groups: {"ou": ["Groups"]},
    }
    for number, path in enumerate(COMPANY["units"]):
        entries[tree.unit(number)] = {"ou": [path[-1]]}
    return {
        dn: {"objectClass": ["top", "organizationalUnit"]} | values
        for dn, values in entries.items()
    }


_SUFFIX: Entries = {"dc=example,dc=com": {"objectClass": ["top", "domain"], "dc": ["example"]}}
_INET = ["top", "person", "organizationalPerson", "inetOrgPerson"]


def openldap() -> Entries:
    """For slapd with the ppolicy overlay: a lock without end disables."""
    tree = OPENLDAP
    entries = _SUFFIX | _units(tree)
    for person in people():
        lock = {"pwdAccountLockedTime": ["000001010000Z"]} if person.disabled else {}
        entries[tree.person(person)] = {"objectClass": _INET} | _inet(person, tree) | lock
    for name, logins, names in COMPANY["groups"]:
        members = tree.members(logins, names) or [""]  # groupOfNames must have one.
        entries[tree.group(name)] = {
            "objectClass": ["top", "groupOfNames"],
            "cn": [name],
            "member": members,
        }
    return entries


def ds389() -> Entries:
    """For 389 Directory Server: groups with uniqueMember, nsAccountLock disables."""
    tree = DS389
    entries = _SUFFIX | _units(tree)
    for person in people():
        lock = {"nsAccountLock": ["true"]} if person.disabled else {}
        entries[tree.person(person)] = {"objectClass": _INET} | _inet(person, tree) | lock
    for name, logins, names in COMPANY["groups"]:
        members = {"uniqueMember": tree.members(logins, names)} if logins or names else {}
        entries[tree.group(name)] = {
            "objectClass": ["top", "groupOfUniqueNames"],
            "cn": [name],
        } | members
    return entries


FREEIPA_SCHEMA = """\
dn: cn=schema
attributeTypes: ( 2.16.840.1.113730.3.8.3.1 NAME 'ipaUniqueID' DESC 'Unique identifier' EQUALITY caseExactMatch
  ORDERING caseExactOrderingMatch SUBSTR caseExactSubstringsMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.15 SINGLE-VALUE
  X-ORIGIN 'tests' )
attributeTypes: ( 2.16.840.1.113719.1.301.4.37.1 NAME 'krbPrincipalExpiration' EQUALITY generalizedTimeMatch
  ORDERING generalizedTimeOrderingMatch SYNTAX 1.3.6.1.4.1.1466.115.121.1.24 SINGLE-VALUE X-ORIGIN 'tests' )
objectClasses: ( 2.16.840.1.113719.1.301.6.8.1 NAME 'krbPrincipalAux' SUP top AUXILIARY MAY ( krbPrincipalExpiration )
  X-ORIGIN 'tests' )
objectClasses: ( 2.16.840.1.113730.3.8.4.2 NAME 'ipaObject' SUP top AUXILIARY MUST ( ipaUniqueId ) X-ORIGIN 'tests' )
objectClasses: ( 2.16.840.1.113730.3.8.4.4 NAME 'nestedGroup' SUP groupOfNames STRUCTURAL MAY ( memberOf )
  X-ORIGIN 'tests' )
objectClasses: ( 2.16.840.1.113730.3.8.4.5 NAME 'ipaUserGroup' SUP nestedGroup STRUCTURAL X-ORIGIN 'tests' )
"""
"""What FreeIPA adds to 389 Directory Server's schema, as far as the entries here need it."""


def freeipa() -> Entries:
    """For 389 Directory Server with FreeIPA's tree: one container of persons, no units, and some who are preserved."""
    tree = FREEIPA
    suffix = tree.suffix
    entries: Entries = dict(_SUFFIX)
    provisioning = f"cn=provisioning,{suffix}"
    containers = [
        f"cn=accounts,{suffix}",
        tree.flat,
        tree.groups,
        provisioning,
        f"cn=accounts,{provisioning}",
    ]
    for dn in [*containers, f"cn=deleted users,cn=accounts,{provisioning}"]:
        entries[dn] = {"objectClass": ["top", "nsContainer"], "cn": [dn.partition(",")[0][3:]]}
    for number, person in enumerate(people()):
        entries[tree.person(person)] = ipa_user(
            number, _inet(person, tree), disabled=person.disabled
        )
    gone = {"uid": ["gone"], "cn": ["Gone Away"], "sn": ["Away"]}
    entries[f"uid=gone,cn=deleted users,cn=accounts,{provisioning}"] = ipa_user(
        900, gone, disabled=True
    )
    for number, (name, logins, names) in enumerate(COMPANY["groups"], 1000):
        members = {"member": tree.members(logins, names)} if logins or names else {}
        classes = ["top", "groupOfNames", "nestedGroup", "ipaUserGroup", "ipaObject", "posixGroup"]
        group = {"objectClass": classes, "cn": [name], "gidNumber": [str(number)]} | ipa_id(number)
        entries[tree.group(name)] = group | members
    # Every user has a group of its own name there, which is none of the company's.
    private = {
        "objectClass": ["top", "posixGroup", "ipaObject"],
        "cn": ["ada"],
        "gidNumber": ["7"],
    } | ipa_id(5000)
    entries[tree.group("ada")] = private
    return entries


def ipa_id(number: int) -> Attributes:
    """The stable id of an entry."""
    return {"ipaUniqueID": [f"0a0b0c0d-0000-11ee-8000-{number:012}"]}


def ipa_user(number: int, person: Attributes, *, disabled: bool = False) -> Attributes:
    """A user as FreeIPA makes it."""
    classes = [*_INET, "posixAccount", "inetUser", "ipaObject"]
    posix = {"uidNumber": [str(number)], "gidNumber": [str(number)], "homeDirectory": ["/home"]}
    lock = {"nsAccountLock": ["TRUE"]} if disabled else {}
    return {"objectClass": classes} | person | posix | ipa_id(number) | lock


def active_directory() -> list[list[Any]]:
    """For Samba, as steps of `samba_steps`."""
    tree = ACTIVE_DIRECTORY
    steps: list[list[Any]] = [
        ["add", dn, {"objectClass": ["organizationalUnit"]} | values]
        for dn, values in _units(tree).items()
    ]
    for person in people():
        values = _inet(person, tree) | {"objectClass": ["user"], "sAMAccountName": [person.login]}
        del values["cn"], values["uid"]
        values.pop("manager", None)
        # PASSWD_NOTREQD and NORMAL_ACCOUNT: nobody here has a password.
        values["userAccountControl"] = ["546" if person.disabled else "544"]
        steps.append(["add", tree.person(person), values])
    steps += [
        ["modify", tree.person(person), tree.manager(person)]
        for person in people()
        if person.manager
    ]
    for name, _, _ in COMPANY["groups"]:
        steps.append(
            ["add", tree.group(name), {"objectClass": ["group"], "sAMAccountName": [name]}]
        )
    for name, logins, names in COMPANY["groups"]:
        if logins or names:
            steps.append(["modify", tree.group(name), {"member": tree.members(logins, names)}])
    return steps
