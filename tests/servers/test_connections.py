"""A connection is exported when its test passes, and imported it is the same source."""

import json
import stat
from pathlib import Path

import pytest
import yaml

from reconcile.connections import fingerprints
from tests.servers.certificates import Authority
from tests.servers.site import Site
from tests.servers.slapd import SUFFIX, Slapd, free_port

pytestmark = pytest.mark.server


def test_export_and_import_give_the_same_source(
    tmp_path: Path, secure: Slapd, authority: Authority
) -> None:
    site = Site(tmp_path)
    (tmp_path / "ca.pem").write_bytes(authority.file.read_bytes())
    site.desired(
        secure.url,
        name="corp/1",
        tls={"mode": "starttls", "ca_file": "ca.pem"},
        users={
            "create": "all",
            "base": "ou=people",
            "attributes": [{"field": "x", "value": "{{ cn }}"}],
        },
    )
    out, _ = site.run("connection", "export", "corp/1")
    site.run("connection", "export", "corp/1", "--out", ".")
    file = tmp_path / "corp_1.json"
    assert file.read_text(encoding="utf-8") == out
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(out)["ca_certificates"] == fingerprints(tmp_path / "ca.pem") != []
    before = (tmp_path / "reconcile.yml").read_bytes()
    _, err = site.run("connection", "import", "corp_1.json", "--update", "--out", "reconcile.yml")
    assert "Nothing to change" in err
    assert "warning: T" not in err, "the CA file is there"
    assert (tmp_path / "reconcile.yml").read_bytes() == before
    site.run("connection", "import", "corp_1.json", "--new", "--out", "reconcile.yml")
    state = yaml.safe_load((tmp_path / "reconcile.yml").read_text(encoding="utf-8"))
    first, second = state["sources"]
    assert second["name"] == "corp/1 (2)"
    second["bind"]["password"] = "{{ env('CORP_PASSWORD') }}"
    state["sources"] = [second]
    (tmp_path / "reconcile.yml").write_text(yaml.safe_dump(state), encoding="utf-8")
    again, _ = site.run("connection", "export", "corp/1 (2)")
    assert json.loads(again)["source"] == json.loads(out)["source"] | {"name": "corp/1 (2)"}
    (tmp_path / "other").mkdir()
    (tmp_path / "ca.pem").write_bytes(Authority(tmp_path / "other", "other").file.read_bytes())
    site.write(first)
    _, err = site.run("connection", "import", "corp_1.json", "--update")
    assert "is not the CA file that was exported" in err


def test_only_a_source_whose_test_passes_is_exported(tmp_path: Path, server: Slapd) -> None:
    site = Site(tmp_path)
    for changes, said in (
        (
            {"servers": [server.url, f"ldap://127.0.0.1:{free_port()}"]},
            "reach server: no server of the source corp can be used: ldap://",
        ),
        ({"base_dn": f"ou=nowhere,{SUFFIX}"}, "ou=nowhere"),
        ({"users": {"create": "all", "base": "ou=nowhere"}}, "ou=nowhere"),
    ):
        site.desired(server.url, **changes)
        out, err = site.run("connection", "export", "corp", "--out", "corp.json", code=7)
        assert out == ""
        assert "does not pass its test and is not exported" in err
        assert said in err
    site.desired(server.url)
    site.run("connection", "export", "corp", "--out", "corp.json", code=7, password="wrong")
    assert not (tmp_path / "corp.json").exists()


def test_no_other_file_is_overwritten(tmp_path: Path, server: Slapd) -> None:
    site = Site(tmp_path)
    site.desired(server.url)
    before = (tmp_path / "reconcile.yml").read_bytes()
    _, err = site.run("connection", "export", "corp", "--out", "reconcile.yml", code=2)
    assert "exists and is not an exported connection" in err
    assert (tmp_path / "reconcile.yml").read_bytes() == before
    for _ in range(2):
        site.run("connection", "export", "corp", "--out", "corp.json")
