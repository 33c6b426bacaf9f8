"""The bind with a Kerberos ticket: SASL's mechanism GSSAPI (RFC 4752).

The ticket comes from where libkrb5 finds it (KRB5CCNAME, or a key in KRB5_CLIENT_KTNAME), the
server's from the KDC. Within TLS the bind is tied to the server's certificate (RFC 5929) and
nothing is encrypted twice, which Active Directory would refuse. Without TLS, Kerberos encrypts
everything that follows, or there is no bind.

The one place that imports gssapi, which is an extra: this module is imported only when a source
binds like that.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final, NamedTuple, TypeAlias

import gssapi
from gssapi.exceptions import ExpiredCredentialsError, MissingCredentialsError
from gssapi.raw import ChannelBindings
from gssapi.raw.misc import GSSError

from reconcile.directories.connection import bind as binding
from reconcile.directories.connection.kerberos_sealing import LARGEST
from reconcile.directories.deadlines import CONNECT, TOTAL, Deadline, Overdue, after, within
from reconcile.directories.errors import BIND, IN_PROGRESS, NoConnection, Result, Unusable
from reconcile.directories.search.urls import Target
from reconcile.directories.tls import certificates
from reconcile.model import desired

MECHANISM: Final = "GSSAPI"

Ask: TypeAlias = Callable[[bytes], tuple[Result, bytes]]
"""Sends one message of the mechanism; gives the server's result and its own message, which may be
empty."""

_PLAIN, _ENCRYPTED = 1, 4
"""What may follow the bind, as bits of RFC 4752, 3.3; signing alone (2) is not offered here."""
_FLAG = gssapi.RequirementFlag

# libkrb5's own codes (krb5_err).
_NO_SUCH_SERVICE, _OVER, _SKEW, _NO_TICKET = -1765328377, -1765328352, -1765328347, -1765328243
_NO_KDC, _KDC_SILENT = -1765328230, -1765328228
_KINIT: Final = "Get a ticket{whose} with kinit, or name a file with its key in KRB5_CLIENT_KTNAME."
_ADVICE: Final = {
    _NO_SUCH_SERVICE: "The KDC knows no service {service}: write the host name of the server's "
    "servicePrincipalName in servers, or set tls.server_name to it.",
    _SKEW: "Set this machine's clock.",
    _NO_KDC: "Name the realm's KDC in krb5.conf.",
    _KDC_SILENT: "The KDC that krb5.conf names has to be reachable from here.",
    _NO_TICKET: _KINIT,
    _OVER: _KINIT,
}


class Seal:
    """What encrypts and signs both directions of a connection once Kerberos has bound it."""

    def __init__(self, context: gssapi.SecurityContext, largest: int) -> None:
        """`largest` is how many bytes the server accepts at once.

        Raises ValueError if nothing fits.
        """
        self._context = context
        self._piece = context.get_wrap_size_limit(largest, True)
        if self._piece < 1:
            raise ValueError(f"the server takes {largest} bytes at once")

    def sealed(self, data: bytes) -> bytes:
        """The bytes to send, each piece after its length. Raises OSError."""
        try:
            pieces = [
                self._context.wrap(data[start : start + self._piece], True).message
                for start in range(0, len(data), self._piece)
            ]
        except GSSError as error:
            raise OSError(f"Kerberos cannot encrypt: {_said(error)}") from error
        return b"".join(len(piece).to_bytes(4, "big") + piece for piece in pieces)

    def opened(self, piece: bytes) -> bytes:
        """The content of a piece.

        Raises OSError if the server did not encrypt it, or if it was changed on the way.
        """
        try:
            opened = self._context.unwrap(piece)
        except GSSError as error:
            raise OSError(f"what came is not what the server encrypted: {_said(error)}") from error
        if not opened.encrypted:
            raise OSError("what came is not encrypted")
        data: bytes = opened.message
        return data


class Bound(NamedTuple):
    """The bound account, and what encrypts the connection from now on; None within TLS."""

    name: str
    seal: Seal | None


Begun: TypeAlias = tuple[str, gssapi.SecurityContext, bytes | None]
"""Name, context and first token, once the KDC has given a ticket."""


def _from_kdc(some: Target, service: str, deadline: Deadline, begun: Callable[[], Begun]) -> Begun:
    """The result of `begun`, which asks the KDC; it has to answer in time."""
    try:
        return within(deadline, begun)
    except Overdue as error:
        if error.deadline.setting == TOTAL:
            raise
        text = (
            f"Kerberos gives no ticket for {service}: the KDC gives {error}. {_ADVICE[_KDC_SILENT]}"
        )
        raise NoConnection(BIND, f"{some.url}: {text}") from error


def bind(
    source: desired.Source,
    some: Target,
    certificate: bytes | None,
    ask: Ask,
    deadline: Deadline | None = None,
) -> Bound:
    """Binds through `ask`.

    `certificate` is the server's, in DER; None without TLS. Raises NoConnection if there is no
    ticket or the server refuses it, Unusable if another server may do better, Overdue if the KDC
    has not answered by the deadline.
    """
    service = f"ldap/{source.tls.server_name or some.host}"
    deadline = deadline or after(source.timeout.connect, CONNECT)

    def begun() -> Begun:
        try:
            credentials = _credentials(source)
            context = _context(credentials, service, certificate)
            return str(credentials.name), context, context.step()
        except GSSError as error:  # here, for another thread does not know what libkrb5 says of it
            raise _no_ticket(source, some, service, error) from error

    name, context, token = _from_kdc(some, service, deadline, begun)

    def answered(token: bytes | None) -> bytes:
        result, said = ask(token or b"")
        if result.code == IN_PROGRESS:
            return said
        binding.accepted(source, some, result, name)
        raise ValueError("the server reports success without having proved who it is")

    wanted = _ENCRYPTED if certificate is None else _PLAIN
    try:
        while not context.complete:
            token = context.step(answered(token))
        offered, largest = _offered(context.unwrap(answered(token)).message)
        if not offered & wanted:
            raise NoConnection(BIND, f"{some.url}: {_NOT_OFFERED[wanted]}")
        seal = Seal(context, largest) if wanted == _ENCRYPTED else None
        ours = LARGEST if seal else 0
        result, _ = ask(context.wrap(bytes([wanted]) + ours.to_bytes(3, "big"), False).message)
    except (GSSError, ValueError) as error:
        said = _said(error) if isinstance(error, GSSError) else error
        raise Unusable(BIND, f"the bind with Kerberos failed: {said}") from error
    binding.accepted(source, some, result, name)
    return Bound(name, seal)


_NOT_OFFERED: Final = {
    _PLAIN: "the server requires Kerberos encryption within TLS, which is not done: set tls.mode "
    "to none, and Kerberos encrypts everything.",
    _ENCRYPTED: "the server lets Kerberos encrypt nothing, and there is no TLS: set tls.mode to "
    "starttls or ldaps.",
}


def _credentials(source: desired.Source) -> gssapi.Credentials:
    if not source.bind.principal:
        return gssapi.Credentials(usage="initiate")
    name = gssapi.Name(source.bind.principal, gssapi.NameType.kerberos_principal)
    return gssapi.Credentials(name=name, usage="initiate")


def _context(
    credentials: gssapi.Credentials, service: str, certificate: bytes | None
) -> gssapi.SecurityContext:
    flags = int(_FLAG.mutual_authentication | _FLAG.out_of_sequence_detection)
    if certificate is None:
        flags |= _FLAG.integrity | _FLAG.confidentiality
    return gssapi.SecurityContext(
        name=gssapi.Name(service.replace("/", "@", 1), gssapi.NameType.hostbased_service),
        creds=credentials,
        mech=gssapi.MechType.kerberos,
        flags=flags,
        usage="initiate",
        channel_bindings=_tie(certificate),
    )


def _tie(certificate: bytes | None) -> ChannelBindings | None:
    """What the server can compare with its own certificate, to detect anyone in between."""
    digest = None
    with suppress(ValueError):  # TLS took it as it is
        digest = certificates.digest(certificate) if certificate else None
    return (
        None
        if digest is None
        else ChannelBindings(application_data=b"tls-server-end-point:" + digest)
    )


def _offered(message: bytes) -> tuple[int, int]:
    """The bits of what the server offers, and how many bytes it takes at once.

    Raises ValueError.
    """
    if len(message) != 4:
        raise ValueError(f"the server's offer has {len(message)} bytes")
    return message[0], int.from_bytes(message[1:], "big")


def _no_ticket(
    source: desired.Source, some: Target, service: str, error: GSSError
) -> NoConnection | Unusable:
    """Why libkrb5 gave up before anything was sent to the server, and what to do about it."""
    # The code is a signed number that GSSAPI hands over without its sign.
    code = error.min_code - (error.min_code >> 31 << 32)
    if isinstance(error, ExpiredCredentialsError | MissingCredentialsError):
        code = _NO_TICKET
    whose = f" of {source.bind.principal}" if source.bind.principal else ""
    advice = _ADVICE.get(code, "Ask the Kerberos administrators.").format(
        service=service, whose=whose
    )
    text = f"Kerberos gives no ticket for {service}: {_said(error)}. {advice}"
    # Another server has another name; for other missing things, no server can help.
    return (
        Unusable(BIND, text)
        if code == _NO_SUCH_SERVICE
        else NoConnection(BIND, f"{some.url}: {text}")
    )


def _said(error: GSSError) -> str:
    """Only the reason; GSSAPI's own text has numbers around it."""
    reason = ", ".join(error.get_all_statuses(error.min_code, False))
    # Where the mechanism has nothing to add its reason is that all is well.
    return (
        ", ".join(error.get_all_statuses(error.maj_code, True))
        if reason in {"", "Success"}
        else reason
    )
