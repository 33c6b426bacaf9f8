"""The flat connection file of ProcessMaker 3.x: every key is mapped or named."""

import json
from typing import Any

import pytest

from reconcile import connections
from reconcile.errors import ConfigError

USUAL: dict[str, Any] = {
    "AUTH_SOURCE_UID": "",
    "AUTH_SOURCE_NAME": "Employees",
    "AUTH_SOURCE_PROVIDER": "ldapAdvanced",
    "AUTH_SOURCE_SERVER_NAME": "ldap.example.com",
    "AUTH_SOURCE_PORT": "389",
    "AUTH_SOURCE_ENABLED_TLS": "1",
    "AUTH_ANONYMOUS": "0",
    "AUTH_SOURCE_BASE_DN": "dc=example,dc=com",
    "AUTH_SOURCE_SEARCH_USER": "cn=reader,dc=example,dc=com",
    "LDAP_TYPE": "ldap",
    "AUTH_SOURCE_AUTO_REGISTER": "0",
    "AUTH_SOURCE_IDENTIFIER_FOR_USER": "uid",
    "AUTH_SOURCE_USERS_FILTER": "",
    "AUTH_SOURCE_RETIRED_OU": "",
    "AUTH_SOURCE_SHOWGRID": "on",
    "AUTH_SOURCE_GRID_ATTRIBUTE": [],
    "AUTH_SOURCE_SIGNIN_POLICY_FOR_LDAP": "0",
    "AUTH_SOURCE_IDENTIFIER_FOR_USER_GROUP": "memberuid",
    "GROUP_CLASS_IDENTIFIER": "(objectclass=posixgroup)(objectclass=group)(objectclass=groupofuniquenames)",
    "DEPARTMENT_CLASS_IDENTIFIER": "(objectclass=organizationalunit)",
    "CUSTOM_CHECK_GROUP_CLASS_IDENTIFIER": "0",
}


def read(**changes: Any) -> connections.Connection:
    return connections.loads(json.dumps(USUAL | changes).encode(), "employees.json")


def test_the_usual_file_is_mapped_without_a_word() -> None:
    found = read()
    assert found.warnings == ()
    assert found.settings == {
        "name": "Employees",
        "type": "openldap",
        "servers": ["ldap://ldap.example.com"],
        "tls": {"mode": "starttls"},
        "bind": {"dn": "cn=reader,dc=example,dc=com"},
        "base_dn": "dc=example,dc=com",
        "register_on_login": False,
        "users": {"identifier": "uid", "attributes": []},
    }


