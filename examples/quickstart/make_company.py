"""Writes the directory of a fictional company as LDIF; with `--month 2`, what it became a month later.

    python make_company.py > company.ldif
    python make_company.py --month 2 > company-month-2.ldif

The same call always gives the same bytes. Everyone in it is made up; the names are spread over many
languages, because directories are.
"""

import argparse
import base64
import dataclasses
import itertools
import re
import sys
import unicodedata
import uuid
from collections.abc import Callable, Iterable, Iterator

BASE = "dc=example,dc=com"
PEOPLE = f"ou=people,{BASE}"
GROUPS = f"ou=groups,{BASE}"

LOCKED_FOR_GOOD = (
    "000001010000Z"  # what OpenLDAP's password policy writes when an administrator locks an account
)
LOCKED_FOR_A_WHILE = (
    "20260105081500Z"  # too many wrong passwords: no reason to take the user out of service
)

STAFF = {
    "Management": 6,
    "Sales": 6,
    "Sales/Americas": 10,
    "Sales/Americas/São Paulo": 12,
    "Sales/Europe": 12,
    "Sales/Europe/DACH": 18,
    "Sales/Europe/Nordics": 14,
    "Engineering": 4,
    "Engineering/Mobile": 24,
    "Engineering/Platform": 26,
    "Engineering/Platform/Storage": 14,
    "Engineering/Quality": 16,
    "Finance": 22,
    "Legal": 12,
    "Support": 36,
    "Warehouse": 64,
}
"""OU below ou=people, parents first → how many work there. The first one of each is its head."""

NAMED_BY_CN = "Legal"
"""This OU came with a company that was bought: its entries are called `cn=Family name\\, Given
name`."""

BY_NAME = {
    "Engineering/Mobile": [("Siobhán", "O'Brien"), ("Hana", "Dvořáková"), ("Tom", "Ashdown")],
    "Engineering/Platform": [
        ("Jürgen", "Große"),
        ("小雨", "李"),
        ("Katarzyna", "Wiśniewska-Nowak"),
    ],
    "Engineering/Quality": [("Łukasz", "Żółtowski"), ("Íñigo", "Ñáñez")],
    "Finance": [("Élodie", "d'Aubigny"), ("Nora", "Whitfield")],
    "Legal": [("Ольга", "Соколова"), ("Þóra", "Ægisdóttir")],
    "Sales/Europe/DACH": [("Petra", "Lindqvist"), ("Björn", "Weiß")],
    "Support": [("Maria del Mar", "Núñez de la Peña"), ("Ömer", "Yıldırım"), ("Grace", "Holloway")],
}
"""Colleagues whom the rest of this file, the README or a test speaks of."""

GIVEN_NAMES = """Aaliyah Adam Agnieszka Ahmed Aino Amélie Anja Astrid Bence Camila Chloé Daniel Diego Dimitra Elif Emil
Fatima Felix Freya Gustavo Hiroshi Ines Ivana Jakub Jonas Jovana Khalid Lars Leila Luca Maja Matteo Mei Nikolai Noor
Oscar Priya Rafael Sanne Tomáš Yuki"""
FAMILY_NAMES = """Abara Achterberg Almeida Andersson Balogh Bergström Bianchi Borges Brandt Castellanos Cermak Dalgaard
Demir Dubois Eklund Esposito Faber Ferreira Fontaine Gallagher García Grünwald Hakimi Halvorsen Haugen Hoffmann Horvat
Ibrahim Jankowski Jovanović Kaplan Karlsen Kettunen Kowalczyk Křížek Lambert Lehtinen Lindgren Lopes Marchetti Mbeki
Moreau Murakami Navarro Nagy Nyström Okafor Oliveira Özdemir Papadakis Petrov Quispe Ramírez Rasmussen Rossetti
Sandoval Schäfer Sørensen Steiner Takeda Tanaka Uzun Vasquez Vermeulen Virtanen Wójcik Zhang"""

