"""`connection export` and `import` as a user types them: three answers to a name that is taken, warnings, mistakes."""

import json
import os
import pty
import stat
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcile import connections
from reconcile.app import inputs
from reconcile.model import desired as desired_model
from tests.scenarios.shell import RECONCILE, Shell, terminal_output
from tests.servers.certificates import Authority

FILE = """\
version: 1
vars: {suffix: "dc=example,dc=com"}
platform: {type: sql, url: "sqlite:///platform.db"}
sources:
  # the company
  - name: corp   # known everywhere
    type: openldap
    servers: [ldap://a.example.com, ldap://b.example.com]
    tls: {ca_file: ca.pem}
    bind: {dn: "cn=reader,{{ suffix }}", password: "{{ env('OTHER') }}"}
    base_dn: "{{ suffix }}"   # a template
    users:
      filter: (title=*)  # not everybody
      create: all
role_mappings:
  - {role: operator, default: true}
"""
SOURCE: dict[str, Any] = {
    "name": "Corp",
    "type": "openldap",
    "servers": ["ldap://c.example.com"],
    "tls": {"mode": "starttls", "ca_file": "ca.pem"},
    "bind": {"dn": "cn=reader,dc=example,dc=com"},
    "base_dn": "dc=example,dc=com",
    "page_size": 1000,
    "users": {"filter": None, "create": "all"},
}


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    made = Shell(tmp_path, capsys, monkeypatch)
    (tmp_path / "reconcile.yml").write_text(FILE, encoding="utf-8")
    Authority(tmp_path, "ca")  # ca.pem, without which no file is valid
    return made


def given(shell: Shell, **changes: Any) -> str:
    text = connections.dumps(SOURCE | changes, [])
    (shell.folder / "corp.json").write_text(text, encoding="utf-8")
    return "corp.json"


def desired(shell: Shell, name: str = "reconcile.yml") -> str:
    return (shell.folder / name).read_text(encoding="utf-8")


def test_a_new_source_is_shown_and_written_where_it_is_told(shell: Shell) -> None:
    file = given(shell, name="Head office")
    out, err = shell.run("connection", "import", file)
    (source,) = yaml.safe_load(out)["sources"]
    assert source["bind"]["password"] == "{{ env('HEAD_OFFICE_LDAP_PASSWORD') }}"
    assert "environment variable HEAD_OFFICE_LDAP_PASSWORD" in err
    assert "Nothing is written yet" in err
    assert desired(shell) == FILE
    shell.run("connection", "import", file, "--out", "more.yml")
    assert desired(shell, "more.yml") == out
    shell.run("validate", "reconcile.yml", "more.yml")
    out, err = shell.run("connection", "import", file, "--out", "./reconcile.yml")
    assert out == ""
    assert desired(shell).startswith(FILE.partition("role_mappings")[0])
    assert [one["name"] for one in yaml.safe_load(desired(shell))["sources"]] == [
        "corp",
        "Head office",
    ]
    shell.run("validate")


def test_without_any_desired_state_the_source_alone_is_written(shell: Shell) -> None:
    (shell.folder / "reconcile.yml").unlink()
    file = given(shell)
    _, err = shell.run("connection", "import", file, "--out", "reconcile.yml", code=2)
    assert "write one with `reconcile init`" in err
    _, err = shell.run("connection", "import", file, "--out", "corp.yml")
    assert "one part of a desired state" in err
    assert yaml.safe_load(desired(shell, "corp.yml"))["sources"][0]["name"] == "Corp"
    given(shell, base_dn="nonsense")
    _, err = shell.run("connection", "import", "corp.json", code=2)
    assert err.startswith("error: corp.json: source.base_dn: ")


def test_a_name_that_is_taken_needs_an_answer(shell: Shell) -> None:
    _, err = shell.run("connection", "import", given(shell), code=2)
    assert "--update changes its settings, --new makes another" in err
    for answer, code, name in (("cancel", 1, ""), ("new", 0, "Corp (2)"), ("update", 0, "corp")):
        ours, theirs = pty.openpty()
        command = [*RECONCILE, "connection", "import", "corp.json"]
        child = subprocess.Popen(command, stdin=theirs, stdout=subprocess.PIPE, stderr=theirs)
        os.close(theirs)
        seen = b""
        while b"cancel)" not in seen:
            seen += os.read(ours, 4096)
        os.write(ours, f"{answer}\n".encode())
        while chunk := terminal_output(ours):
            seen += chunk
        os.close(ours)
        out, _ = child.communicate()
        assert child.returncode == code, seen
        assert ("Aborted" in seen.decode()) == (code == 1)
        assert [one["name"] for one in (yaml.safe_load(out) or {}).get("sources", ())] == (
            [name] if name else []
        )
    assert desired(shell) == FILE


