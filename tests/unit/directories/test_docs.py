"""The source blocks of docs/directories.md are files that load, one for every kind of server."""

import re
from pathlib import Path

import pytest

from reconcile.config import load
from reconcile.directories.connection import bind
from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.directories.vendors import table as vendors

TEXT = (Path(__file__).parents[3] / "docs" / "directories.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)
HEAD = "version: 1\nplatform: {type: sql, url: sqlite:///acme.db}\n"


def kind(block: str) -> str:
    match = re.search(r"^    type: (\w+)", block, re.MULTILINE)
    assert match
    return match[1]


@pytest.mark.parametrize("block", BLOCKS, ids=kind)
def test_a_block_loads(tmp_path: Path, block: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bind, "find_spec", lambda name: True)
    file = tmp_path / "reconcile.yml"
    whole = block if block.startswith("version:") else HEAD + block
    file.write_text(whole, encoding="utf-8")
    checkers = dict.fromkeys(vendors.VENDORS, LdapDirectory.problems)
    loaded = load(
        [file], environ={"CORP_PASSWORD": "x"}, sources=checkers, platforms={"sql": lambda _: ()}
    )
    (source,) = loaded.desired.sources
    assert source.type == kind(block)
    assert source.tls.mode != "none"
    if source.bind.kerberos:
        assert source.bind.principal
    else:
        assert source.bind.password is not None
        assert source.bind.password.reveal() == "x"


def test_every_kind_of_server_has_one() -> None:
    assert sorted(set(map(kind, BLOCKS))) == ["389ds", "active_directory", "freeipa", "openldap"]


@pytest.mark.parametrize("name", ["openldap", "active_directory", "389ds", "freeipa"])
def test_the_table_says_what_is_so(name: str) -> None:
    vendor = vendors.VENDORS[name]
    table = TEXT.partition("## ")[0].replace("\\|", "|")
    assert vendor.user_filter in table
    for attribute in (
        vendor.identifier,
        vendor.stable_id,
        *vendor.member_attributes,
        *vendor.disabled_attributes,
    ):
        assert attribute in table.lower()
    for container in (vendor.user_base, vendor.group_base):
        assert container in table
