"""Binding with a Kerberos ticket, on a real KDC and domain controller: who is bound, and why nobody is."""

import logging
import os
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from tests.servers import ber, sources
from tests.servers.certificates import Authority
from tests.servers.kerberos import HOST, READER, Realm, realm
from tests.servers.kerberos_library import needs_gssapi
from tests.servers.proxy import listening
from tests.servers.reading import read
from tests.servers.samba import PASSWORD, SUFFIX
from tests.servers.site import Site
from tests.servers.slapd import Slapd, free_port, program, slapd, without
from tests.servers.sources import Known, ldif, people
from tests.servers.stand_in import stand_in

pytestmark = pytest.mark.server

TICKET = desired.Bind(kerberos=True)
CLEAR = desired.Tls(mode="none", server_name=HOST)


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Realm]:
    needs_gssapi()
    with realm(
        tmp_path_factory.mktemp("realm"), authority.issue("dc1", [HOST]), persons=250
    ) as made:
        yield made


@pytest.fixture(autouse=True)
def client(domain: Realm, monkeypatch: pytest.MonkeyPatch) -> None:
    domain.enter(monkeypatch)


def source(url: str, **changes: Any) -> desired.Source:
    """What `sources.source` makes, for the domain and with a ticket."""
    changes = {
        "type": "active_directory",
        "base_dn": SUFFIX,
        "bind": TICKET,
        "tls": CLEAR,
        "page_size": 500,
    } | changes
    return sources.source(url, **changes)


def bound(settings: desired.Source) -> dict[str, str]:
    """The steps of `reconcile test`, all of which succeed."""
    directory = LdapDirectory(settings)
    try:
        checks = list(directory.check())
    finally:
        directory.close()
    assert all(check.ok for check in checks), checks
    return {check.what: check.detail for check in checks}


def refused(settings: desired.Source) -> str:
    with pytest.raises(SourceUnreadable) as caught:
        read(settings)
    assert caught.value.exit_code == 7
    return str(caught.value)


def passed_on(client: socket.socket, server: socket.socket, seen: bytearray | None = None) -> None:
    """Hands on what either side says until one of them has had enough; `seen` is all of it."""

    def copy(here: socket.socket, there: socket.socket) -> None:
        with suppress(OSError):
            while data := here.recv(65536):
                if seen is not None:
                    seen.extend(data)
                there.sendall(data)
        with suppress(OSError):
            there.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=copy, args=(server, client), daemon=True)
    back.start()
    copy(client, server)
    back.join(10)
    client.close()
    server.close()


def protected(authority: Authority) -> desired.Tls:
    return desired.Tls(mode="starttls", ca_file=str(authority.file), server_name=HOST)


def test_a_ticket_reads_what_a_password_does(domain: Realm, authority: Authority) -> None:
    domain.kinit()
    settings = source(domain.server.url, tls=protected(authority), require_signing=True)
    password = desired.Bind(dn=READER, password=Known(PASSWORD))
    persons = read(settings).persons
    assert len(persons) >= 250
    assert persons == read(msgspec.structs.replace(settings, bind=password)).persons
    assert bound(settings)["bind"] == READER


def test_over_ldaps(domain: Realm, authority: Authority) -> None:
    domain.kinit()
    tls = msgspec.structs.replace(protected(authority), mode="ldaps")
    assert bound(source(domain.server.ldaps_url, tls=tls))["bind"] == READER


@pytest.mark.parametrize("page_size", [0, 7, 500])
def test_without_tls_kerberos_encrypts(domain: Realm, authority: Authority, page_size: int) -> None:
    domain.kinit()
    settings = source(domain.server.url, require_signing=True, page_size=page_size)
    over_tls = msgspec.structs.replace(settings, tls=protected(authority))
    assert read(settings).persons == read(over_tls).persons
    assert bound(settings)["TLS"] == "none: Kerberos encrypts (tls.mode: none)"


