"""The four servers with the same company, and the rules to read it from each of them."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml

from tests.servers.ds389 import ds389
from tests.servers.four import loading
from tests.servers.samba import samba
from tests.servers.site import Site
from tests.servers.slapd import slapd
from tests.servers.sources import ldif


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
