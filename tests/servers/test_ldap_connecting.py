"""Which server is used, whether it is the right one, and who is bound there."""

import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.directories.tls import context
from reconcile.errors import ConfigError, Problem
from reconcile.model import desired
from tests.servers import ber
from tests.servers.certificates import Authority, Certificate
from tests.servers.proxy import Proxy, listening, proxy
from tests.servers.reading import count, refused
from tests.servers.slapd import PASSWORD, SUFFIX, Slapd, free_port, slapd
from tests.servers.sources import Known, ldif, people, source
from tests.servers.stand_in import stand_in, success

pytestmark = pytest.mark.server


def trusted(authority: Authority, **changes: str) -> desired.Tls:
    return desired.Tls(**({"mode": "starttls", "ca_file": str(authority.file)} | changes))


@pytest.fixture
def with_certificate(tmp_path: Path) -> Iterator[Callable[[Certificate], Slapd]]:
    with ExitStack() as stack:
        yield lambda certificate: stack.enter_context(
            slapd(tmp_path / "slapd", ldif(people(1)), certificate=certificate)
        )


def test_start_tls_with_a_certificate_for_the_address(secure: Slapd, authority: Authority) -> None:
    assert count(source(secure.url, tls=trusted(authority))) == 10


def test_ldaps_with_a_certificate_for_the_address(secure: Slapd, authority: Authority) -> None:
    assert count(source(secure.ldaps_url, tls=trusted(authority, mode="ldaps"))) == 10


def test_an_ldaps_url_is_protected_from_the_first_byte_also_in_the_default_mode(
    secure: Slapd, authority: Authority
) -> None:
    assert count(source(secure.ldaps_url, tls=trusted(authority))) == 10


def test_a_server_reached_by_address_may_prove_another_name(
    secure: Slapd, authority: Authority
) -> None:
    assert count(source(secure.url, tls=trusted(authority, server_name="ldap.example.com"))) == 10


@pytest.mark.parametrize("mode", ["starttls", "ldaps"])
def test_a_certificate_for_another_host(secure: Slapd, authority: Authority, mode: str) -> None:
    url = secure.url if mode == "starttls" else secure.ldaps_url
    message = refused(
        source(url, tls=trusted(authority, mode=mode, server_name="other.example.com"))
    )
    assert f"{url}: the server's certificate is refused: Hostname mismatch" in message
    assert "other.example.com" in message
    assert "set tls.server_name" in message


@pytest.mark.parametrize("mode", ["starttls", "ldaps"])
def test_a_certificate_for_another_address(
    with_certificate: Callable[[Certificate], Slapd], authority: Authority, mode: str
) -> None:
    running = with_certificate(authority.issue("elsewhere", ["ldap.example.com"], ["192.0.2.1"]))
    url = running.url if mode == "starttls" else running.ldaps_url
    message = refused(source(url, tls=trusted(authority, mode=mode)))
    assert "IP address mismatch, certificate is not valid for '127.0.0.1'" in message


@pytest.mark.parametrize("mode", ["starttls", "ldaps"])
def test_an_expired_certificate(
    with_certificate: Callable[[Certificate], Slapd], authority: Authority, mode: str
) -> None:
    running = with_certificate(authority.issue("expired", [], ["127.0.0.1"], days=-1))
    url = running.url if mode == "starttls" else running.ldaps_url
    message = refused(source(url, tls=trusted(authority, mode=mode)))
    assert (
        "the server's certificate is refused: certificate has expired; it has to be renewed"
        in message
    )


@pytest.mark.parametrize("name", ["stranger", "ca"])  # the latter is that of the right one
@pytest.mark.parametrize("mode", ["starttls", "ldaps"])
def test_a_certificate_of_a_foreign_authority(
    secure: Slapd, tmp_path: Path, mode: str, name: str
) -> None:
    url = secure.url if mode == "starttls" else secure.ldaps_url
    stranger = Authority(tmp_path, name)
    message = refused(source(url, tls=trusted(stranger, mode=mode)))
    assert f"{url}: the server's certificate is refused: " in message
    assert (
        f"the CA that issued it is not in {stranger.file}: set tls.ca_file to a file in PEM that holds it"
        in message
    )


def test_the_system_authorities_do_not_know_ours(secure: Slapd) -> None:
    message = refused(source(secure.url, tls=desired.Tls()))
    assert (
        f"the CA that issued it is not in {context.system_file()} (the system's): set tls.ca_file"
        in message
    )


