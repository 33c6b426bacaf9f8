"""`reconcile init --from`: from a server to a file that `test` and `plan` accept, with and without questions."""

import json
import os
import pty
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcile.directories.discovery.certificate import certificate
from reconcile.model import desired
from tests.scenarios.shell import RECONCILE, Shell, terminal_output
from tests.servers.certificates import Authority
from tests.servers.samba import SUFFIX as DOMAIN
from tests.servers.samba import Samba, samba
from tests.servers.slapd import PASSWORD, SUFFIX, Slapd, slapd
from tests.servers.sources import ldif, people, source

pytestmark = pytest.mark.server

ADMINS = f"cn=admins,ou=groups,{SUFFIX}"
ENTRIES = people(3) | {
    f"uid=x,ou=staff,{SUFFIX}": {
        "objectClass": ["inetOrgPerson"], "uid": ["x"], "cn": ["X"], "sn": ["X"],
    },
    f"ou=staff,{SUFFIX}": {"objectClass": ["organizationalUnit"], "ou": ["staff"]},
    f"ou=groups,{SUFFIX}": {"objectClass": ["organizationalUnit"], "ou": ["groups"]},
    ADMINS: {
        "objectClass": ["groupOfNames"], "cn": ["admins"], "member": [f"uid=p0,ou=people,{SUFFIX}"],
    },
}  # fmt: skip


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """Four persons in two places, StartTLS, a certificate that no machine trusts and for another host."""
    folder = tmp_path_factory.mktemp("company")
    authority = Authority(folder, "own")
    certificate = authority.issue("server", ["ldap.example.com"], [])
    ordered = {name: ENTRIES[name] for name in sorted(ENTRIES, key=lambda name: name.count(","))}
    lines = [
        "access to attrs=userPassword by anonymous auth",
        f"access to * by dn=cn=admin,{SUFFIX} read by * none",
    ]
    with slapd(
        folder / "slapd",
        ldif(ordered),
        certificate=certificate,
        lines=lines,
        first_lines=["security simple_bind=1"],
    ) as running:
        yield running


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    monkeypatch.delenv("SECRET", raising=False)
    return Shell(tmp_path, capsys, monkeypatch)


def fingerprint(text: str) -> str:
    return next(line.split()[-1] for line in text.splitlines() if "SHA-256" in line)


def test_without_a_terminal_nothing_is_trusted_and_nothing_is_written(
    shell: Shell, company: Slapd
) -> None:
    _, err = shell.run("init", "--from", company.url, code=7)
    assert "subject  commonName=" in err
    assert "for      ldap.example.com" in err
    assert "--fingerprint" in err
    _, err = shell.run("init", "--from", company.url, "--fingerprint", "00:11", code=7)
    assert "not the one of --fingerprint" in err
    assert list(shell.folder.iterdir()) == []