LATIN = str.maketrans({"ł": "l", "ø": "o", "ß": "ss", "æ": "ae", "þ": "th", "ı": "i", "ð": "d"})
LOGINS = {("小雨", "李"): "xli", ("Ольга", "Соколова"): "osokolova"}
"""For names that do not turn into Latin letters by dropping accents."""


@dataclasses.dataclass
class Person:
    """One who works there; `number` is given once and never changes, all else may."""

    number: int
    given: str
    family: str
    unit: str
    uid: str
    mail: str | None
    locked: str | None = None

    @property
    def dn(self) -> str:
        """Where the entry stands, and what it is called there."""
        rdn = (
            f"cn={escape(f'{self.family}, {self.given}')}"
            if self.unit == NAMED_BY_CN
            else f"uid={self.uid}"
        )
        return f"{rdn},{unit_dn(self.unit)}"


@dataclasses.dataclass
class Group:
    """A group; `members` are persons, other groups by the name they were founded under, and DNs of whoever."""

    founded_as: str
    name: str
    members: list["Person | str"]

    @property
    def dn(self) -> str:
        """Where the entry stands."""
        return f"cn={escape(self.name)},{GROUPS}"


@dataclasses.dataclass
class Company:
    """Everyone, in the order they were hired, and the groups."""

    persons: list[Person]
    groups: list[Group]

    def person(self, uid: str) -> Person:
        """The one with this login."""
        return next(person for person in self.persons if person.uid == uid)

    def group(self, founded_as: str) -> Group:
        """The one that was founded under this name."""
        return next(group for group in self.groups if group.founded_as == founded_as)

    def staff(self, unit: str) -> list[Person]:
        """Who works in a unit or below it."""
        return [person for person in self.persons if f"{person.unit}/".startswith(f"{unit}/")]

    def head(self, unit: str) -> Person:
        """Who leads a unit."""
        return next(person for person in self.persons if person.unit == unit)

    def manager(self, person: Person) -> Person | None:
        """The head of the unit; a head reports to the head of the unit above, and in the end to the management's."""
        unit = person.unit
        while self.head(unit) is person and unit != "Management":
            unit = unit.rpartition("/")[0] or "Management"
        return None if self.head(unit) is person else self.head(unit)

    def hire(self, unit: str, given: str, family: str) -> Person:
        """One more, with the next number and a login that is still free."""
        login = LOGINS.get((given, family)) or latin(given)[0] + latin(family)
        taken = {person.uid for person in self.persons}
        candidates = [login, *(f"{login}{count}" for count in range(2, 100))]
        uid = next(candidate for candidate in candidates if candidate not in taken)
        person = Person(1000 + len(self.persons), given, family, unit, uid, f"{uid}@example.com")
        self.persons.append(person)
        return person