@pytest.mark.parametrize("mode", ["starttls", "ldaps"])
def test_a_servers_own_certificate_may_be_trusted_by_itself(
    secure: Slapd, authority: Authority, mode: str
) -> None:
    url = secure.url if mode == "starttls" else secure.ldaps_url
    own = authority.file.with_name("good.crt")
    assert count(source(url, tls=trusted(authority, mode=mode, ca_file=str(own)))) == 10
    message = refused(
        source(url, tls=trusted(authority, mode=mode, ca_file=str(own.with_name("none.crt"))))
    )
    assert "No such file" in message


def test_what_newer_versions_of_python_ask_of_certificates_is_not_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Those that Samba makes for itself name no key of their authority, which the strict rules of OpenSSL refuse."""
    usual = ssl.create_default_context

    def strict(**given: Any) -> ssl.SSLContext:
        made = usual(**given)
        made.verify_flags |= ssl.VERIFY_X509_STRICT
        return made

    monkeypatch.setattr(ssl, "create_default_context", strict)
    flags = context.context(desired.Tls()).verify_flags
    assert not flags & ssl.VERIFY_X509_STRICT
    assert flags & ssl.VERIFY_X509_PARTIAL_CHAIN
    assert context.context(desired.Tls()).check_hostname


def test_unchecked_certificates_are_a_loud_warning(
    secure: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    assert (
        count(source(secure.url, tls=desired.Tls(verify="none", server_name="who.example.com")))
        == 10
    )
    assert "CERTIFICATES ARE NOT CHECKED" in caplog.text


def test_a_ca_file_that_is_not_there(tmp_path: Path) -> None:
    missing = str(tmp_path / "missing.pem")
    message = refused(source("ldap://127.0.0.1:1", tls=desired.Tls(ca_file=missing)))
    assert (
        f"the CA file {missing} (tls.ca_file) cannot be used: No such file or directory" in message
    )


def test_a_ca_file_without_a_certificate(tmp_path: Path) -> None:
    rubbish = tmp_path / "rubbish.pem"
    rubbish.write_text("nothing")
    message = refused(source("ldap://127.0.0.1:1", tls=desired.Tls(ca_file=str(rubbish))))
    assert (
        f"the CA file {rubbish} (tls.ca_file) cannot be used: holds no certificate in PEM"
        in message
    )


def test_a_ca_file_as_windows_exports_it(
    secure: Slapd, authority: Authority, tmp_path: Path
) -> None:
    """In DER, which OpenSSL and libldap do not read; the command in the message makes of it what they do."""
    binary = tmp_path / "domain ca.cer"
    binary.write_bytes(ssl.PEM_cert_to_DER_cert(authority.file.read_text()))
    message = refused(source(secure.url, tls=desired.Tls(ca_file=str(binary))))
    assert (
        f"the CA file {binary} (tls.ca_file) cannot be used: it is in DER; `openssl x509 -inform der"
        in message
    )
    subprocess.run(message.split("`")[1], shell=True, check=True, timeout=20)
    assert count(source(secure.url, tls=desired.Tls(ca_file=f"{binary}.pem"))) == 10


def test_start_tls_that_is_not_offered_never_falls_back(server: Slapd) -> None:
    message = refused(source(server.url, tls=desired.Tls()))
    assert (
        f"{server.url}: StartTLS failed: protocolError (unsupported extended operation)" in message
    )
    assert "nothing was sent in clear text" in message


def test_nothing_but_the_request_for_tls_is_sent_to_a_server_that_refuses_it() -> None:
    operations: list[int] = []

    def serve(client: socket.socket) -> None:
        with client:
            data = client.recv(65536)
            number, operation = ber.taken_apart(data)
            operations.append(operation)
            client.sendall(ber.message(number, ber.result(ber.EXTENDED_RESPONSE, 2, said="what?")))
            while rest := client.recv(65536):
                operations.append(ber.taken_apart(rest)[1])

    with listening(serve) as port:
        message = refused(source(f"ldap://127.0.0.1:{port}", tls=desired.Tls()))
    assert "protocolError (what?)" in message
    assert [operation for operation in operations if operation != ber.UNBIND] == [ber.EXTENDED]


def test_the_next_server_is_used_when_the_first_cannot_be_trusted(
    secure: Slapd, server: Slapd, authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    assert count(source(server.url, secure.url, tls=trusted(authority))) == 10
    assert f"{server.url}: StartTLS failed" in caplog.text


def test_clear_text_is_a_warning(server: Slapd, caplog: pytest.LogCaptureFixture) -> None:
    count(source(server.url))
    assert f"corp: the password is sent in clear text to {server.url}" in caplog.text
    assert PASSWORD not in caplog.text


def test_a_server_that_wants_tls(secure: Slapd) -> None:
    message = refused(source(secure.url))
    assert "result 13 (confidentialityRequired)" in message
    assert "set tls.mode to starttls or ldaps" in message


def test_a_source_that_requires_signing_never_binds_in_clear_text(
    secure: Slapd, authority: Authority
) -> None:
    with proxy(secure.port) as watched:
        message = refused(source(watched.url, require_signing=True))
        assert watched.connections == 0
    assert "require_signing: true, but tls.mode is none: nothing was sent" in message
    assert "Set tls.mode to starttls or ldaps" in message
    for url, mode in ((secure.url, "starttls"), (secure.ldaps_url, "ldaps")):
        assert count(source(url, tls=trusted(authority, mode=mode), require_signing=True)) == 10


def test_an_anonymous_bind_is_a_warning(server: Slapd, caplog: pytest.LogCaptureFixture) -> None:
    assert count(source(server.url, bind=desired.Bind(anonymous=True))) == 10
    assert "the bind is anonymous" in caplog.text


def test_wrong_credentials_are_said_at_once_and_not_tried_elsewhere(server: Slapd) -> None:
    with proxy(server.port) as first, proxy(server.port) as second:
        bind = desired.Bind(dn=f"cn=admin,{SUFFIX}", password=Known("no-such-word"))
        message = refused(source(first.url, second.url, bind=bind))
        assert (first.connections, second.connections) == (1, 0)
    assert (
        f"{first.url}: the bind as cn=admin,{SUFFIX} was refused: result 49 (invalidCredentials)"
        in message
    )
    assert "The DN or the password is wrong" in message
    assert "no-such-word" not in message


class Unset:
    """A secret that cannot be had."""

    def reveal(self) -> str:
        raise ConfigError(
            [
                Problem(
                    "reconcile.yml",
                    1,
                    1,
                    "sources[0].bind.password",
                    "CORP_LDAP_PASSWORD is not set",
                )
            ]
        )


def test_a_password_that_cannot_be_had_is_a_fault_of_the_configuration_and_of_no_server(
    server: Slapd, caplog: pytest.LogCaptureFixture
) -> None:
    settings = source(
        server.url, server.url, bind=desired.Bind(dn=f"cn=admin,{SUFFIX}", password=Unset())
    )
    with pytest.raises(ConfigError, match="CORP_LDAP_PASSWORD is not set"):
        count(settings)
    assert "bind" not in caplog.text, "the next server would not know it either"


def test_an_empty_password_is_refused_before_the_bind(server: Slapd) -> None:
    bind = desired.Bind(dn=f"cn=admin,{SUFFIX}", password=Known(""))
    message = refused(source(server.url, bind=bind))
    assert f"the password of cn=admin,{SUFFIX} (bind.password) is empty" in message


def test_a_password_goes_out_as_it_is_written(tmp_path: Path) -> None:
    entries = people(1)
    odd = "\u00aa\u2168 weird\u00a0\u00adword"  # SASLprep would change every one of these.
    entries[f"uid=p0,ou=people,{SUFFIX}"]["userPassword"] = [odd]
    with slapd(tmp_path / "slapd", ldif(entries)) as running:
        assert (
            count(
                source(
                    running.url,
                    bind=desired.Bind(dn=f"uid=p0,ou=people,{SUFFIX}", password=Known(odd)),
                )
            )
            == 1
        )


def test_a_busy_server_is_left_for_the_next_one(server: Slapd) -> None:
    with stand_in([], bind=ber.result(ber.BIND_RESPONSE, 51, said="full")) as busy:
        assert count(source(busy, server.url)) == 10
        assert "result 51 (busy), the server says: full" in refused(source(busy))


def test_a_busy_server_is_asked_again_where_there_is_no_other(
    caplog: pytest.LogCaptureFixture,
) -> None:
    busy, person = (
        ber.result(ber.BIND_RESPONSE, 51, said="full"),
        ber.entry(f"uid=p0,{SUFFIX}", {"uid": ["p0"]}),
    )
    answers = [success(ber.entry(SUFFIX, {})), success(person, controls=ber.page_control(b""))]
    with stand_in(answers, binds=[busy, busy]) as url:
        assert count(source(url)) == 1
    assert caplog.text.count("They are asked again") == 2
    with stand_in(answers, binds=[busy, busy, busy]) as url:
        assert "result 51 (busy)" in refused(source(url))


def test_a_server_that_takes_the_connection_and_says_nothing(server: Slapd) -> None:
    with proxy(server.port, after_bytes=0, then=Proxy.hang) as silent:
        settings = source(silent.url, timeout=desired.Timeout(connect=0.3, read=0.3))
        assert "the connection broke during the bind" in refused(settings)


def test_a_server_that_is_silent_about_tls(
    server: Slapd, secure: Slapd, authority: Authority
) -> None:
    with proxy(server.port, after_bytes=0, then=Proxy.hang) as silent:
        timeout = desired.Timeout(connect=0.3, read=5)
        assert "StartTLS failed" in refused(source(silent.url, tls=desired.Tls(), timeout=timeout))
        assert count(source(silent.url, secure.url, tls=trusted(authority), timeout=timeout)) == 10


def test_check_tells_each_step(secure: Slapd, authority: Authority) -> None:
    directory = LdapDirectory(source(secure.url, tls=trusted(authority)))
    checks = list(directory.check())
    directory.close()
    assert all(check.ok for check in checks)
    assert [check.what for check in checks] == [
        "reach server",
        "TLS",
        "bind",
        "base DN",
        "persons",
        "groups",
        "OUs",
    ]
    details = {check.what: check.detail for check in checks}
    assert details["reach server"].startswith(f"{secure.url}, 0.")
    assert details["TLS"].startswith("TLSv1.3, certificate of commonName=good, valid until 20")
    assert details["bind"] == f"cn=admin,{SUFFIX}"
    assert details["persons"].startswith(
        f"10 found below {SUFFIX} by (objectClass=inetOrgPerson) in 0."
    )
    assert details["groups"].startswith("0 found")
    assert details["OUs"].startswith("1 found")


@pytest.mark.parametrize(
    ("changes", "what", "detail"),
    [
        ({"servers": ()}, "reach server", "no server"),
        ({"tls": desired.Tls()}, "TLS", "StartTLS failed"),
        ({"tls": desired.Tls(ca_file="/none.pem")}, "TLS", "/none.pem"),
        ({"bind": desired.Bind(dn="cn=nobody", password=Known("x"))}, "bind", "invalidCredentials"),
        ({"base_dn": f"o=none,{SUFFIX}"}, "base DN", "does not exist"),
        ({"users": desired.Users(fields={}, base="ou=none")}, "persons", "does not exist"),
        ({"groups": desired.Groups(base="ou=none")}, "groups", "does not exist"),
    ],
)
def test_check_ends_with_the_step_that_fails(
    server: Slapd, changes: dict[str, object], what: str, detail: str
) -> None:
    directory = LdapDirectory(msgspec.structs.replace(source(server.url), **changes))
    checks = list(directory.check())
    directory.close()
    assert (checks[-1].what, checks[-1].ok) == (what, False)
    assert detail in checks[-1].detail
    assert all(check.ok for check in checks[:-1])


def test_check_of_a_server_that_is_down() -> None:
    url = f"ldap://127.0.0.1:{free_port()}"
    (check,) = LdapDirectory(source(url)).check()
    assert (check.what, check.ok) == ("reach server", False)
    assert "Connection refused" in check.detail


def test_check_warns_where_nothing_is_checked(secure: Slapd) -> None:
    directory = LdapDirectory(source(secure.url, tls=desired.Tls(verify="none")))
    details = {check.what: check.detail for check in directory.check()}
    directory.close()
    assert details["TLS"].endswith("the certificate is not checked (tls.verify: none)")


@pytest.mark.parametrize("mode", ["none", "starttls"])
@pytest.mark.parametrize(
    "garbage", [b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10, b"\x30\x00", b"\x30\x03\x02\x01\x01"]
)
def test_a_port_where_something_else_listens(mode: str, garbage: bytes) -> None:
    def serve(client: socket.socket) -> None:
        with client, suppress(OSError):
            client.recv(65536)
            client.sendall(garbage)

    with listening(serve) as port:
        message = refused(source(f"ldap://127.0.0.1:{port}", tls=desired.Tls(mode=mode)))
    assert "no server of the source corp can be used" in message