@pytest.mark.parametrize(
    ("bind", "visible"),
    [(TICKET, False), (desired.Bind(dn=READER, password=Known(PASSWORD)), True)],
)
def test_nobody_on_the_way_can_read_along(bind: desired.Bind, visible: bool, domain: Realm) -> None:
    """The server refuses the password in clear text, but by then it has been on the way."""
    domain.kinit()
    seen = bytearray()

    def serve(client: socket.socket) -> None:
        with suppress(OSError), socket.create_connection((domain.server.address, 389)) as server:
            passed_on(client, server, seen)

    with listening(serve) as port, suppress(SourceUnreadable):
        read(source(f"ldap://127.0.0.1:{port}", bind=bind))
    assert len(seen) > 100
    assert (READER.encode() in seen) is visible
    assert b"objectClass" not in seen


class TestNoTicket:
    @pytest.fixture
    def settings(self, domain: Realm, authority: Authority) -> desired.Source:
        return source(domain.server.url, tls=protected(authority))

    def test_none_at_all(self, settings: desired.Source) -> None:
        message = refused(settings)
        assert (
            f"Kerberos gives no ticket for ldap/{HOST}: No Kerberos credentials available"
            in message
        )
        assert "Get a ticket with kinit" in message

    def test_an_expired_one(self, domain: Realm, settings: desired.Source) -> None:
        domain.kinit("reader", "-l", "1s")
        time.sleep(1.5)
        message = refused(settings)
        assert "expired" in message
        assert "Get a ticket with kinit" in message

    def test_somebody_elses(self, domain: Realm, settings: desired.Source) -> None:
        domain.kinit("other")
        principal = desired.Bind(kerberos=True, principal=READER)
        message = refused(msgspec.structs.replace(settings, bind=principal))
        assert f"Get a ticket of {READER} with kinit" in message
        domain.kinit("reader")
        assert bound(msgspec.structs.replace(settings, bind=principal))["bind"] == READER

    def test_a_key_in_a_file_is_as_good(
        self, domain: Realm, settings: desired.Source, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("KRB5_CLIENT_KTNAME", f"FILE:{domain.keytab('reader')}")
        assert bound(settings)["bind"] == READER

    def test_the_kdc_cannot_be_reached(self, domain: Realm, settings: desired.Source) -> None:
        domain.kinit()
        domain.client(f"127.0.0.1:{free_port()}")
        message = refused(settings)
        assert "Cannot contact any KDC for realm" in message
        assert "The KDC that krb5.conf names has to be reachable" in message

    def test_no_kdc_is_known(self, domain: Realm, settings: desired.Source) -> None:
        domain.kinit()
        domain.client(domain.server.address, "OTHER.TEST")
        assert "Name the realm's KDC in krb5.conf" in refused(settings)


def test_a_server_the_kdc_does_not_know_is_left_for_the_next(domain: Realm) -> None:
    domain.kinit()
    with stand_in([]) as url:
        message = refused(source(url, tls=desired.Tls(mode="none")))
        settings = source(url, tls=desired.Tls(mode="none"))
        both = msgspec.structs.replace(settings, servers=(url, domain.server.url))
        assert len(read(both).persons) >= 250
    assert (
        f"{url}: Kerberos gives no ticket for ldap/127.0.0.1: Server not found in Kerberos database"
        in message
    )
    assert "set tls.server_name" in message


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (ber.result(ber.BIND_RESPONSE, 7), "The server does not accept Kerberos (SASL GSSAPI)"),
        (ber.result(ber.BIND_RESPONSE, 8), "The server requires TLS: set tls.mode"),
        (ber.result(ber.BIND_RESPONSE, 49), "The server does not accept the ticket"),
        (ber.result(ber.BIND_RESPONSE, 51), "the bind was not answered: result 51 (busy)"),
        (ber.result(ber.BIND_RESPONSE), "without having proved who it is"),
        (ber.result(ber.BIND_RESPONSE, 14), "the bind with Kerberos failed"),
    ],
)
def test_a_server_that_answers_otherwise(domain: Realm, answer: bytes, said: str) -> None:
    domain.kinit()
    with stand_in([], bind=answer) as url:
        assert said in refused(source(url))