def first_month() -> Company:
    """The company as the quickstart finds it."""
    company = Company([], [])
    given_names, family_names = GIVEN_NAMES.split(), FAMILY_NAMES.split()
    # 41 and 67 have no common factor, so no pair comes twice among the first 2,747; 29 mixes the
    # alphabets.
    names = ((given_names[i % 41], family_names[i * 29 % 67]) for i in itertools.count())
    for unit, size in STAFF.items():
        known = BY_NAME.get(unit, [])
        head, *others = itertools.islice(names, size - len(known))
        for given, family in [head, *known, *others]:
            company.hire(unit, given, family)

    for uid in ("gholloway", "osokolova"):
        company.person(
            uid
        ).mail = None  # the quickstart requires one: these two are skipped, and the plan says why
    for uid in (
        "bweiss",
        "nwhitfield",
        company.staff("Warehouse")[20].uid,
        company.staff("Support")[30].uid,
    ):
        company.person(uid).locked = LOCKED_FOR_GOOD
    company.person("tashdown").locked = LOCKED_FOR_A_WHILE

    platform = [person for person in company.persons if person.unit == "Engineering/Platform"]
    heads = [company.head(unit) for unit in STAFF]
    found(
        company,
        "admins",
        [company.person("jgrosse"), company.person("lzoltowski"), company.head("Engineering")],
    )
    found(company, "managers", heads)
    found(
        company,
        "engineering",
        [*company.staff("Engineering")[:4], "platform-team", "mobile-team", "quality-team"],
    )
    found(company, "platform-team", [*platform, "storage-team"])
    found(company, "storage-team", company.staff("Engineering/Platform/Storage"))
    found(company, "mobile-team", company.staff("Engineering/Mobile"))
    found(company, "quality-team", company.staff("Engineering/Quality"))
    # These two contain each other: allowed in LDAP, and it happens.
    found(company, "oncall-team", [*company.staff("Support")[:5], "sre-team"])
    found(company, "sre-team", [*platform[:6], "oncall-team"])
    found(company, "field-team", [*company.staff("Sales"), *company.staff("Support")])
    # Someone from every part of the house, three of them from the warehouse, and one who left
    # without being taken out.
    found(
        company,
        "Health, Safety-team",
        [*heads[6:13], *company.staff("Warehouse")[1:4], f"uid=egraves,ou=Support,{PEOPLE}"],
    )
    found(company, "printer-users", [*company.staff("Finance"), *company.staff("Legal")])
    return company


def second_month(company: Company) -> None:
    """What a month does to a company."""
    # Three leave; the directory's administrator takes them out of their groups as well, this time.
    for person in [
        company.person("tashdown"),
        company.staff("Finance")[-1],
        company.staff("Sales/Americas")[-1],
    ]:
        company.persons.remove(person)
        for group in company.groups:
            group.members = [member for member in group.members if member is not person]

    # One marries and takes another name: login, address and DN change, the person does not.
    married = company.person("plindqvist")
    married.family, married.uid, married.mail = (
        "Lindqvist-Roth",
        "plindqvistroth",
        "plindqvistroth@example.com",
    )

    company.person(
        "oyildirim"
    ).unit = "Sales/Europe/DACH"  # moves to another OU, and so to another head
    company.person("hdvorakova").locked = LOCKED_FOR_GOOD
    company.person("bweiss").locked = None
    company.person("gholloway").mail = "gholloway@example.com"  # no longer skipped
    company.group("mobile-team").name = "apps-team"
    company.group("oncall-team").members.append(company.person("hdvorakova"))

    # Numbers are not given twice, so the two who start get theirs by hand.
    for number, unit, given, family, team in [
        (1900, "Engineering/Quality", "Saoirse", "Ní Dhomhnaill", "quality-team"),
        (1901, "Support", "Tobias", "Engström", "field-team"),
    ]:
        person = company.hire(unit, given, family)
        person.number = number
        company.group(team).members.append(person)


def found(company: Company, name: str, members: Iterable[Person | str]) -> None:
    """One more group."""
    company.groups.append(Group(name, name, list(members)))


