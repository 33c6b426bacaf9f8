"""What was asked for is checked, whatever the machine says; and ldap3 is imported only where it is needed."""

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.directories.search.search import Search
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from tests.servers.certificates import Authority, Certificate
from tests.servers.proxy import proxy
from tests.servers.reading import count, refused
from tests.servers.slapd import PASSWORD, SUFFIX, Slapd, slapd
from tests.servers.sources import PERSONS, Known, ldif, people, source

pytestmark = pytest.mark.server


@pytest.mark.parametrize(
    ("scheme", "names", "wanted"),
    [
        ("ldaps", ["ldap.example.com"], "ldap.example.com"),
        ("ldap", ["localhost"], "LOCALHOST"),
        ("ldaps", ["xn--ldp-rla.example.com"], "ld\u00e4p.example.com"),
    ],
)
def test_every_name_is_checked(
    tmp_path: Path, authority: Authority, scheme: str, names: list[str], wanted: str
) -> None:
    certificate = authority.issue("named", names, [])
    with slapd(tmp_path / "slapd", ldif(people(1)), certificate=certificate) as running:
        url, mode = (running.ldaps_url, "ldaps") if scheme == "ldaps" else (running.url, "starttls")
        tls = desired.Tls(mode=mode, ca_file=str(authority.file), server_name=wanted)
        assert count(source(url, tls=tls)) == 1
        other = msgspec.structs.replace(tls, server_name="other.example.com")
        assert "Hostname mismatch" in refused(source(url, tls=other))


@pytest.mark.parametrize("where", ["environment", "file"])
@pytest.mark.parametrize("protocol", ["starttls", "ldaps"])
def test_the_machine_s_settings_cannot_weaken_what_is_checked(
    secure: Slapd,
    authority: Authority,
    tmp_path: Path,
    protocol: str,
    where: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url = secure.url if protocol == "starttls" else secure.ldaps_url
    stranger = Authority(tmp_path, "stranger")
    trusting = tmp_path / "trusted"
    trusting.mkdir()
    (trusting / "ca.pem").write_bytes(authority.file.read_bytes())
    weak = {
        "REQCERT": "never",
        "REQSAN": "never",
        "CACERT": str(authority.file),
        "CACERTDIR": str(trusting),
    }
    file = tmp_path / "ldap.conf"
    file.write_text("".join(f"TLS_{name} {value}\n" for name, value in weak.items()))
    environment = (
        {"LDAPCONF": str(file)} if where == "file" else {f"LDAPTLS_{k}": v for k, v in weak.items()}
    )
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    tls = desired.Tls(mode=protocol, ca_file=str(authority.file))
    assert count(source(url, tls=tls)) == 10
    for ca_file in (str(stranger.file), None):
        other = msgspec.structs.replace(tls, ca_file=ca_file)
        assert "the server's certificate is refused" in refused(source(url, tls=other))
    misnamed = msgspec.structs.replace(tls, server_name="other.example.com")
    assert "Hostname mismatch" in refused(source(url, tls=misnamed))


def test_the_system_s_authorities_are_those_of_the_standard_library(
    secure: Slapd, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    assert count(source(secure.url, tls=desired.Tls())) == 10


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_old_tls_is_refused(tmp_path: Path, authority: Authority, version: str) -> None:
    certificate = authority.issue("old", [], ["127.0.0.1"])
    old = [f"TLSCipherSuite NORMAL:%COMPAT:-VERS-ALL:+VERS-TLS{version}:+SHA1:+SIGN-ALL"]
    with slapd(
        tmp_path / "slapd", ldif(people(1)), certificate=certificate, first_lines=old
    ) as running:
        assert "TLS" in refused(source(running.url, tls=desired.Tls(ca_file=str(authority.file))))


def test_a_name_outside_subject_alt_name_is_no_name(tmp_path: Path, authority: Authority) -> None:
    certificate: Certificate = authority.issue("127.0.0.1", ["ldap.example.com"])
    with slapd(tmp_path / "slapd", ldif(people(1)), certificate=certificate) as running:
        tls = desired.Tls(ca_file=str(authority.file))
        assert "the server's certificate is refused" in refused(source(running.url, tls=tls))


def test_a_lost_connection_is_never_opened_again_by_itself(server: Slapd) -> None:
    with proxy(server.port) as between:
        directory = LdapDirectory(source(between.url))
        directory.read(PERSONS)
        between.cut()
        session = directory._session
        assert session is not None
        for _ in range(3):  # however often it is tried
            with pytest.raises(SourceUnreadable, match="the connection broke"):
                list(session.search(Search(SUFFIX, "subtree", "(objectClass=*)", ("1.1",))))
        assert between.connections == 1
        directory.close()


@pytest.mark.parametrize("password", ["grün\u00aa", "a\0b", "*" * 5000])
def test_odd_passwords_are_sent_and_not_shown(server: Slapd, password: str) -> None:
    bind = desired.Bind(dn=f"cn=admin,{SUFFIX}", password=Known(password))
    message = refused(source(server.url, bind=bind))
    assert password not in message
    assert PASSWORD not in message
    assert "result 49 (invalidCredentials)" in message


def test_ldap3_is_imported_only_once_a_server_is_read(server: Slapd) -> None:
    script = (
        "import sys; from tests.servers.reading import count\n"
        "from reconcile.directories.ldap.adapter import LdapDirectory; from tests.servers.sources import source\n"
        "settings = source(sys.argv[1]); assert not list(LdapDirectory.problems(settings))\n"
        "assert 'ldap3' not in sys.modules\n"
        "assert count(settings) == 10; print('ldap3' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, server.url],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == "True", done.stderr
