"""What a memberURL asks for, and which are refused."""

import time

import pytest

from reconcile.directories.snapshot.member_urls import LONGEST, Members, parsed

BASE = "dc=example,dc=com"
PEOPLE = f"ou=people,{BASE}"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"ldap:///{PEOPLE}??sub?(a=7)", Members(PEOPLE, "subtree", "(a=7)")),
        (f" LDAP:///{PEOPLE}??SUB?(a=7)\n", Members(PEOPLE, "subtree", "(a=7)")),
        (f"ldap:///{PEOPLE}?dn?one?", Members(PEOPLE, "one", "(objectClass=*)")),
        (f"ldap:///{PEOPLE}?1.1,entryDN?base", Members(PEOPLE, "base", "(objectClass=*)")),
        (f"ldap:///{PEOPLE}", Members(PEOPLE, "base", "(objectClass=*)")),
        (f"ldap:///{PEOPLE}????", Members(PEOPLE, "base", "(objectClass=*)")),
        (f"ldap:///{PEOPLE}??sub?a=7", Members(PEOPLE, "subtree", "(a=7)")),
        (
            "ldap:///ou=m%C3%BC%5C2c%3F,DC=Example,%20dc=com??sub?(%26(a=%5c2a)(b=%25))",
            Members("ou=mü\\2c?,DC=Example, dc=com", "subtree", "(&(a=\\2a)(b=%))"),
        ),
    ],
)
def test_what_it_asks_for(url: str, expected: Members) -> None:
    assert parsed(url, BASE) == expected


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("", "not a URL of the form"),
        ("/wA=", "not a URL of the form"),
        (f"ldaps:///{PEOPLE}??sub?(a=7)", "not a URL of the form"),
        (f"ldap://ldap.example.com/{PEOPLE}??sub?(a=7)", "a server of its own"),
        (f"ldap://{PEOPLE}??sub?(a=7)", "a server of its own"),
        ("ldap:///??sub?(a=7)", r"its base \(the root\) is not below dc=example,dc=com"),
        ("ldap:///dc=com??sub?(a=7)", "is not below dc=example,dc=com"),
        ("ldap:///dc=notexample,dc=com??sub?(a=7)", "is not below"),
        ("ldap:///people??sub?(a=7)", "not a distinguished name"),
        (f"ldap:///{PEOPLE}?member?sub?(a=7)", "about the attribute member"),
        (f"ldap:///{PEOPLE}?*?sub?(a=7)", "about the attribute"),
        (f"ldap:///{PEOPLE}??children?(a=7)", "the scope children"),
        (f"ldap:///{PEOPLE}??sub?(a=7)?x-more", "extensions"),
        (f"ldap:///{PEOPLE}??sub?(a=7)?!bindname=cn=admin", "extensions"),
        (f"ldap:///{PEOPLE}??sub?(a=7)??x", "extensions"),
        (f"ldap:///{PEOPLE}??sub?(a=7", "not a filter"),
        (f"ldap:///{PEOPLE}??sub?(a=\\zz)", "not a filter"),
        (f"ldap:///{PEOPLE}??sub?(a=%zz)", "percent sign"),
        (f"ldap:///{PEOPLE}??sub?(a=%ff)", "decode"),
        (f"ldap:///{PEOPLE}??sub?{'(!' * 101}(a=7){')' * 101}", "parentheses within"),
        (f"ldap:///{PEOPLE}??sub?(a={'x' * LONGEST})", "longer than"),
    ],
)
def test_what_cannot_be_evaluated(url: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parsed(url, BASE)


def test_the_longest_one_takes_no_time() -> None:
    started = time.process_time()
    for text in (f"(|{'(a=b)' * 3_000})", "(" * 16_000, f"(a={'*x' * 8_000})"):
        try:
            parsed(f"ldap:///{BASE}??sub?{text}", BASE)
        except ValueError:
            continue
    assert time.process_time() - started < 2