def entries(company: Company) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Every entry as its DN and its attributes, parents first."""
    yield (
        BASE,
        [
            *classes("organization", "dcObject"),
            ("o", "Example Company"),
            ("dc", "example"),
            stable_id("base"),
        ],
    )
    yield PEOPLE, [*classes("organizationalUnit"), ("ou", "people"), stable_id("people")]
    yield GROUPS, [*classes("organizationalUnit"), ("ou", "groups"), stable_id("groups")]
    for unit in STAFF:
        attributes = [("ou", unit.rpartition("/")[2]), stable_id(f"unit {unit}")]
        yield unit_dn(unit), [*classes("organizationalUnit"), *attributes]
    for person in company.persons:
        yield person.dn, [*classes("inetOrgPerson"), *person_attributes(company, person)]
    for name, unit in [
        ("backup", "Finance"),
        ("monitoring", "Engineering/Platform"),
        ("scanner", "Support"),
    ]:
        yield service_account(f"svc-{name}", unit)
    for group in company.groups:
        members = [("member", member_dn(company, member)) for member in group.members]
        yield (
            group.dn,
            [
                *classes("groupOfNames"),
                ("cn", group.name),
                *members,
                stable_id(f"group {group.founded_as}"),
            ],
        )


def person_attributes(company: Company, person: Person) -> Iterator[tuple[str, str]]:
    """What the directory knows of one person."""
    manager = company.manager(person)
    by_cn = person.unit == NAMED_BY_CN
    yield "uid", person.uid
    yield "cn", f"{person.family}, {person.given}" if by_cn else f"{person.given} {person.family}"
    yield "givenName", person.given
    yield "sn", person.family
    if person.mail:
        yield "mail", person.mail
    if person.unit != "Warehouse":
        yield (
            "telephoneNumber",
            f"+44 1632 960{person.number % 1000:03}",
        )  # a range kept free for fiction
    yield "employeeNumber", str(person.number)
    if manager:
        yield "manager", manager.dn
    if person.locked:
        yield "pwdAccountLockedTime", person.locked
    yield stable_id(f"person {person.number}")


def service_account(uid: str, unit: str) -> tuple[str, list[tuple[str, str]]]:
    """An account that no person uses, standing among the persons, as they do."""
    attributes = [
        ("uid", uid),
        ("cn", uid),
        ("sn", uid),
        ("mail", f"{uid}@example.com"),
        stable_id(f"service {uid}"),
    ]
    return f"uid={uid},{unit_dn(unit)}", [*classes("inetOrgPerson"), *attributes]


def unit_dn(unit: str) -> str:
    """`Sales/Europe` stands at `ou=Europe,ou=Sales,ou=people,…`."""
    return ",".join([*(f"ou={escape(part)}" for part in reversed(unit.split("/"))), PEOPLE])


def member_dn(company: Company, member: Person | str) -> str:
    """What a group calls its member."""
    if isinstance(member, Person):
        return member.dn
    return member if "=" in member else company.group(member).dn


def classes(*names: str) -> list[tuple[str, str]]:
    """The entry's object classes."""
    return [("objectClass", name) for name in names]


def stable_id(what: str) -> tuple[str, str]:
    """The id a directory server gives an entry at birth; here it follows from what the entry is."""
    return "entryUUID", str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{what}.example.com"))


def latin(name: str) -> str:
    """A name in the letters of a login."""
    plain = unicodedata.normalize("NFKD", name.lower().translate(LATIN))
    return re.sub(r"[^a-z]", "", plain)


def escape(value: str) -> str:
    """A value as it stands in a DN (RFC 4514)."""
    return re.sub(r'([,+"\\<>;=])', r"\\\1", value)


def line(name: str, value: str) -> str:
    """One line of LDIF (RFC 2849): what is not plain ASCII goes as base64."""
    if value.isascii() and value == value.strip() and value[0] not in ":<":
        return f"{name}: {value}\n"
    return f"{name}:: {base64.b64encode(value.encode()).decode()}\n"


def ldif(company: Company) -> Iterator[str]:
    """The whole file."""
    yield "# A fictional company, written by make_company.py.\n"
    for dn, attributes in entries(company):
        yield "\n" + line("dn", dn)
        for name, value in attributes:
            yield line(name, value)


def main() -> None:
    """Writes to standard output, in UTF-8 whatever the terminal speaks."""
    months: dict[int, Callable[[Company], None]] = {1: lambda _: None, 2: second_month}
    parser = argparse.ArgumentParser(
        description="Writes the directory of a fictional company as LDIF."
    )
    parser.add_argument(
        "--month",
        type=int,
        choices=sorted(months),
        default=1,
        help="1 (default), or a month later: 2",
    )
    company = first_month()
    months[parser.parse_args().month](company)
    sys.stdout.buffer.write("".join(ldif(company)).encode())


if __name__ == "__main__":
    main()
