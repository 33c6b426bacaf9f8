"""The rights that docs/directories.md calls enough are enough, and what it calls blind is refused."""

import re
from pathlib import Path
from typing import Any

import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.directory import DirectorySnapshot
from tests.servers.ds389 import ds389
from tests.servers.four import loading
from tests.servers.samba import samba
from tests.servers.slapd import PASSWORD, SUFFIX, slapd
from tests.servers.sources import EVERYTHING, Known, ldif, source

pytestmark = pytest.mark.server

TEXT = (Path(__file__).parents[2] / "docs" / "directories.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.DOTALL | re.MULTILINE)
RIGHTS = [text for language, text in BLOCKS if not language]
EVERYBODY = sorted(person.login for person in loading.people())
DISABLED = sorted(person.login for person in loading.people() if person.disabled)


def read(url: str, reader: str, password: str, **changes: Any) -> DirectorySnapshot:
    directory = LdapDirectory(
        source(url, bind=desired.Bind(reader, Known(password)), page_size=500, **changes)
    )
    try:
        return directory.read(EVERYTHING)
    finally:
        directory.close()


def check(snapshot: DirectorySnapshot, count: int) -> None:
    people = [person for person in snapshot.persons if person.identifier in EVERYBODY]
    assert sorted(person.identifier for person in people) == EVERYBODY
    assert sorted(person.identifier for person in people if person.disabled) == DISABLED
    assert all(person.external_id for person in people)
    groups = {group.attributes["cn"][0]: group for group in snapshot.groups}
    assert len(groups["team-development"].members) == 9
    assert all(group.external_id for group in groups.values())
    assert len(snapshot.units) >= count


def test_openldap(tmp_path: Path) -> None:
    rules = next(text for text in RIGHTS if text.startswith("access")).splitlines()
    reader = {
        "objectClass": ["organizationalRole", "simpleSecurityObject"],
        "userPassword": [PASSWORD],
    }
    entries = loading.openldap() | {f"cn=reader,{SUFFIX}": reader | {"cn": ["reader"]}}
    with slapd(
        tmp_path / "slapd", ldif(entries), lines=["sizelimit 5", *rules, "overlay ppolicy"]
    ) as running:
        check(read(running.url, f"cn=reader,{SUFFIX}", PASSWORD), 9)
        directory = LdapDirectory(source(running.url, bind=desired.Bind(anonymous=True)))
        with pytest.raises(SourceUnreadable):
            directory.read(EVERYTHING)
        directory.close()


def test_389_directory_server(tmp_path: Path) -> None:
    rule = next(text for text in RIGHTS if text.startswith("aci: ")).removeprefix("aci: ").strip()
    limits = re.findall(r"`(ns\w+): -1`", TEXT)
    assert len(limits) == 4
    entries = loading.ds389()
    entries[SUFFIX]["aci"] = [rule]
    services = f"ou=services,{SUFFIX}"
    entries[services] = {"objectClass": ["organizationalUnit"], "ou": ["services"]}
    reader = {
        "objectClass": ["account", "simpleSecurityObject"],
        "uid": ["reader"],
        "userPassword": [PASSWORD],
    }
    entries[f"uid=reader,{services}"] = reader | {limit: ["-1"] for limit in limits}
    with ds389(tmp_path / "ds", ldif(entries), settings={"nsslapd-sizelimit": "5"}) as running:
        check(read(running.url, f"uid=reader,{services}", PASSWORD, type="389ds"), 9)


def test_active_directory(tmp_path: Path) -> None:
    reader = [
        "add",
        "CN=reader,CN=Users,DC=example,DC=test",
        {"objectClass": "user", "sAMAccountName": "reader"},
    ]
    password = "Reading-9-Only"
    steps = [*loading.active_directory(), reader, ["password", "reader", password]]
    steps.append(
        ["modify", "CN=reader,CN=Users,DC=example,DC=test", {"userAccountControl": ["66048"]}]
    )
    with samba(tmp_path / "ad", steps) as running:
        snapshot = read(
            running.url,
            "reader@example.test",
            password,
            type="active_directory",
            base_dn=running.suffix,
        )
    check(snapshot, 9)
    groups = {group.attributes["cn"][0]: group for group in snapshot.groups}
    assert len(groups["Domain Users"].members) >= 40
    ada = next(person for person in snapshot.persons if person.identifier == "ada")
    assert (ada.manager or "").startswith("CN=Frieda Nowak,")
