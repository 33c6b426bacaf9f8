"""`validate` looks at CA files, database URLs, parents of departments and likely slips in roles."""

import datetime as dt
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from reconcile.directories.tls import ca_file
from reconcile.platforms.database import urls
from tests.scenarios.shell import Shell

LDAP = {
    "name": "ad",
    "type": "openldap",
    "servers": ["ldaps://ldap.example.com"],
    "base_dn": "dc=example,dc=com",
    "bind": {"anonymous": True},
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CA, a certificate of a server, one that has expired, and a key, made by openssl."""
    folder = tmp_path_factory.mktemp("certificates")
    if shutil.which("openssl") is None:
        pytest.skip("no openssl")
    command = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem"
    for name, more in {
        "ca.pem": "-days 2 -addext basicConstraints=critical,CA:TRUE",
        "server.pem": "-days 2 -addext basicConstraints=critical,CA:FALSE",
    }.items():
        # `req -x509` adds CA:TRUE by its configuration unless there is none.
        subprocess.run(
            [
                *command.split(),
                "-config",
                "/dev/null",
                "-subj",
                "/CN=x",
                *more.split(),
                "-out",
                name,
            ],
            cwd=folder,
            check=True,
            capture_output=True,
        )
    text = (folder / "ca.pem").read_text()
    (folder / "damaged.pem").write_text(text[:40] + text[80:])
    (folder / "empty.pem").write_text("\n")
    (folder / "text.pem").write_text("hello")
    (folder / "der.pem").write_bytes(b"\x30\x82\x01")
    return folder


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("ca.pme", "did you mean ca.pem?"),
        ("none/ca.pem", "there is no folder"),
        (".", "cannot be read"),
        ("empty.pem", "is empty"),
        ("text.pem", "holds no certificate in PEM"),
        ("der.pem", "is in DER"),
        ("key.pem", "holds a private key"),
        ("damaged.pem", "is damaged"),
        ("server.pem", ""),
        ("ca.pem", ""),
    ],
)
def test_ca_files(made: Path, name: str, words: str) -> None:
    why = ca_file.fault(str(made / name))
    assert words in why
    assert bool(why) is bool(words)


def test_an_expired_ca_file(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Later(dt.datetime):
        @classmethod
        def now(cls, tz: object = None) -> "Later":
            return cls(2100, 1, 1, tzinfo=dt.UTC)

    monkeypatch.setattr(dt, "datetime", Later)
    assert "holds only what has expired: commonName=x, on 20" in ca_file.fault(str(made / "ca.pem"))


def test_a_server_s_own_certificate_is_a_warning(made: Path, shell: Shell) -> None:
    assert ca_file.doubt(str(made / "ca.pem")) == ""
    shell.desired(sources=[LDAP | {"tls": {"ca_file": str(made / "server.pem")}}])
    _, err = shell.run("validate")
    assert "warning: reconcile.yml:" in err
    assert "sources[0].tls.ca_file: " in err
    assert "holds the certificate of a server, and of no CA" in err
    shell.desired(sources=[LDAP | {"tls": {"ca_file": str(made / "empty.pem")}}])
    out, _ = shell.run("validate", code=2)
    assert "is empty" in out


def test_what_another_machine_may_have(shell: Shell) -> None:
    """A pipeline or an installer validates files for a machine that it is not."""
    source = LDAP | {"tls": {"ca_file": "none.pem"}}
    shell.desired(sources=[source], platform={"type": "sql", "url": "sqlite:///none/a.db"})
    assert "2 problems" in shell.run("validate", code=2)[0]
    assert shell.run("validate", "--files-only") == ("Valid: reconcile.yml\n", "")
    assert (
        "needs no --files-only" in shell.run("validate", "--effective", "--files-only", code=2)[1]
    )
    shell.desired(platform={"type": "sql", "url": "sqlite:////none/a.db"})
    _, err = shell.run("validate")
    assert "platform.url: on this machine, there is no folder /none" in err


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("sqlite:///a.db", ""),
        ("sqlite:///no/a.db", "there is no folder"),
        ("postgres://h/d", "postgres is not supported"),
        ("x", "is not a database URL"),
        ("postgresql+psycopg://a:b@h:port/d", "is not a database URL"),
        ("postgresql+psycopg://a:b@h:99999/d", "the port 99999 is not between 1 and 65535"),
        ("postgresql+psycopg://a:b@h", "does not name a database"),
        ("mariadb+pymysql://a:b@c@h/d", "quote the account and the password"),
    ],
)
def test_database_urls(tmp_path: Path, url: str, words: str) -> None:
    why = urls.fault(url, str(tmp_path))
    assert words in why
    assert bool(why) is bool(words)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert "cannot be written" in urls.fault("sqlite:///a.db", str(tmp_path))


def test_a_url_is_checked_without_fetching_its_secrets(shell: Shell) -> None:
    url = "postgresql+psycopg://a:{{ env('NOT_SET') | urlencode }}@h:99999/d"
    shell.company({}, platform={"type": "sql", "url": url})
    out, _ = shell.run("validate", code=2)
    assert "platform.url: the port 99999" in out
    shell.company({}, platform={"type": "sql", "url": "{{ env('NOT_SET') }}"})
    shell.run("validate")


def test_a_department_without_its_parent(shell: Shell) -> None:
    rule = {"source": "corp", "select": ["ou=A,ou=B", "ou=C,ou=A,ou=B"]}
    shell.company({}, departments=[rule])
    out, _ = shell.run("validate", code=2)
    assert "departments[0].select[0]: its parent ou=b,dc=example,dc=com is not selected" in out
    assert "1 problem." in out
    for more in ({"parents": True}, {"children": True}, {"select": ["ou=*", "ou=A,ou=B"]}):
        shell.company({}, departments=[rule | more])
        shell.run("validate")


def test_a_role_with_a_slip_is_a_warning(shell: Shell) -> None:
    names = ("editor", "editor", "editr", "auditor")
    mappings = [{"role": role, "groups": [f"cn={at}"]} for at, role in enumerate(names)]
    shell.company({}, role_mappings=mappings)
    _, err = shell.run("validate")
    assert "role_mappings[2].role: no other rule names the role 'editr'; did you mean" in err
    assert err.count("warning") == 1
    assert json.loads(shell.run("validate", "--format", "json")[0])["valid"] is True


def test_slips_in_domains_and_templates_are_warnings(shell: Shell) -> None:
    fields = {"username": "{{ identifer }}", "email": "{{ identifier }}@exmaple.com"}
    source = {
        "name": "corp",
        "type": "ldif",
        "files": ["corp.ldif"],
        "base_dn": "dc=example,dc=com",
        "users": {"fields": fields},
    }
    names = ["cn=a,ou=groups,dc=exampel,dc=com", "cn=b,ou=groups,dc=example,dc=com"]
    shell.company({}, sources=[source], role_mappings=[{"role": "x", "groups": names}])
    _, err = shell.run("validate")
    assert "role_mappings[0].groups[0]: it is in the domain exampel.com; did you mean exa" in err
    assert "@exmaple.com is not the domain of the source; did you mean @example.com?" in err
    assert "identifer would be an attribute of the directory; did you mean identifier?" in err
    assert err.count("warning") == 3


def test_a_base_with_a_slip(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    text = (shell.folder / "reconcile.yml").read_text().replace("dc=example", "dc=exmaple")
    (shell.folder / "reconcile.yml").write_text(text)
    _, err = shell.run("plan", code=7)
    assert "Did you mean 'dc=example,dc=com'?" in err or "Did you mean dc=example,dc=com?" in err


def test_a_file_of_entries_with_a_slip(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    (shell.folder / "corp.ldif").rename(shell.folder / "crop.ldif")
    _, err = shell.run("plan", code=7)
    assert "did you mean crop.ldif?" in err