def test_new_ones_are_numbered(shell: Shell) -> None:
    file = given(shell, name="CORP")
    for _ in range(2):
        shell.run("connection", "import", file, "--new", "--out", "reconcile.yml")
    names = [one["name"] for one in yaml.safe_load(desired(shell))["sources"]]
    assert names == ["corp", "CORP (2)", "CORP (3)"]
    shell.run("connection", "import", file, "--as", "branch", "--out", "reconcile.yml")
    shell.run("validate")


def test_an_update_changes_what_the_file_says_and_nothing_else(shell: Shell) -> None:
    file = given(shell)
    (shell.folder / "reconcile.yml").chmod(0o640)
    _, err = shell.run("connection", "import", file, "--update", "--out", "reconcile.yml")
    assert desired(shell) == FILE.replace(
        "[ldap://a.example.com, ldap://b.example.com]", "['ldap://c.example.com']"
    ).replace("      filter: (title=*)  # not everybody\n", "").replace(
        "create: all\n", "create: all\n    page_size: 1000\n"
    )
    assert "page_size: 500 → 1000" in err
    assert "users.filter: (title=*) → not set" in err
    assert "the password stays as it is and will be sent to the new servers" in err
    assert stat.S_IMODE((shell.folder / "reconcile.yml").stat().st_mode) == 0o640
    assert sorted(path.name for path in shell.folder.iterdir()) == [
        "ca.pem",
        "corp.json",
        "reconcile.yml",
    ]
    before = desired(shell)
    _, err = shell.run("connection", "import", file, "--update", "--out", "reconcile.yml")
    assert "Nothing to change" in err
    assert desired(shell) == before
    shell.run("validate")


def test_null_stands_for_a_key_that_is_not_given(shell: Shell) -> None:
    file = given(
        shell, page_size=None, timeout={"read": None}, users={"create": None, "filter": None}
    )
    out, _ = shell.run("connection", "import", file, "--new")
    assert {"page_size", "timeout", "users"}.isdisjoint(yaml.safe_load(out)["sources"][0])
    shell.run(
        "connection",
        "import",
        given(shell, page_size=7, timeout={"read": 7}),
        "--update",
        "--out",
        "reconcile.yml",
    )
    given(shell, page_size=None, timeout=None, users={"filter": None})
    shell.run("connection", "import", file, "--update", "--out", "reconcile.yml")
    assert desired(shell).endswith(
        '    base_dn: "{{ suffix }}"   # a template\n    users:\n      create: all\n'
        "role_mappings:\n  - {role: operator, default: true}\n"
    )


def test_an_update_may_change_who_reads(shell: Shell) -> None:
    file = given(shell, bind={"anonymous": True})
    shell.run("connection", "import", file, "--update", "--out", "reconcile.yml")
    assert "    bind: {anonymous: true}\n" in desired(shell)
    _, err = shell.run("connection", "import", given(shell), "--update", "--out", "reconcile.yml")
    assert (
        yaml.safe_load(desired(shell))["sources"][0]["bind"]["password"]
        == "{{ env('CORP_LDAP_PASSWORD') }}"
    )
    assert "the password has to be set" in err


def test_a_source_is_updated_in_the_file_where_it_stands(shell: Shell) -> None:
    (shell.folder / "other.yml").write_text(
        "sources: [{name: Branch, type: ldap, servers: [ldap://x], bind: {anonymous: true}, base_dn: dc=x}]\n"
    )
    file = given(shell, name="branch", bind={"anonymous": True})
    arguments = ("connection", "import", file, ".", "--update", "--out")
    _, err = shell.run(*arguments, "reconcile.yml", code=2)
    assert "the source 'Branch' is in other.yml" in err
    shell.run(*arguments, "other.yml")
    assert desired(shell) == FILE
    assert (
        yaml.safe_load(desired(shell, "other.yml"))["sources"][0]["base_dn"] == "dc=example,dc=com"
    )


