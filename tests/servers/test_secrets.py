"""No command shows a secret, wherever it comes from, however much it logs, and whatever fails."""

import base64
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from reconcile.cli import cli
from reconcile.cli.logs import end_log_file
from reconcile.config import load
from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.platforms.sql import SqlPlatform
from tests.scenarios.test_fuzzing import command
from tests.servers.site import Site
from tests.servers.slapd import SUFFIX, Slapd, free_port

pytestmark = pytest.mark.server

URL_PASSWORD = "Marke%40der-Datenbank"
"""As it stands in a URL; the database would be told it with an @."""
COMMANDS: dict[str, list[list[str]]] = {
    "init": [["init", "new.yml"]],
    "validate": [["validate"], ["validate", "--format", "json"], ["validate", "--effective"]],
    "test": [["test"]],
    "search": [["search", "corp", "user*"], ["search", "corp", "user*", "--format", "json"]],
    "tree": [["tree", "corp"]],
    "preview": [["preview"], ["preview", "--format", "csv"], ["preview", "--format", "json"]],
    "plan": [["plan"], ["plan", "--format", "json"], ["plan", "--format", "markdown"], ["plan", "--out", "the.plan"]],
    "show": [["show", "the.plan"], ["show", "the.plan", "--format", "json"]],
    "apply": [["apply", "the.plan", "--yes", "--format", "json"], ["apply", "--yes"]],
    "serve": [["serve", "--schedule", "--once"]],
    "explain": [["explain", "user1"], ["explain", "user1", "--format", "json"], ["explain", "nobody-here"]],
    "history": [["history"], ["history", "--format", "json"], ["history", "--user", "user1"], ["history", "--verify"]],
    "unlock": [["unlock"]],
    "users": [["users", "--format", "json"], ["users", "--format", "csv"]],
    "groups": [["groups"]],
    "departments": [["departments"]],
    "login": [["login", "user1"]],
    "migrate-usernames": [["migrate-usernames"]],
    "rename-source": [["rename-source", "former", "corp", "--yes"], ["rename-source", "corp", "other"]],
    "connection": [
        ["connection", "export", "corp", "--out", "corp.json"],
        ["connection", "import", "corp.json", "--new"],
        ["connection", "import", "corp.json", "--update"],
    ],
    "ansible-path": [["ansible-path"]],
    "assert": [["assert"]],
    "status": [["status"], ["status", "--format", "json"]],
    "roles": [["roles"], ["roles", "operator"]],
    "review": [["review"], ["review", "--format", "json"]],
    "capture": [["capture", "corp", "--out", "corp.capture"]],
    "completion": [["completion", "bash"]],
    "help": [["help", "plan"]],
    "schema": [["schema"]],
}  # fmt: skip
WAYS = {
    "env": "{{ env('CORP_PASSWORD') }}",
    "file": "{{ file('secret.txt') }}",
    "command": "{{ command('cat secret.txt') }}",
    "literal": "%s",
}


def test_every_command_is_here() -> None:
    assert set(COMMANDS) == set(cli.commands)


def marked(site: Site, server: Slapd, way: str, **changes: Any) -> None:
    (site.folder / "secret.txt").write_text(f"{site.password}\n", encoding="utf-8")
    (site.folder / "secret.txt").chmod(0o600)
    password = WAYS[way].replace("cat secret.txt", f"cat {site.folder / 'secret.txt'}")
    password = password % site.password if way == "literal" else password
    site.desired(server.url, bind={"dn": f"cn=admin,{SUFFIX}", "password": password}, **changes)
    site.add(schedule="daily at 01:30")
    (site.folder / "reconcile.yml").chmod(0o600)


def all_run(site: Site, monkeypatch: pytest.MonkeyPatch, *marks: str) -> set[int]:
    """Runs everything, the log in either form; answers the exit codes."""
    monkeypatch.chdir(site.folder)
    monkeypatch.setattr(sys, "stdin", None)
    for name, value in (site.environment | {"CORP_PASSWORD": site.password}).items():
        monkeypatch.setenv(name, value)
    codes = set()
    for number, arguments in enumerate(one for family in COMMANDS.values() for one in family):
        form = ("text", "json")[number % 2]
        code, said = command(*arguments, "-vv", "--log-format", form, "--log-file", f"{form}.log")
        codes.add(code)
        for mark in marks:
            assert mark not in said, arguments
    end_log_file()
    for file in site.folder.rglob("*"):
        if file.is_file() and file.name not in ("secret.txt", "reconcile.yml"):
            for mark in marks:
                assert mark.encode() not in file.read_bytes(), file.name
    for line in (site.folder / "json.log").read_text(encoding="utf-8").splitlines():
        assert json.loads(line)["level"]
    return codes


@pytest.mark.parametrize("way", WAYS)
def test_the_password_of_a_source(
    tmp_path: Path, server: Slapd, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path)
    marked(site, server, way)
    codes = all_run(site, monkeypatch, site.password, *_forms(site.password))
    assert {0} <= codes <= {0, 1, 2}, "the platform and the directory are there"


@pytest.mark.parametrize("way", ["env", "literal"])
def test_the_password_of_a_source_that_refuses_it(
    tmp_path: Path, server: Slapd, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path, "Falsch-und-geheim")
    marked(site, server, way)
    assert 7 in all_run(site, monkeypatch, site.password, *_forms(site.password))


@pytest.mark.parametrize("kind", ["postgresql+psycopg", "mariadb+pymysql", "nothing"])
def test_the_password_of_a_database(
    tmp_path: Path, server: Slapd, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path)
    marked(site, server, "env")
    url = f"{kind}://app:{URL_PASSWORD}@127.0.0.1:{free_port()}/acme"
    site.environment["URL"] = url
    plain = URL_PASSWORD.replace("%40", "@")
    for written in ("{{ env('URL') }}", url):
        site.add(platform={"type": "sql", "url": written})
        codes = all_run(site, monkeypatch, URL_PASSWORD, plain, site.password)
        assert codes & {2, 7}


def test_no_value_shows_one(tmp_path: Path, server: Slapd) -> None:
    site = Site(tmp_path)
    marked(site, server, "literal")
    loaded = load(
        [tmp_path / "reconcile.yml"],
        environ={},
        sources={"openldap": LdapDirectory.problems},
        platforms={"sql": SqlPlatform.problems},
    )
    assert loaded.desired.sources[0].bind is not None
    assert "***" in repr(loaded.desired)
    for value in (loaded, loaded.desired, loaded.effective, loaded.digest, *loaded.desired.sources):
        assert site.password not in f"{value!r} {value}"


def _forms(secret: str) -> list[str]:
    """The secret in what a careless program might write."""
    escaped = secret.encode("unicode_escape").decode()
    coded = base64.b64encode(secret.encode()).decode()
    return [
        one
        for one in (escaped, coded, json.dumps(secret)[1:-1], repr(secret.encode())[2:-1])
        if one != secret
    ]


def test_a_file_that_holds_no_text_is_named_and_not_quoted(
    tmp_path: Path, server: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = Site(tmp_path)
    marked(site, server, "file")
    (tmp_path / "secret.txt").write_bytes(b"\xff" + site.password.encode() + b"\0")
    monkeypatch.chdir(tmp_path)
    code, said = command("plan", "-vv")
    assert code == 2
    assert "secret.txt" in said
    assert "Geheim" not in said
