"""Which transport serves a source, and that python-ldap checks what was asked for, whatever the machine says."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from reconcile.directories.ldap import choose_transport
from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from tests.servers.certificates import Authority, Certificate
from tests.servers.proxy import proxy
from tests.servers.reading import count, refused
from tests.servers.slapd import PASSWORD, SUFFIX, Slapd, slapd
from tests.servers.sources import PERSONS, Known, ldif, people, source
from tests.servers.transports import needs

pytestmark = pytest.mark.server


@pytest.fixture
def python_ldap() -> str:
    return needs("python-ldap")


def used(settings: desired.Source, caplog: pytest.LogCaptureFixture) -> str:
    caplog.set_level(logging.INFO, "reconcile.directories")
    assert count(settings) == 10
    (told,) = (
        record.getMessage()
        for record in caplog.records
        if "the transport is" in record.getMessage()
    )
    return told.removeprefix("corp: the transport is ")


def test_python_ldap_is_taken_where_it_is_there(
    server: Slapd, caplog: pytest.LogCaptureFixture, python_ldap: str
) -> None:
    assert used(source(server.url), caplog) == python_ldap


def test_ldap3_is_taken_where_it_is_asked_for(
    server: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    assert used(source(server.url, transport="ldap3"), caplog) == "ldap3"


def test_without_python_ldap_everything_works(
    server: Slapd, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose_transport, "find_spec", lambda _: None)
    assert used(source(server.url), caplog) == "ldap3"


def test_python_ldap_that_is_asked_for_and_not_there(
    server: Slapd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choose_transport, "find_spec", lambda _: None)
    settings = source(server.url, transport="python-ldap")
    message = refused(settings)
    assert "the source corp asks for transport: python-ldap, but it is not installed" in message
    assert 'pip install "reconcile-identity[fast]"' in message
    assert "headers of libldap and SASL" in message
    ((path, problem),) = LdapDirectory.problems(settings)
    assert path == ("transport",)
    assert "it is not installed" in problem


def test_python_ldap_that_cannot_be_imported(
    server: Slapd,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    python_ldap: str,
) -> None:
    monkeypatch.delitem(sys.modules, "reconcile.directories.over_python_ldap.codec", raising=False)
    monkeypatch.delitem(
        sys.modules, "reconcile.directories.over_python_ldap.library", raising=False
    )
    monkeypatch.setitem(sys.modules, "ldap", None)
    monkeypatch.setattr(choose_transport, "find_spec", lambda _: True)
    assert "it cannot be imported" in refused(source(server.url, transport=python_ldap))
    assert used(source(server.url), caplog) == "ldap3"


def test_a_transport_that_does_not_exist(server: Slapd) -> None:
    ((path, problem),) = LdapDirectory.problems(source(server.url, transport="carrier-pigeon"))
    assert path == ("transport",)
    assert problem == "is one of auto, ldap3, python-ldap, not 'carrier-pigeon'"


@pytest.mark.parametrize(
    ("scheme", "names", "wanted"),
    [
        ("ldaps", ["ldap.example.com"], "ldap.example.com"),
        ("ldap", ["localhost"], "LOCALHOST"),
        ("ldaps", ["xn--ldp-rla.example.com"], "ld\u00e4p.example.com"),
    ],
)
def test_both_transports_check_every_name(
    tmp_path: Path,
    authority: Authority,
    scheme: str,
    names: list[str],
    wanted: str,
    python_ldap: str,
) -> None:
    """TLS is the same for both: libldap could not check some of these as they are meant."""
    certificate = authority.issue("named", names, [])
    with slapd(tmp_path / "slapd", ldif(people(1)), certificate=certificate) as running:
        url, mode = (running.ldaps_url, "ldaps") if scheme == "ldaps" else (running.url, "starttls")
        for transport in ("ldap3", python_ldap):
            tls = desired.Tls(mode=mode, ca_file=str(authority.file), server_name=wanted)
            assert count(source(url, tls=tls, transport=transport)) == 1
            other = msgspec.structs.replace(tls, server_name="other.example.com")
            assert "Hostname mismatch" in refused(source(url, tls=other, transport=transport))


READ = """
import sys
from reconcile.errors import SourceUnreadable
from tests.servers.reading import count
from tests.servers.sources import source
from reconcile.model import desired
url, ca_file, name = sys.argv[1:]
mode = "ldaps" if url.startswith("ldaps") else "starttls"
tls = desired.Tls(mode=mode, ca_file=ca_file or None, server_name=name or None)
try:
    print(count(source(url, tls=tls, transport="python-ldap")))
except SourceUnreadable as error:
    print(error)