def test_the_certificate_is_asked_for(shell: Shell) -> None:
    (shell.folder / "ca.pem").unlink()
    _, err = shell.run("connection", "import", given(shell), "--new")
    assert (
        "TLS certificate is not installed: ca.pem cannot be read (No such file or directory)" in err
    )
    _, err = shell.run("connection", "import", given(shell, tls={"mode": "starttls"}), "--new")
    assert "TLS certificate is not installed: no CA file is named" in err
    (shell.folder / "ca.pem").write_text("nothing")
    _, err = shell.run("connection", "import", given(shell), "--new")
    assert "holds no certificate" in err
    _, err = shell.run("connection", "import", given(shell, tls={"mode": "none"}), "--new")
    assert "TLS certificate" not in err


def test_attributes_of_unknown_roles_are_left_out_and_others_named(shell: Shell) -> None:
    attributes = [
        {"field": "phone", "value": "{{ telephoneNumber }}", "roles": ["operator", "ghost"]},
        {"field": "badge", "value": "{{ vars.secret }}", "roles": ["ghost"]},
        {"field": "site", "value": "{{ vars.suffix }}"},
    ]
    out, err = shell.run(
        "connection", "import", given(shell, users={"attributes": attributes}), "--new"
    )
    assert yaml.safe_load(out)["sources"][0]["users"]["attributes"] == [
        {"field": "phone", "value": "{{ telephoneNumber }}", "roles": ["operator"]},
        {"field": "site", "value": "{{ vars.suffix }}"},
    ]
    assert "attributes for the role 'ghost' are left out" in err
    assert "no other rule fills the attributes 'phone', 'site'" in err
    assert "users.attributes reads the variable suffix" in err


def test_imported_text_is_never_a_template(shell: Shell) -> None:
    evil = "{{ command('touch pwned') }}"
    file = given(
        shell,
        name=f"x{evil}",
        note=evil,
        users={"inactive_ous": [evil], "select": ["{{ env('HOME') }}"]},
    )
    shell.run("connection", "import", file, "--out", "reconcile.yml")
    shell.run("validate")
    _, err = shell.run("connection", "import", file, "--update")
    assert "Nothing to change" in err, "the name is found again, and every value is as it was given"
    assert not (shell.folder / "pwned").exists()
    given(shell, users={"fields": {"username": evil}})
    _, err = shell.run("connection", "import", "corp.json", "--new", code=2)
    assert "corp.json: source.users.fields.username: command() gives a secret" in err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"name": "a\nb"}, "source.name: expected a name"),
        ({"page_size": "many"}, "source.page_size: expected a whole number"),
        ({"users": {"filter": "(("}}, "source.users.filter:"),
        ({"users": {"filters": "x"}}, "source.users.filters: unknown key"),
        ({"users": {"attributes": [1]}}, "source.users.attributes[0]: expected a mapping"),
        ({"servers": ["http://x"]}, "source.servers[0]: expected ldap://"),
        ({"password": "s3cret"}, "source.password: unknown key"),
        ({"bind": {}}, "source.bind: give dn and password"),
    ],
)
def test_what_makes_no_sound_source_is_refused(
    shell: Shell, changes: dict[str, Any], said: str
) -> None:
    out, err = shell.run(
        "connection", "import", given(shell, **changes), "--new", "--out", "new.yml", code=2
    )
    assert f"corp.json: {said}" in err
    assert out == ""
    assert not (shell.folder / "new.yml").exists()
    assert "s3cret" not in err


def test_a_file_that_cannot_be_edited_is_left_alone(shell: Shell) -> None:
    text = FILE.replace("servers: [", "servers: &s [").replace(
        "role_mappings:", "vars2: *s\nrole_mappings:"
    )
    text = text.replace("vars2: *s\n", "").replace(
        "    users:", "    groups: &g {}\n    departments: *g\n    users:"
    )
    (shell.folder / "reconcile.yml").write_text(text)
    file = given(shell, departments={"base": "ou=x"})
    _, err = shell.run("connection", "import", file, "--update", "--out", "reconcile.yml", code=1)
    assert "reconcile.yml cannot be changed without touching more than this source" in err
    assert "departments.base: ou=x" in err
    assert desired(shell) == text