def test_a_server_that_wants_no_kerberos_within_tls(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with realm(tmp_path, authority.issue("strict", [HOST]), strong="yes") as strict:
        strict.enter(monkeypatch)
        strict.kinit()
        settings = source(strict.server.url, tls=protected(authority))
        assert "set tls.mode to none, and Kerberos encrypts everything" in refused(settings)
        assert bound(source(strict.server.url))["bind"] == READER


@pytest.mark.parametrize("tls", [desired.Tls(mode="none"), desired.Tls(verify="none")])
def test_the_logged_command_takes_the_ticket_too(
    domain: Realm, tls: desired.Tls, caplog: pytest.LogCaptureFixture
) -> None:
    program("ldapsearch")
    _needs_sasl()
    domain.kinit()
    caplog.set_level(logging.INFO, "reconcile.directories")
    persons = read(source(domain.server.url, tls=tls, page_size=0)).persons
    command = next(text for text in reversed(caplog.messages) if "ldapsearch" in text)
    assert " -W" not in command
    assert " -x " not in command
    assert " -Y GSSAPI " in command
    done = subprocess.run(
        command, shell=True, capture_output=True, text=True, check=True, timeout=20
    )
    assert done.stdout.count("\ndn: ") + done.stdout.startswith("dn: ") >= len(persons)


@pytest.fixture
def openldap(
    domain: Realm, tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Slapd]:
    """An OpenLDAP of the realm, which looks whether a bind is tied to its certificate."""
    _needs_sasl()
    domain.kinit()
    monkeypatch.setenv("KRB5_KTNAME", f"FILE:{domain.keytab(f'ldap/{HOST}')}")
    certificate = authority.issue("openldap", [HOST])
    lines = [f"sasl-host {HOST}", "sasl-cbinding tls-endpoint"]
    with slapd(
        tmp_path / "slapd", ldif(people(10)), certificate=certificate, first_lines=lines
    ) as running:
        yield running


def test_openldap_within_tls(openldap: Slapd, authority: Authority) -> None:
    settings = sources.source(openldap.url, bind=TICKET, tls=protected(authority))
    assert len(read(settings).persons) == 10


def test_openldap_without_tls(openldap: Slapd) -> None:
    assert len(read(sources.source(openldap.url, bind=TICKET, tls=CLEAR)).persons) == 10


def test_nobody_can_stand_between_the_ends_of_tls(openldap: Slapd, authority: Authority) -> None:
    """Somebody with another certificate for the same name, which the client trusts too, passes everything on."""
    other = authority.issue("between", [HOST])
    server_side = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server_side.load_cert_chain(other.certificate, other.key)
    client_side = ssl.create_default_context(cafile=str(authority.file))
    port = int(openldap.ldaps_url.rpartition(":")[2])

    def serve(client: socket.socket) -> None:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)) as plain:
            here = server_side.wrap_socket(client, server_side=True)
            there = client_side.wrap_socket(plain, server_hostname=HOST)
            passed_on(here, there)

    tls = msgspec.structs.replace(protected(authority), mode="ldaps")
    with listening(serve) as between:
        settings = sources.source(f"ldaps://127.0.0.1:{between}", tls=tls)
        assert (
            len(read(settings).persons) == 10
        )  # A password is passed on, and everything is read along.
        assert "invalidCredentials" in refused(msgspec.structs.replace(settings, bind=TICKET))


def test_a_plan_by_ticket(domain: Realm, authority: Authority, tmp_path: Path) -> None:
    site = Site(tmp_path, PASSWORD)
    site.environment = {
        name: value for name, value in os.environ.items() if name.startswith("KRB5")
    }
    site.write(
        {
            "name": "corp",
            "type": "active_directory",
            "servers": [domain.server.url],
            "tls": {"ca_file": str(authority.file), "server_name": HOST},
            "bind": {"kerberos": True, "principal": READER},
            "require_signing": True,
            "base_dn": SUFFIX,
            "users": {"base": "ou=Staff", "create": "all"},
        }
    )
    domain.kinit()
    site.run("apply", "--yes")
    site.run("plan", "--check")
    domain.forget()
    site.refuses(f"Get a ticket of {READER} with kinit")


def _needs_sasl() -> None:
    if not list(Path("/usr/lib").glob("*/sasl2/libgssapiv2.so")):
        without("SASL has no GSSAPI (Debian: apt-get install libsasl2-modules-gssapi-mit)")
