"""The same company gives the same users, groups, roles and departments, whichever directory it is read from."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.servers.ds389 import ds389
from tests.servers.forking import Execute
from tests.servers.four import loading
from tests.servers.samba import samba
from tests.servers.site import Site
from tests.servers.slapd import slapd
from tests.servers.sources import ldif

pytestmark = pytest.mark.server


@contextmanager
def _openldap(folder: Path) -> Iterator[Any]:
    with slapd(folder, ldif(loading.openldap()), lines=["overlay ppolicy"]) as running:
        yield running


@contextmanager
def _ds389(folder: Path) -> Iterator[Any]:
    with ds389(folder, ldif(loading.ds389())) as running:
        yield running


@contextmanager
def _freeipa(folder: Path) -> Iterator[Any]:
    with ds389(folder, ldif(loading.freeipa()), schema=loading.FREEIPA_SCHEMA) as running:
        yield running


@contextmanager
def _active_directory(folder: Path) -> Iterator[Any]:
    with samba(folder, loading.active_directory()) as running:
        yield running


COMPANY = {"base": "ou=Company"}
MANAGER = {"manager_attribute": "manager"}
PRODUCTS: dict[str, tuple[Callable[[Path], Any], loading.Tree, dict[str, Any]]] = {
    "openldap": (
        _openldap,
        loading.OPENLDAP,
        {"users": COMPANY | MANAGER, "groups": {"base": "ou=Groups"}},
    ),
    "389ds": (_ds389, loading.DS389, {"users": COMPANY | MANAGER, "groups": {"base": "ou=Groups"}}),
    # Its defaults know where persons and groups are.
    "freeipa": (_freeipa, loading.FREEIPA, {"users": MANAGER}),
    "active_directory": (
        _active_directory,
        loading.ACTIVE_DIRECTORY,
        {"users": COMPANY, "groups": {"base": "ou=Groups"}},
    ),
}


def desired(
    product: str, running: Any, tree: loading.Tree, rules: dict[str, Any]
) -> dict[str, Any]:
    source = {
        "name": "corp",
        "type": product,
        "servers": [running.url],
        "tls": {"mode": "none"},
        "bind": {"dn": running.admin, "password": "{{ env('CORP_PASSWORD') }}"},
        "base_dn": tree.suffix,
        "page_size": 7,
    }
    source |= rules | {"users": rules["users"] | {"create": "all"}}
    departments = {"source": "corp", "select": [f"ou=Company,{tree.suffix}"], "children": True}
    return {
        "version": 1,
        "platform": {"type": "sql", "url": "sqlite:///platform.db"},
        "sources": [source],
        "role_mappings": [
            {"role": "administrator", "source": "corp", "groups": [tree.group("admins")]},
            {"role": "engineer", "source": "corp", "groups": [tree.group("team-development")]},
            {"role": "operator", "default": True},
        ],
        "roles": {"mode": "multiple"},
        "groups": [{"source": "corp", "select": ["cn=team-*"]}],
        # FreeIPA keeps all persons in one container and has no organizational units to make
        # departments of.
        "departments": [] if product == "freeipa" else [departments],
    }


def listed(site: Site, kind: str) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = json.loads(site.run(kind, "--format", "json")[0])
    return [
        {key: value for key, value in row.items() if key not in {"dn", "external_id"}}
        for row in rows
    ]


def write(folder: Path, rules: dict[str, Any]) -> None:
    text = yaml.safe_dump(rules, allow_unicode=True)
    (folder / "reconcile.yml").write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def held(
    tmp_path_factory: pytest.TempPathFactory, quick: Execute
) -> dict[str, dict[str, list[dict[str, Any]]]]:
    """What the platform holds after applying, by product; a second plan was empty."""
    found = {}
    for product, (start, tree, more) in PRODUCTS.items():
        folder = tmp_path_factory.mktemp(product)
        with start(folder / "server") as running:
            site = Site(folder, running.password, quick)
            rules = desired(product, running, tree, more)
            write(folder, rules)
            site.run("apply", "--yes")
            site.run("plan", "--check")
            found[product] = {
                kind: listed(site, kind) for kind in ("users", "groups", "departments")
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