def test_mistakes_on_the_command_line(shell: Shell) -> None:
    file = given(shell)
    for arguments, said in (
        (("import", "none.json"), "none.json: cannot be read: No such file"),
        (("import", file, "--new", "--out", "x.json"), "ends in .yml or .yaml"),
        (("import", file, "--new", "--as", " "), "source.name: expected a name"),
        (("import", "reconcile.yml"), "not JSON"),
        (("export", "ghost"), "there is no source 'ghost'"),
    ):
        _, err = shell.run("connection", *arguments, code=2)
        assert said in err
    (shell.folder / "reconcile.yml").write_text(FILE.replace("create: all", "create: al"))
    _, err = shell.run("connection", "import", file, code=2)
    assert "did you mean `all`" in err


def test_a_source_that_cannot_be_tested_is_not_exported(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTHER", "s3cret")
    (shell.folder / "reconcile.yml").write_text(
        FILE.replace("a.example.com", "127.0.0.1:1").replace("{ca_file: ca.pem}", "{}")
    )
    out, err = shell.run("connection", "export", "corp", "--out", "corp.json", code=7)
    assert out == ""
    assert (
        "corp ldap://127.0.0.1:1 does not pass its test and is not exported: reach server: " in err
    )
    assert not (shell.folder / "corp.json").exists()
    shell.company({"uid=ann": None})
    _, err = shell.run("connection", "export", "corp", code=2)
    assert "has no connection to a server" in err


def test_the_flat_format_becomes_a_source(shell: Shell) -> None:
    flat = {
        "AUTH_SOURCE_NAME": "Staff",
        "AUTH_SOURCE_SERVER_NAME": "dc1.example.com",
        "AUTH_SOURCE_ENABLED_TLS": "1",
        "AUTH_SOURCE_BASE_DN": "dc=example,dc=com",
        "AUTH_SOURCE_SEARCH_USER": "reader@example.com",
        "AUTH_SOURCE_PASSWORD": "s3cret",
        "LDAP_TYPE": "ad",
    }
    (shell.folder / "Staff.json").write_text(json.dumps(flat))
    _, err = shell.run("connection", "import", "Staff.json", "--out", "reconcile.yml")
    assert "AUTH_SOURCE_PASSWORD is ignored" in err
    assert "s3cret" not in desired(shell) + err
    assert yaml.safe_load(desired(shell))["sources"][1] == {
        "name": "Staff",
        "type": "active_directory",
        "servers": ["ldap://dc1.example.com"],
        "tls": {"mode": "starttls"},
        "bind": {"dn": "reader@example.com", "password": "{{ env('STAFF_LDAP_PASSWORD') }}"},
        "base_dn": "dc=example,dc=com",
    }
    shell.run("validate")


BINDS: list[dict[str, Any]] = [
    {"dn": "cn=reader,dc=example,dc=com"},
    {"anonymous": True},
    {"kerberos": True},
    {"kerberos": True, "principal": "reader@EXAMPLE.COM"},
]


@pytest.mark.parametrize("bind", BINDS, ids=str)
@pytest.mark.parametrize("before", BINDS, ids=str)
def test_every_way_to_bind_comes_through(
    shell: Shell, bind: dict[str, Any], before: dict[str, Any]
) -> None:
    password = {"password": "{{ env('OTHER') }}"} if "dn" in before else {}
    state = yaml.safe_load(FILE)
    state["sources"][0] |= {
        "bind": before | password,
        "type": "active_directory",
        "tls": {"mode": "none"},
    }
    (shell.folder / "reconcile.yml").write_text(yaml.safe_dump(state), encoding="utf-8")
    file = given(shell, bind=bind, type="active_directory", tls={"mode": "none"})
    out, err = shell.run("connection", "import", file, "--update", "--out", "reconcile.yml")
    assert ("bind" in out + err) == (bind != before)
    held = loaded_source(shell, "corp")
    assert connections.described(held)["bind"] == bind
    again = connections.loads(
        connections.dumps(connections.described(held), []).encode(), "corp.json"
    )
    (shell.folder / "again.json").write_text(
        connections.dumps(again.settings, []), encoding="utf-8"
    )
    shell.run("connection", "import", "again.json", "--new", "--out", "reconcile.yml")
    second = loaded_source(shell, "corp (2)")
    assert connections.described(second) == connections.described(held) | {"name": "corp (2)"}


def loaded_source(shell: Shell, name: str) -> desired_model.Source:
    """A source of the desired state in the folder."""
    found = inputs.configuration([shell.folder / "reconcile.yml"], {}).desired.sources
    return next(one for one in found if one.name == name)
