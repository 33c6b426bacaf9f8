"""What every kind of directory does alike: the same questions to each of four servers that hold the same company.

It also gives the same users, groups, roles and departments, whichever of them it is read from. Both
are in one file, because one process runs a file, and so the servers are started once.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.directory import DirectorySnapshot, Outline, Query
from reconcile.model.login import LoginNames
from reconcile.model.text import dn
from reconcile.planning.selection.snapshot_index import Index
from tests.servers.forking import Execute
from tests.servers.four import loading, products
from tests.servers.four.products import PRODUCTS
from tests.servers.site import Site
from tests.servers.sources import Known, source

pytestmark = pytest.mark.server

QUERY = Query(
    person_attributes=frozenset({"sn", "givenName"}),
    group_attributes=frozenset({"cn"}),
    unit_attributes=frozenset({"ou"}),
    groups=True,
    units=True,
)
LOGINS = {person.login for person in loading.people()}
GROUPS: dict[str, tuple[list[str], list[str]]] = {
    name: (logins, names) for name, logins, names in loading.COMPANY["groups"]
}
Open = Callable[..., LdapDirectory]
Running = Callable[[str], Any]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Gives the server of a product, which is started when it is first wanted."""
    with ExitStack() as stack:
        started: dict[str, Any] = {}

        def get(product: str) -> Any:
            if product not in started:
                start, _, _ = PRODUCTS[product]
                started[product] = stack.enter_context(start(tmp_path_factory.mktemp(product)))
            return started[product]

        yield get


@pytest.fixture(params=list(PRODUCTS))
def product(request: pytest.FixtureRequest, running: Running) -> dict[str, Any]:
    """The settings of a source on one of the servers."""
    _, tree, rules = PRODUCTS[request.param]
    parts: dict[str, Any] = {"users": desired.Users(fields={}, **rules["users"])}
    if "groups" in rules:
        parts["groups"] = desired.Groups(**rules["groups"])
    server = running(request.param)
    bind = desired.Bind(server.admin, Known(server.password))
    return {
        "servers": (server.url,),
        "type": request.param,
        "base_dn": tree.suffix,
        "bind": bind,
    } | parts


@pytest.fixture
def opened(product: dict[str, Any]) -> Iterator[Open]:
    """Opens the directory, with settings changed; a change of `users` is one of its keys."""
    made: list[LdapDirectory] = []

    def open_(**changes: Any) -> LdapDirectory:
        settings = {"page_size": 7} | product | changes
        made.append(LdapDirectory(source(**settings)))
        return made[-1]

    yield open_
    for directory in made:
        directory.close()


def logins(snapshot: DirectorySnapshot) -> set[str]:
    return {person.identifier for person in snapshot.persons}


def filtered(opened: Open, product: dict[str, Any], filter_: str) -> set[str]:
    users = desired.Users(fields={}, base=product["users"].base, filter=filter_)
    return logins(opened(users=users).read(Query()))


def test_everybody_comes_once_in_the_order_of_names_whatever_the_page(opened: Open) -> None:
    snapshots = [opened(page_size=size).read(QUERY) for size in (1, 7, 500)]
    assert snapshots[1:] == snapshots[:1] * 2
    persons = snapshots[0].persons
    names = [dn.normalize(person.dn) for person in persons]
    assert names == sorted(set(names))
    assert len(persons) == len({person.external_id for person in persons} - {""}) == len(LOGINS)
    assert logins(snapshots[0]) == LOGINS


def test_nothing_is_shown_that_nobody_asked_for(opened: Open) -> None:
    (ada,) = (person for person in opened().read(QUERY).persons if person.identifier == "ada")
    assert ada.attributes["sn"] == ("Lovelace",)
    assert ada.attributes["givenname"] == ("Ada",)
    assert "mail" not in ada.attributes
    assert "cn" not in ada.attributes


def test_who_is_disabled(opened: Open) -> None:
    disabled = {person.identifier for person in opened().read(Query()).persons if person.disabled}
    assert disabled == {person.login for person in loading.people() if person.disabled}