def test_without_a_terminal_the_choices_are_comments(
    shell: Shell, company: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, err = shell.run("init", "--from", company.url, code=7)
    trusted = ("--from", company.url, "--fingerprint", fingerprint(err))
    account = ("--bind", company.admin, "--password-env", "SECRET")
    _, err = shell.run("init", *trusted, *account, code=2)
    assert "the environment variable SECRET has no password" in err
    monkeypatch.setenv("SECRET", PASSWORD)
    out, _ = shell.run("init", *trusted, *account)
    assert "OpenLDAP, protected by StartTLS" in out
    assert f"{SUFFIX}: 4 persons, 1 group, 3 OUs" in out
    text = (shell.folder / "reconcile.yml").read_text(encoding="utf-8")
    assert PASSWORD not in text + out
    assert f"# base: ou=people,{SUFFIX}" in text
    assert f"# - role: administrator\n  #   source: example\n  #   groups: ['{ADMINS}']" in text
    source = yaml.safe_load(text)["sources"][0]
    assert source["type"] == "openldap"
    assert source["tls"] == {
        "mode": "starttls",
        "ca_file": "127.0.0.1.pem",
        "server_name": "ldap.example.com",
    }
    assert source["bind"] == {"dn": company.admin, "password": "{{ env('SECRET') }}"}
    assert shell.run("validate")[0] == "Valid: reconcile.yml\n"
    out, _ = shell.run("test", "--strict")
    assert "4 found below dc=example,dc=com" in out
    assert "Plan: 9 to add" in shell.run("plan")[0]
    _, err = shell.run("init", *trusted, *account, code=2)
    assert "already exists: it is not overwritten" in err
    assert (shell.folder / "reconcile.yml").read_text(encoding="utf-8") == text


def test_a_reader_without_rights_gets_a_file_to_complete(shell: Shell, company: Slapd) -> None:
    _, err = shell.run("init", "--from", company.url, code=7)
    shell.run("init", "--from", company.url, "--fingerprint", fingerprint(err))
    source = yaml.safe_load((shell.folder / "reconcile.yml").read_text(encoding="utf-8"))[
        "sources"
    ][0]
    assert source["base_dn"] == SUFFIX
    assert source["bind"]["password"] == "{{ env('EXAMPLE_LDAP_PASSWORD') }}"


def test_on_a_terminal_what_cannot_be_seen_is_asked(shell: Shell, company: Slapd) -> None:
    shown = answered(
        [*RECONCILE, "init", "--from", company.url],
        shell.folder,
        {
            "confirm this fingerprint? [y/N]": "y",
            "Account that reads": company.admin,
            "Password of": PASSWORD,
            "Where are the persons? [1]": "9",
            "from 1 to 3, or a DN.": "3",
            "get the role administrator? [y/N]": "y",
            "as groups? [y/N]": "y",
            "as departments? [y/N]": "",
        },
    )
    assert PASSWORD not in shown
    text = (shell.folder / "reconcile.yml").read_text(encoding="utf-8")
    assert PASSWORD not in text
    written = yaml.safe_load(text)
    assert written["sources"][0]["users"]["base"] == f"ou=staff,{SUFFIX}"
    assert written["role_mappings"][0]["groups"] == [ADMINS]
    assert written["groups"] == [{"source": "example", "select": ["*"]}]
    assert "departments" not in written
    assert shell.run("validate")[0] == "Valid: reconcile.yml\n"


def answered(command: list[str], folder: Path, answers: dict[str, str]) -> str:
    """Runs a command on a terminal; types each answer after its question. All that was shown."""
    child, terminal = pty.fork()
    if not child:
        os.chdir(folder)
        os.execve(command[0], command, {**os.environ, "TERM": "xterm"})
    shown, rest = "", dict(answers)
    while chunk := terminal_output(terminal):
        shown += chunk.decode()
        for question in [question for question in rest if question in shown]:
            time.sleep(0.1)  # the terminal shows what is typed until the question has hidden it
            os.write(terminal, f"{rest.pop(question)}\n".encode())
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0, shown
    assert not rest, shown
    return shown


def test_clear_text_is_chosen_and_never_the_way_out(
    shell: Shell, server: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, err = shell.run("init", "--from", server.url, code=7)
    assert "StartTLS failed" in err
    assert "add --tls none" in err
    monkeypatch.setenv("SECRET", "wrong")
    account = ("--bind", server.admin, "--password-env", "SECRET")
    clear = ("init", "--from", server.url, "--tls", "none", *account)
    out, err = shell.run(*clear, code=7)
    assert "The password is sent in clear text" in out
    assert "The DN or the password is wrong" in err
    assert list(shell.folder.iterdir()) == []
    monkeypatch.setenv("SECRET", PASSWORD)
    assert "NOT PROTECTED" in shell.run(*clear)[0]
    assert shell.run("validate")[0] == "Valid: reconcile.yml\n"


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Samba]:
    """A domain with one person, and nobody else but the accounts of its own."""
    values = {"objectClass": "user", "sAMAccountName": "ada", "userAccountControl": "544"}
    steps = [["add", f"CN=ada,CN=Users,{DOMAIN}", values]]
    with samba(tmp_path_factory.mktemp("domain"), steps) as running:
        yield running


def test_a_domain_controller(shell: Shell, domain: Samba, monkeypatch: pytest.MonkeyPatch) -> None:
    _, err = shell.run("init", "--from", domain.url, code=7)
    shown = fingerprint(err).replace(":", "").lower()
    monkeypatch.setenv("EXAMPLE_LDAP_PASSWORD", domain.password)
    account = ("--fingerprint", shown, "--bind", domain.admin)
    admins = f"CN=Domain Admins,CN=Users,{DOMAIN}"
    out, _ = shell.run("init", "--from", domain.url, *account, "--role", f"admin={admins}")
    assert "Active Directory (Samba Team" in out
    text = (shell.folder / "reconcile.yml").read_text(encoding="utf-8")
    written = yaml.safe_load(text)
    source = written["sources"][0]
    assert (source["name"], source["type"]) == ("example", "active_directory")
    assert source["base_dn"].lower() == DOMAIN.lower()
    assert {"Administrator", "Guest", "krbtgt"} <= set(source["users"]["exclude"])
    assert written["role_mappings"][0] == {"role": "admin", "source": "example", "groups": [admins]}
    assert "Account Operators" not in text, "the groups of the domain's own are not offered"
    shell.run("test", "--strict")
    out, _ = shell.run("plan")
    assert "users          1" in out
    (shell.folder / "reconcile.yml").write_text(
        text.replace("active_directory", "openldap"), "utf-8"
    )
    out, _ = shell.run("test", code=7)
    assert "this server is an Active Directory: set type: active_directory\n" in out
    assert re.search(r"^ +reconcile.yml:\d+:\d+: sources\[0\].type$", out, re.MULTILINE)
    wrong = text.replace(f"dn: {domain.admin}", "dn: administrator")
    (shell.folder / "reconcile.yml").write_text(wrong, "utf-8")
    out, _ = shell.run("test", code=7)
    assert r"bind.dn is a DN, name@example.test or DOMAIN\name" in out


HINTS = {
    "base": ({"base_dn": "dc=exmaple,dc=com"}, f"this server holds {SUFFIX}: set base_dn", "base_dn"),
    "users": ({"users": {"base": "ou=poeple", "create": "all"}}, "are ou=groups, ou=people, ou=staff", "users.base"),
    "bind": ({"bind": {"dn": "ann", "password": "{{ env('SECRET') }}"}}, "bind.dn has to be the whole DN", "bind"),
    "name": ({"tls": {"ca_file": "{ca}"}}, "it is for ldap.example.com", "tls"),
    "authority": ({"tls": {"server_name": "ldap.example.com"}}, "issued by commonName=own", "tls"),
}  # fmt: skip


def settings(company: Slapd, ca_file: str, **changes: Any) -> dict[str, Any]:
    source = {
        "name": "corp",
        "type": "openldap",
        "servers": [company.url],
        "tls": {"ca_file": ca_file, "server_name": "ldap.example.com"},
        "bind": {"dn": company.admin, "password": "{{ env('SECRET') }}"},
        "base_dn": SUFFIX,
        "users": {"create": "all"},
        **changes,
    }
    platform = {"type": "sql", "url": "sqlite:///p.db"}
    roles = [{"role": "user", "default": True}]
    return {"version": 1, "platform": platform, "sources": [source], "role_mappings": roles}


@pytest.mark.parametrize("case", HINTS)
def test_a_check_that_fails_says_where_and_what_helps(
    shell: Shell, company: Slapd, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", PASSWORD)
    changes, hint, path = HINTS[case]
    ca_file = shell.folder / "ca.pem"
    ca_file.write_text(certificate(source(company.url, tls=desired.Tls())).pem)
    written = yaml.safe_dump(settings(company, "ca.pem", **changes)).replace("{ca}", "ca.pem")
    (shell.folder / "reconcile.yml").write_text(written)
    out, _ = shell.run("test", code=7)
    assert re.search(rf"^ +hint +.*{re.escape(hint)}", out, re.MULTILINE), out
    assert re.search(rf"^ +reconcile.yml:\d+:\d+: sources\[0\].{path}$", out, re.MULTILINE), out
    failed = json.loads(shell.run("test", "--format", "json", code=7)[0])["checks"][-2]
    assert hint in failed["hint"]
    assert (failed["path"], failed["file"]) == (f"sources[0].{path}", "reconcile.yml")
    assert failed["line"] > 0


def test_what_is_wrong_with_all_servers_is_said_once(
    shell: Shell, company: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET", PASSWORD)
    servers = [company.url, company.url.replace("127.0.0.1", "localhost")]
    written = settings(company, "ca.pem", servers=servers, tls={})
    (shell.folder / "reconcile.yml").write_text(yaml.safe_dump(written))
    out, err = shell.run("test", code=7)
    assert out.count("certificate is refused") == 1
    assert out.count("for the same reason") == 1
    assert "certificate" not in err
