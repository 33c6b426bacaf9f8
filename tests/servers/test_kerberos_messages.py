"""What goes to and fro in a bind with Kerberos, with the server's part played by the test and its real key."""

import hashlib
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from reconcile.directories.errors import NoConnection, Result, Unusable
from reconcile.directories.search.urls import target
from reconcile.model import desired
from tests.servers.certificates import Authority
from tests.servers.kerberos import HOST, READER, Realm, realm
from tests.servers.kerberos_library import needs_gssapi
from tests.servers.sources import source

pytestmark = pytest.mark.server

SOURCE = source(f"ldap://{HOST}", bind=desired.Bind(kerberos=True))
PLAIN, SIGNED, ENCRYPTED = 1, 2, 4


@pytest.fixture(scope="module")
def domain(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Realm]:
    needs_gssapi()
    with realm(tmp_path_factory.mktemp("realm"), authority.issue("dc1", [HOST])) as made:
        yield made


@pytest.fixture
def key(domain: Realm, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The server's key; the client has a ticket."""
    domain.enter(monkeypatch)
    domain.kinit()
    return domain.keytab(f"ldap/{HOST}")


class Server:
    """The other side of `kerberos.bind`; `ask` is what it calls."""

    def __init__(self, key: Path, offer: bytes, tie: bytes | None = None) -> None:
        import gssapi

        self._error = gssapi.exceptions.GSSError  # type: ignore[attr-defined]
        self.context = gssapi.SecurityContext(
            usage="accept",
            creds=gssapi.Credentials(usage="accept", store={"keytab": f"FILE:{key}"}),
            channel_bindings=None
            if tie is None
            else gssapi.raw.ChannelBindings(application_data=tie),
        )
        self._offer: bytes | None = offer
        self.chosen = b""

    def ask(self, message: bytes) -> tuple[Result, bytes]:
        try:
            if not self.context.complete:
                return Result(14, "", ""), self.context.step(message)
            if self._offer is not None:
                assert message == b""
                offer, self._offer = self._offer, None
                return Result(14, "", ""), self.context.wrap(offer, False).message
            self.chosen = self.context.unwrap(message).message
        except self._error as error:
            return Result(49, "", str(error)), b""
        return Result(0, "", ""), b""


def bind(server: Server, certificate: bytes | None) -> Any:
    from reconcile.directories.connection import kerberos

    return kerberos.bind(SOURCE, target(SOURCE.servers[0]), certificate, server.ask)


def offer(bits: int, largest: int = 0xFFFF) -> bytes:
    return bytes([bits]) + largest.to_bytes(3, "big")


def certificate(authority: Authority) -> bytes:
    from cryptography import x509
    from cryptography.hazmat.primitives.serialization import Encoding

    pem = authority.issue("tied", [HOST]).certificate.read_bytes()
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def test_within_tls_nothing_is_encrypted_twice(key: Path) -> None:
    server = Server(key, offer(PLAIN | SIGNED | ENCRYPTED))
    assert bind(server, b"") == (READER, None)
    assert server.chosen == offer(PLAIN, 0)
    assert str(server.context.initiator_name) == READER


def test_a_bind_is_tied_to_the_certificate(key: Path, authority: Authority) -> None:
    shown = certificate(authority)
    tie = b"tls-server-end-point:" + hashlib.sha256(shown).digest()
    assert bind(Server(key, offer(PLAIN), tie), shown).name == READER
    with pytest.raises(Unusable, match="the bind with Kerberos failed"):
        bind(Server(key, offer(PLAIN), tie), certificate(authority))


def test_a_certificate_that_cannot_be_read_ties_nothing(key: Path) -> None:
    assert bind(Server(key, offer(PLAIN)), b"no certificate").name == READER


def test_without_tls_everything_is_encrypted(key: Path) -> None:
    server = Server(key, offer(SIGNED | ENCRYPTED, 200))
    seal = bind(server, None).seal
    assert server.chosen == offer(ENCRYPTED, 0xFFFFFF)
    text = b"cn=somebody" * 100
    sent, received = seal.sealed(text), b""
    assert b"somebody" not in sent
    while sent:
        length = int.from_bytes(sent[:4], "big")
        assert length <= 200
        received += server.context.unwrap(sent[4 : 4 + length]).message
        sent = sent[4 + length :]
    assert received == text
    assert seal.opened(server.context.wrap(text, True).message) == text


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (
            lambda wrap: wrap(b"cn=somebody", True).message[:-1] + b"?",
            "not what the server encrypted",
        ),
        (
            lambda wrap: [wrap(b"cn=left out", True), wrap(b"cn=somebody", True)][1].message,
            "not what the server encrypted",
        ),
        (lambda wrap: wrap(b"cn=somebody", False).message, "is not encrypted"),
        (lambda wrap: b"", "not what the server encrypted"),
    ],
    ids=["changed", "one left out", "signed only", "empty"],
)
def test_what_was_changed_or_only_signed_is_not_taken(
    key: Path, spoil: Callable[..., bytes], said: str
) -> None:
    server = Server(key, offer(ENCRYPTED))
    seal = bind(server, None).seal
    with pytest.raises(OSError, match=said):
        seal.opened(spoil(server.context.wrap))