def test_groups_have_their_people_however_deep(opened: Open) -> None:
    snapshot = opened().read(QUERY)
    index = Index(snapshot)
    keys = {group.attributes["cn"][0]: dn.normalize(group.dn) for group in snapshot.groups}
    for name, (people, _) in GROUPS.items():
        within, waiting = set(people), [name]
        seen = {name}
        while waiting:
            for inner in GROUPS[waiting.pop()][1]:
                if inner not in seen:
                    seen.add(inner)
                    waiting.append(inner)
                    within |= set(GROUPS[inner][0])
        assert {index.person(at).identifier for at in index.direct(keys[name])[0]} == set(people)
        assert {index.person(at).identifier for at in index.members(keys[name])} == within


def test_groups_and_units_are_told_before_the_persons(opened: Open) -> None:
    told: list[Outline] = []
    snapshot = opened().read(QUERY, told.append)
    assert [len(one.units) for one in told] == [len(snapshot.units)] * 2
    assert [one.groups and len(one.groups) for one in told] == [None, len(snapshot.groups)]


@pytest.mark.parametrize(
    ("filter_", "expected"),
    [
        ("(sn=LOVELACE)", {"ada"}),
        ("(sn=O'Neill)", {"mary"}),
        ("(sn=öztürk)", {"buch"}),
        ("(sn=*\\28extern\\29)", {"zoe"}),
        ("(&(sn=*er*)(!(givenName=J*)))", {"carlos", "sam"}),
        ("(|(givenName=伟)(givenName=Ольга))", {"wei", "olga"}),
        ("(sn=nobody)", set()),
    ],
)
def test_filters(opened: Open, product: dict[str, Any], filter_: str, expected: set[str]) -> None:
    everybody = {person.login: person for person in loading.people()}
    if filter_.startswith("(&"):
        expected = {
            login
            for login, one in everybody.items()
            if "er" in one.last.lower() and one.first[0] != "J"
        }
    assert filtered(opened, product, filter_) == expected


def test_find_knows_ids_and_names_whatever_the_filter(
    opened: Open, product: dict[str, Any]
) -> None:
    persons = opened().read(Query()).persons
    users = desired.Users(fields={}, base=product["users"].base, filter="(sn=nobody)")
    directory = opened(users=users)
    known = [person.external_id for person in persons[:3]]
    upper = persons[3].external_id.upper()
    name = next(person.dn for person in persons if person.identifier == "ada").upper()
    elsewhere = ["*)(objectClass=*", "*", "", "no id", "00000000-0000-0000-0000-000000000000"]
    gone = [f"cn=gone,{dn.parent(dn.normalize(persons[0].dn))}", "dc=org", "no name"]
    found = directory.find([*known, *elsewhere, upper], [name, *gone])
    assert found - {upper} == {*known, name}  # some servers compare ids by their case
    assert directory.find([], []) == frozenset()


def test_find_looks_below_the_base_alone(opened: Open, product: dict[str, Any]) -> None:
    snapshot = opened().read(QUERY)
    above = dn.parent(dn.normalize(snapshot.groups[0].dn))
    directory = opened(
        base_dn=above, users=desired.Users(fields={}, base=above), groups=desired.Groups(base=above)
    )
    group, person = snapshot.groups[0], snapshot.persons[0]
    found = directory.find([group.external_id, person.external_id], [group.dn, person.dn])
    assert found - {""} == {one for one in (group.external_id, group.dn) if one}


def test_a_base_that_is_not_there_is_no_empty_directory(
    opened: Open, product: dict[str, Any]
) -> None:
    gone = f"ou=gone,{product['base_dn']}"
    for changes in (
        {"users": desired.Users(fields={}, base="ou=gone")},
        {"groups": desired.Groups(base="ou=gone")},
    ):
        with pytest.raises(SourceUnreadable, match=rf"(?i)the base DN {gone} does not exist"):
            opened(**changes).read(QUERY)
    with pytest.raises(SourceUnreadable, match=rf"(?i)the base DN {gone} does not exist"):
        opened(base_dn=gone).find(["some-id"], [])


def test_one_person_is_found_by_what_is_typed_and_nobody_else(opened: Open) -> None:
    directory = opened()
    everybody = directory.read(QUERY)
    (ada,) = (person for person in everybody.persons if person.identifier == "ada")
    for names in (
        LoginNames(typed="ADA", identifiers=("ADA",)),
        LoginNames(typed="x", identifiers=("x",), external_ids=(ada.external_id, "no id")),
    ):
        one = directory.read_person(names, QUERY)
        assert one.persons == (ada,)
        assert [group.dn for group in one.groups] == [group.dn for group in everybody.groups]
    for typed in ("*", "a*", "ada)(uid=*", "\\2a", "nobody"):
        assert (
            directory.read_person(LoginNames(typed=typed, identifiers=(typed,)), QUERY).persons
            == ()
        )