@pytest.mark.parametrize(
    ("changes", "path", "value"),
    [
        ({"LDAP_TYPE": "ad"}, "type", "active_directory"),
        ({"LDAP_TYPE": "ds"}, "type", "389ds"),
        ({"AUTH_SOURCE_PORT": 1389}, "servers", ["ldap://ldap.example.com:1389"]),
        ({"AUTH_SOURCE_PORT": "636"}, "servers", ["ldaps://ldap.example.com"]),
        ({"AUTH_SOURCE_PORT": "636"}, "tls", {"mode": "ldaps"}),
        ({"AUTH_SOURCE_SERVER_NAME": "ldaps://x:3636/"}, "servers", ["ldaps://x:3636"]),
        ({"AUTH_SOURCE_SERVER_NAME": "[::1]"}, "servers", ["ldap://[::1]"]),
        ({"AUTH_SOURCE_ENABLED_TLS": False}, "tls", {"mode": "none"}),
        ({"AUTH_ANONYMOUS": True}, "bind", {"anonymous": True}),
        ({"AUTH_SOURCE_SIGNIN_POLICY_FOR_LDAP": "1"}, "require_signing", True),
        ({"LDAP_PAGE_SIZE_LIMIT": "1000"}, "page_size", 1000),
        ({"AUTH_SOURCE_USERS_FILTER": "title=*"}, "users.filter", "(title=*)"),
        (
            {
                "AUTH_SOURCE_IDENTIFIER_FOR_USER_CLASS": "(objectclass=a)(objectclass=b)",
                "AUTH_SOURCE_USERS_FILTER": "(c=d)",
            },
            "users.filter",
            "(&(|(objectclass=a)(objectclass=b))(c=d))",
        ),
        ({"AUTH_SOURCE_RETIRED_OU": "Leavers"}, "users.inactive_ous", ["Leavers"]),
        ({"AUTH_SOURCE_IDENTIFIER_FOR_USER_GROUP": "owner"}, "groups.member_attribute", "owner"),
        ({"GROUP_CLASS_IDENTIFIER": "(objectclass=group)"}, "groups.filter", "(objectclass=group)"),
        (
            {"DEPARTMENT_CLASS_IDENTIFIER": "objectclass=ou"},
            "departments.filter",
            "(objectclass=ou)",
        ),
        (
            {
                "AUTH_SOURCE_GRID_ATTRIBUTE": [
                    {
                        "attributeLdap": "telephoneNumber",
                        "attributeUser": "USR_PHONE",
                        "attributeRole": "A",
                    },
                    {
                        "attributeLdap": "telephoneNumber",
                        "attributeUser": "USR_PHONE",
                        "attributeRole": "B",
                    },
                    {"attributeLdap": "x-badge", "attributeUser": "badge", "attributeRole": ""},
                    {"attributeLdap": "source", "attributeUser": "origin"},
                ]
            },
            "users.attributes",
            [
                {"field": "USR_PHONE", "value": "{{ telephoneNumber }}", "roles": ["A", "B"]},
                {"field": "badge", "value": "{{ attr['x-badge'] }}"},
                {"field": "origin", "value": "{{ attr['source'] }}"},
            ],
        ),
    ],
)
def test_each_setting(changes: dict[str, Any], path: str, value: object) -> None:
    found: Any = read(**changes).settings
    for step in path.split("."):
        found = found[step]
    assert found == value


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"AUTH_SOURCE_PASSWORD": "s3cret"}, "AUTH_SOURCE_PASSWORD is ignored"),
        ({"AUTH_SOURCE_UID": "4711"}, "AUTH_SOURCE_UID is ignored"),
        ({"USR_ROLE": "CLERK"}, "{role: 'CLERK', source: 'Employees', default: true}"),
        ({"SOMETHING": "x"}, "'SOMETHING' is not known"),
        ({"CUSTOM_GROUP_CLASS_IDENTIFIER": "x"}, "'CUSTOM_GROUP_CLASS_IDENTIFIER' is ignored"),
        ({"AUTH_SOURCE_ENABLED_TLS": "0"}, "in clear text"),
        (
            {"AUTH_SOURCE_ENABLED_TLS": "0", "AUTH_SOURCE_SIGNIN_POLICY_FOR_LDAP": "1"},
            "POLICY_FOR_LDAP is left out",
        ),
        ({"AUTH_ANONYMOUS": "1"}, "AUTH_SOURCE_SEARCH_USER is left out"),
        ({"AUTH_SOURCE_IDENTIFIER_FOR_USER": "*"}, "AUTH_SOURCE_IDENTIFIER_FOR_USER is left out"),
        (
            {"AUTH_SOURCE_GRID_ATTRIBUTE": [{"attributeLdap": "{{ 1 }}", "attributeUser": "x"}]},
            "names no attribute",
        ),
        (
            {
                "AUTH_SOURCE_GRID_ATTRIBUTE": [
                    {"attributeLdap": "a", "attributeUser": "x", "y": "z"}
                ]
            },
            "'y' is not known",
        ),
        (
            {"AUTH_SOURCE_GRID_ATTRIBUTE": [{"attributeLdap": "a"}], "AUTH_SOURCE_SHOWGRID": "off"},
            "SHOWGRID is off",
        ),
    ],
)
def test_what_cannot_be_taken_is_named(changes: dict[str, Any], said: str) -> None:
    found = read(**changes)
    assert any(said in warning for warning in found.warnings), found.warnings
    assert "s3cret" not in repr(found)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"AUTH_SOURCE_NAME": None}, "AUTH_SOURCE_NAME: is missing"),
        ({"AUTH_SOURCE_NAME": ["x"]}, "AUTH_SOURCE_NAME: expected text"),
        ({"AUTH_SOURCE_BASE_DN": " "}, "AUTH_SOURCE_BASE_DN: is missing"),
        (
            {"AUTH_SOURCE_SERVER_NAME": "a b"},
            "AUTH_SOURCE_SERVER_NAME: expected the name of a server",
        ),
        ({"AUTH_SOURCE_PORT": "0"}, "AUTH_SOURCE_PORT: expected a number from 1 to 65535"),
        ({"AUTH_SOURCE_PORT": "9" * 5000}, "AUTH_SOURCE_PORT: expected a number"),
        ({"AUTH_SOURCE_ENABLED_TLS": "perhaps"}, "AUTH_SOURCE_ENABLED_TLS: expected 1 or 0"),
        (
            {"AUTH_SOURCE_SEARCH_USER": ""},
            "AUTH_SOURCE_SEARCH_USER: is missing, and AUTH_ANONYMOUS is off",
        ),
        ({"LDAP_TYPE": "nis"}, "LDAP_TYPE: expected ad, ldap or ds"),
        ({"AUTH_SOURCE_PROVIDER": "gmail"}, "AUTH_SOURCE_PROVIDER: expected ldapAdvanced"),
        ({"AUTH_SOURCE_GRID_ATTRIBUTE": "x"}, "AUTH_SOURCE_GRID_ATTRIBUTE: expected a list"),
        ({"AUTH_SOURCE_GRID_ATTRIBUTE": [1]}, "AUTH_SOURCE_GRID_ATTRIBUTE[0]: expected"),
        (
            {"AUTH_SOURCE_GRID_ATTRIBUTE": [{"attributeLdap": {}}]},
            "[0].attributeLdap: expected text",
        ),
    ],
)
def test_what_makes_no_source_is_refused(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError) as error:
        read(**changes)
    assert any(said in str(problem) for problem in error.value.problems), error.value.problems
