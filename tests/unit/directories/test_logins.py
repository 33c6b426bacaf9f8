"""The one person who logs in, as the groups of the directory know them."""

import pytest

from reconcile.directories.ldap import login as logins
from reconcile.directories.ldif.tree import Tree
from reconcile.directories.search.search import RawEntry
from reconcile.directories.vendors.table import vendor
from reconcile.model import desired
from reconcile.model.directory import Query
from reconcile.model.login import LoginNames
from reconcile.ports import no_progress
from tests.servers.sources import source


def entry(name: str, **attributes: str | list[str]) -> tuple[str, RawEntry]:
    given = {
        key: [values] if isinstance(values, str) else values for key, values in attributes.items()
    }
    raw = {key: [value.encode() for value in values] for key, values in given.items()}
    return "test", RawEntry.of(f"{name},dc=example,dc=com", raw)


def person(name: str, *logins: str) -> tuple[str, RawEntry]:
    return entry(
        f"cn={name},ou=people",
        objectclass="inetOrgPerson",
        cn=name,
        uid=[*logins],
        mail=f"{name}@example.com",
    )


@pytest.mark.parametrize(
    ("other", "expected"), [("shared", ()), ("another", ("cn=one,ou=people,dc=example,dc=com",))]
)
def test_a_shared_login_counts_for_nobody_in_a_group_outside_the_rules(
    other: str, expected: tuple[str, ...]
) -> None:
    """Only one of its two owners is read: it must not look as if the login were theirs alone."""
    tree = Tree(
        "test",
        [
            ("test", RawEntry.of("dc=example,dc=com", {"objectclass": [b"domain"]})),
            entry("ou=people", objectclass="organizationalUnit", ou="people"),
            entry("ou=groups", objectclass="organizationalUnit", ou="groups"),
            entry("ou=other", objectclass="organizationalUnit", ou="other"),
            person("one", "shared"),
            person("two", other, "two"),
            entry("cn=posix,ou=other", objectclass="posixGroup", cn="posix", memberuid="shared"),
            entry(
                "cn=admins,ou=groups",
                objectclass="groupOfNames",
                cn="admins",
                member="cn=posix,ou=other,dc=example,dc=com",
            ),
        ],
    )
    corp = source(
        base_dn="dc=example,dc=com",
        users=desired.Users(fields={}, base="ou=people", identifier="mail"),
        groups=desired.Groups(base="ou=groups"),
    )
    names = LoginNames(typed="one@example.com", identifiers=("one@example.com",))
    query = Query(person_attributes=frozenset({"mail"}), groups=True)
    found = logins.read(corp, vendor("openldap"), names, query, tree, no_progress)
    assert [one.dn for one in found.persons] == ["cn=one,ou=people,dc=example,dc=com"]
    assert [group.nested_members for group in found.groups] == [expected]
