"""What a server shows of itself: product and trees from the root entry, places and groups from names."""

import pytest

from reconcile.directories.discovery.contents import Place, contents
from reconcile.directories.discovery.root import Root, other_type, root_of
from reconcile.directories.search.search import RawEntry
from tests.servers.sources import source

AD = "1.2.840.113556.1.4.800"
BASE = "dc=example,dc=com"
ROOTS = {
    "active_directory": {
        "supportedcapabilities": [AD],
        "defaultnamingcontext": ["DC=example,DC=com"],
        "namingcontexts": ["CN=Configuration,DC=example,DC=com", "DC=example,DC=com", "DC=x"],
    },
    "openldap": {"objectclass": ["top", "OpenLDAProotDSE"], "namingcontexts": [BASE, "cn=Monitor"]},
    "389ds": {
        "vendorname": ["389 Project"],
        "vendorversion": ["389-Directory/2.3.1"],
        "namingcontexts": [BASE, "o=netscaperoot", "cn=changelog"],
    },
    "freeipa": {
        "vendorname": ["389 Project"],
        "ipadomainlevel": ["1"],
        "namingcontexts": ["o=ipaca", "cn=changelog", BASE],
        "defaultnamingcontext": [BASE],
    },
    "ldap": {"vendorname": ["Some\x1b[31m\nvendor"], "namingcontexts": [BASE, BASE.upper(), "no DN"]},
}  # fmt: skip


@pytest.mark.parametrize("kind", ROOTS)
def test_the_root_entry_says_the_product_and_the_trees(kind: str) -> None:
    root = root_of(ROOTS[kind])
    assert root.type == kind
    assert [context.lower() for context in root.contexts] == [BASE]
    assert root.product.isprintable()


def test_a_root_entry_that_says_nothing_or_too_much() -> None:
    assert root_of({}) == Root("ldap", "", (), False)
    many = root_of(
        {"namingcontexts": [f"o={number}" for number in range(5000)], "vendorname": ["x" * 10**6]}
    )
    assert len(many.contexts) == 20
    assert len(many.product) < 200


@pytest.mark.parametrize(
    ("configured", "kind", "better"),
    [
        ("openldap", "active_directory", "active_directory"),
        ("active_directory", "openldap", "openldap"),
        ("389ds", "freeipa", "freeipa"),
        ("ldap", "openldap", ""),
        ("ldap", "active_directory", "active_directory"),
        ("openldap", "ldap", ""),
        ("a-plug-in", "active_directory", ""),
    ],
)
def test_a_type_fits_the_product_or_another_one_does(
    configured: str, kind: str, better: str
) -> None:
    assert other_type(configured, root_of(ROOTS[kind])) == better


class Entries:
    """Answers the searches for persons, groups and OUs in this order."""

    place = "here"

    def __init__(self, *answers: list[RawEntry]) -> None:
        self._answers = iter(answers)

    def search(self, _search: object) -> list[list[RawEntry]]:
        return [next(self._answers)]


def entry(name: str, **attributes: bytes) -> RawEntry:
    return RawEntry.of(name, {key: [value] for key, value in attributes.items()})


def test_places_are_the_container_of_all_persons_and_those_within() -> None:
    names = [f"uid={n},OU=North\\, East,ou=people,{BASE}" for n in range(3)]
    names += [f"uid=a,ou=x,ou=South,ou=people,{BASE}", f"UID=b,ou=y,OU=south,ou=People,{BASE}"]
    found = contents(source(), Entries([entry(name) for name in names], [], []))
    assert (found.persons, found.groups, found.units) == (5, 0, 0)
    assert found.places == (
        Place(f"ou=people,{BASE}", 5),
        Place(f"OU=North\\, East,ou=people,{BASE}", 3),
        Place(f"ou=South,ou=people,{BASE}", 2),
    )


def test_persons_right_below_the_base_and_no_persons_at_all() -> None:
    found = contents(
        source(), Entries([entry(f"uid=a,{BASE}"), entry(f"uid=b,ou=x,{BASE}")], [], [])
    )
    assert found.places == (Place(BASE, 2), Place(f"ou=x,{BASE}", 1))
    assert contents(source(), Entries([], [], [])).places == ()


def test_very_many_containers_are_not_counted_one_by_one() -> None:
    persons = [entry(f"uid=a,ou={number},{BASE}") for number in range(10_001)]
    assert contents(source(), Entries(persons, [], [])).places == (Place(BASE, 10_001),)


def test_groups_are_offered_by_name_and_the_servers_own_are_not() -> None:
    groups = [
        entry(f"cn=helpdesk,{BASE}"),
        entry(f"cn=App Admins,{BASE}"),
        entry(f"cn=admins*,{BASE}"),
        entry(f"cn=Schema Admins,{BASE}", iscriticalsystemobject=b"TRUE"),
        entry(f"cn=Domain Admins,{BASE}", iscriticalsystemobject=b"TRUE"),
        entry(f"cn=managers,{BASE}", iscriticalsystemobject=b"FALSE"),
        entry(f"cn=choir,{BASE}"),
    ]
    found = contents(source(type="active_directory"), Entries([], groups, []))
    assert [(group.role, group.dn.partition(",")[0]) for group in found.role_groups] == [
        ("administrator", "cn=App Admins"),
        ("administrator", "cn=Domain Admins"),
        ("manager", "cn=managers"),
        ("operator", "cn=helpdesk"),
    ]
    assert found.groups == 7
    many = [entry(f"cn=admin{number},{BASE}") for number in range(1000)]
    assert len(contents(source(), Entries([], many, [])).role_groups) == 12


def test_accounts_of_a_domain_controllers_own() -> None:
    guest = entry(
        f"cn=Gast,cn=Users,{BASE}", iscriticalsystemobject=b"TRUE", samaccountname=b"Gast"
    )
    ann = entry(f"cn=ann,cn=Users,{BASE}", samaccountname=b"ann")
    found = contents(source(type="active_directory"), Entries([guest, ann], [], []))
    assert [account.login for account in found.own_accounts] == ["Gast"]