"""


def in_a_process(url: str, ca_file: Path | str, environment: dict[str, str], name: str = "") -> str:
    """What a process says that reads by python-ldap; libldap looks at its environment once only, when it starts."""
    done = subprocess.run(
        [sys.executable, "-c", READ, url, str(ca_file), name],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert PASSWORD not in done.stdout + done.stderr
    return done.stdout.strip() or done.stderr


@pytest.mark.parametrize("where", ["environment", "file"])
@pytest.mark.parametrize("protocol", ["starttls", "ldaps"])
def test_the_machine_s_settings_cannot_weaken_what_is_checked(
    secure: Slapd, authority: Authority, tmp_path: Path, protocol: str, where: str, python_ldap: str
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
    assert in_a_process(url, authority.file, environment) == "10"
    assert "the server's certificate is refused" in in_a_process(url, stranger.file, environment)
    assert "the server's certificate is refused" in in_a_process(url, "", environment)
    if protocol == "starttls":
        said = in_a_process(url, authority.file, environment, "other.example.com")
        assert "Hostname mismatch" in said


def test_the_system_s_authorities_are_those_of_the_standard_library(
    secure: Slapd, authority: Authority, python_ldap: str
) -> None:
    assert in_a_process(secure.url, "", {"SSL_CERT_FILE": str(authority.file)}) == "10"


def test_limits_and_traces_of_the_machine_change_nothing(
    server: Slapd, secure: Slapd, authority: Authority, python_ldap: str
) -> None:
    environment = {
        "LDAPSIZELIMIT": "1",
        "LDAPTIMELIMIT": "1",
        "LDAPDEREF": "always",
        "LDAPREFERRALS": "on",
        "LDAPURI": "ldap://127.0.0.1:1",
        "PYTHON_LDAP_TRACE_LEVEL": "9",
    }
    assert in_a_process(secure.url, authority.file, environment) == "10"


@pytest.mark.parametrize("version", ["1.0", "1.1"])
def test_an_old_tls_is_refused(
    tmp_path: Path, authority: Authority, version: str, python_ldap: str
) -> None:
    certificate = authority.issue("old", [], ["127.0.0.1"])
    old = [f"TLSCipherSuite NORMAL:%COMPAT:-VERS-ALL:+VERS-TLS{version}:+SHA1:+SIGN-ALL"]
    with slapd(
        tmp_path / "slapd", ldif(people(1)), certificate=certificate, first_lines=old
    ) as running:
        tls = desired.Tls(ca_file=str(authority.file))
        assert "TLS" in refused(source(running.url, tls=tls, transport=python_ldap))


def test_a_name_outside_subject_alt_name_is_no_name(
    tmp_path: Path, authority: Authority, python_ldap: str
) -> None:
    certificate: Certificate = authority.issue("127.0.0.1", ["ldap.example.com"])
    with slapd(tmp_path / "slapd", ldif(people(1)), certificate=certificate) as running:
        tls = desired.Tls(ca_file=str(authority.file))
        assert "the server's certificate is refused" in refused(
            source(running.url, tls=tls, transport=python_ldap)
        )


def test_nothing_is_set_for_the_whole_process(
    secure: Slapd, authority: Authority, python_ldap: str
) -> None:
    ldap = pytest.importorskip("ldap")
    options = [
        getattr(ldap, name)
        for name in dir(ldap)
        if name.startswith(
            ("OPT_X_TLS_REQUIRE", "OPT_X_TLS_CACERT", "OPT_REFERRALS", "OPT_DEREF", "OPT_TIMEOUT")
        )
    ]
    before = [ldap.get_option(option) for option in options]
    assert (
        count(
            source(secure.url, tls=desired.Tls(ca_file=str(authority.file)), transport=python_ldap)
        )
        == 10
    )
    assert [ldap.get_option(option) for option in options] == before


def test_a_lost_connection_is_never_opened_again_by_itself(server: Slapd, python_ldap: str) -> None:
    with proxy(server.port) as between:
        directory = LdapDirectory(source(between.url, transport=python_ldap))
        directory.read(PERSONS)
        between.cut()
        session = directory._session
        assert session is not None
        for _ in range(3):  # however often it is tried
            with pytest.raises(SourceUnreadable, match="the connection broke"):
                list(session.search(_search()))
        assert between.connections == 1
        directory.close()


def _search() -> object:
    from reconcile.directories.search.search import Search

    return Search(SUFFIX, "subtree", "(objectClass=*)", ("1.1",))


@pytest.mark.parametrize("password", ["grün\u00aa", "a\0b", "*" * 5000])
def test_odd_passwords_are_sent_or_refused_as_anywhere(
    server: Slapd, password: str, python_ldap: str
) -> None:
    bind = desired.Bind(dn=f"cn=admin,{SUFFIX}", password=Known(password))
    messages = [
        refused(source(server.url, bind=bind, transport=name)) for name in ("ldap3", python_ldap)
    ]
    assert messages[0] == messages[1]
    assert password not in messages[0]
    assert "result 49 (invalidCredentials)" in messages[0]


@pytest.mark.parametrize("transport", ["ldap3", "python-ldap"])
def test_only_the_transport_that_is_used_is_imported(server: Slapd, transport: str) -> None:
    script = (
        "import sys; from tests.servers.reading import count\n"
        "from reconcile.directories.ldap.adapter import LdapDirectory; from tests.servers.sources import source\n"
        "settings = source(sys.argv[1], transport=sys.argv[2]); assert not list(LdapDirectory.problems(settings))\n"
        "assert not {'ldap3', 'ldap', '_ldap'} & sys.modules.keys()\n"
        "assert count(settings) == 10; print(sorted({'ldap3', 'ldap'} & sys.modules.keys()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, server.url, needs(transport)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.stdout.strip() == str([transport.removeprefix("python-")]), done.stderr