def test_nobody_is_let_in_without_the_password(opened: Open, product: dict[str, Any]) -> None:
    directory = opened()
    ada = next(person for person in directory.read(Query()).persons if person.identifier == "ada")
    for password in ("wrong", "", "a\0b"):
        refusal = directory.refusal(ada.dn, password)
        assert refusal
        assert "wrong" not in refusal.replace("the password is wrong", "")
    assert directory.refusal(product["bind"].dn, product["bind"].password.reveal()) == ""


def test_check_counts_what_the_rules_find(opened: Open) -> None:
    directory = opened()
    snapshot = directory.read(QUERY)
    checks = {check.what: check for check in directory.check()}
    assert all(check.ok for check in checks.values())
    # Where the server looks like another product than the type says, a last line says so.
    found = [what for what in checks if what != "product"]
    assert found == ["reach server", "TLS", "bind", "base DN", "persons", "groups", "OUs"]
    counted = [int(checks[what].detail.split()[0]) for what in ("persons", "groups", "OUs")]
    assert counted == [len(snapshot.persons), len(snapshot.groups), len(snapshot.units)]


def test_reading_goes_on_after_close(opened: Open) -> None:
    directory = opened()
    first = directory.read(QUERY)
    directory.close()
    directory.close()
    assert directory.read(QUERY) == first


# What the platform then holds


@pytest.fixture(scope="module")
def held(
    tmp_path_factory: pytest.TempPathFactory, quick: Execute, running: Running
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """What the platform holds after applying, by product; a second plan was empty."""
    found = {}
    for product, (_, tree, more) in PRODUCTS.items():
        folder = tmp_path_factory.mktemp(f"{product}-platform")
        server = running(product)
        site = Site(folder, server.password, quick)
        products.write(folder, products.desired(product, server, tree, more))
        site.run("apply", "--yes")
        site.run("plan", "--check")
        found[product] = {
            kind: products.listed(site, kind) for kind in ("users", "groups", "departments")
        }
    return found


def test_users_are_the_same(held: dict[str, Any]) -> None:
    everybody = [
        [
            {key: value for key, value in user.items() if key != "department"}
            for user in one["users"]
        ]
        for one in held.values()
    ]
    assert len(everybody[0]) == len(loading.COMPANY["people"]) == 40
    assert everybody[1:] == everybody[:1] * 3


def test_groups_are_the_same(held: dict[str, Any]) -> None:
    groups = [one["groups"] for one in held.values()]
    assert len(groups[0]) == 8
    assert groups[1:] == groups[:1] * 3


def test_departments_are_the_same_where_there_are_units(held: dict[str, Any]) -> None:
    with_units = [one for product, one in held.items() if product != "freeipa"]
    departments = [one["departments"] for one in with_units]
    assert len(departments[0]) == 8
    assert departments[1:] == departments[:1] * 2
    homes = [{user["username"]: user["department"] for user in one["users"]} for one in with_units]
    assert homes[1:] == homes[:1] * 2
    assert homes[0]["kat"] == "Company/Technik/Entwicklung/Süd, Köln"
    assert held["freeipa"]["departments"] == []


def test_what_they_are(held: dict[str, Any]) -> None:
    users = {user["username"]: user for user in held["active_directory"]["users"]}
    assert [login for login, user in users.items() if user["status"] != "active"] == [
        "edsger",
        "hans",
        "mary",
        "rosa",
    ]
    assert users["jdoe"]["first_name"] == "Jane"
    assert users["wei"]["last_name"] == "李"
    assert users["ines"]["email"] == ""
    assert users["kat"]["manager"] == "ada"
    assert users["kat"]["groups"] == [
        "team-development",
        "team-everyone",
        "team-sales",
        "team-south",
        "team-technology",
    ]
    assert users["chef"]["roles"] == ["administrator"]
    assert users["kat"]["roles"] == ["engineer"]
    assert users["jan"]["roles"] == ["operator"]
    assert users["ops"]["roles"] == ["administrator"]