@pytest.mark.parametrize("bits", [0, PLAIN, SIGNED, PLAIN | SIGNED])
def test_a_server_that_lets_kerberos_encrypt_nothing(key: Path, bits: int) -> None:
    server = Server(key, offer(bits))
    with pytest.raises(NoConnection, match="lets Kerberos encrypt nothing, and there is no TLS"):
        bind(server, None)
    assert server.chosen == b""


def test_a_server_that_insists_on_encrypting_within_tls(key: Path) -> None:
    with pytest.raises(
        NoConnection, match=r"set tls\.mode to none, and Kerberos encrypts everything"
    ):
        bind(Server(key, offer(SIGNED | ENCRYPTED)), b"")


@pytest.mark.parametrize(
    "told",
    [b"", b"\x01\x00\x00", b"\x01\x00\x00\x00\x00", offer(ENCRYPTED, 0), offer(ENCRYPTED, 9)],
)
def test_an_offer_that_is_none(key: Path, told: bytes) -> None:
    with pytest.raises(Unusable, match="the bind with Kerberos failed"):
        bind(Server(key, told), None)


class Plainly:
    """A seal that seals nothing."""

    def sealed(self, data: bytes) -> bytes:
        return data

    def opened(self, piece: bytes) -> bytes:
        return piece


@pytest.fixture
def ends() -> Iterator[tuple[Any, socket.socket]]:
    """A socket whose pieces are opened, and the other end."""
    needs_gssapi()
    from reconcile.directories.connection.kerberos_sealing import SealedSocket

    here, there = socket.socketpair()
    here.settimeout(5)
    sealed = SealedSocket(here, cast("Any", Plainly()))
    with there:
        yield sealed, there
        here.close()


def test_pieces_are_read_whole_and_given_as_asked(ends: tuple[Any, socket.socket]) -> None:
    sealed, there = ends
    there.sendall(b"\0\0\0\5first\0\0\0\0\0\0\0\6second")
    there.shutdown(socket.SHUT_WR)
    assert [sealed.recv(3), sealed.recv(3), sealed.recv(99), sealed.recv(99)] == [
        b"fir",
        b"st",
        b"second",
        b"",
    ]
    sealed.sendall(b"answer")
    assert there.recv(99) == b"answer"


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"\0\0", "in the middle of what it encrypted"),
        (b"\0\0\0\5fir", "in the middle of what it encrypted"),
        (b"\0\0\0\5", "in the middle of what it encrypted"),
        (b"\1\0\0\0", "16777216 bytes of Kerberos at once"),
    ],
)
def test_pieces_that_are_none(ends: tuple[Any, socket.socket], sent: bytes, said: str) -> None:
    sealed, there = ends
    there.sendall(sent)
    there.shutdown(socket.SHUT_WR)
    with pytest.raises(OSError, match=said):
        sealed.recv(99)
