"""One connection to a server, as bytes: in clear text, within TLS, or encrypted by Kerberos.

Every wait has an end. Whichever library writes and reads the messages, none of them ever waits: all
waiting is done here. A byte is not an answer, so a server that sends one byte at a time gains no
time by it.
"""

import datetime as dt
import socket
import ssl
from contextlib import suppress
from typing import Any, Final, Protocol

from reconcile.directories.connection import messages
from reconcile.directories.connection.kerberos_sealing import Seal, SealedSocket
from reconcile.directories.deadlines import Deadline, Overdue
from reconcile.directories.tls import context, server_names
from reconcile.model.text.printing import quoted

_READ_SIZE: Final = 1 << 20


class TooLarge(Exception):
    """A message is too large; none of it was collected."""

    def __init__(self, size: int) -> None:
        """`size` is in bytes, as the head of the message says it."""
        self.size = size
        super().__init__(f"a message of {size} bytes")


class _Bytes(Protocol):
    def recv(self, size: int) -> bytes: ...
    def sendall(self, data: bytes) -> None: ...


class _Timed:
    """A socket whose calls all share one deadline."""

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self.socket = connected
        self.deadline = deadline

    def recv(self, size: int) -> bytes:
        self.socket.settimeout(self.deadline.left())
        try:
            return self.socket.recv(size)
        except TimeoutError as error:
            raise Overdue(self.deadline) from error

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            self.socket.settimeout(self.deadline.left())
            try:
                view = view[self.socket.send(view) :]
            except TimeoutError as error:
                raise Overdue(self.deadline) from error


class Wire:
    """Whole messages in both directions.

    `deadline` is when the next call has to be over; it may be set at any time.
    """

    def __init__(self, connected: socket.socket, deadline: Deadline) -> None:
        self._timed = _Timed(connected, deadline)
        self._bytes: _Bytes = self._timed
        self.rest = b""
        """What has arrived but is not a whole message yet, or was not requested."""

    @property
    def deadline(self) -> Deadline:
        """The deadline for what is waited for."""
        return self._timed.deadline

    @deadline.setter
    def deadline(self, deadline: Deadline) -> None:
        self._timed.deadline = deadline

    def protect(self, rules: ssl.SSLContext, name: str) -> None:
        """Shakes hands.

        Raises OSError unless the certificate is one for `name`, a host name or an address. This is
        checked before anything is sent to a stranger.
        """
        plain = self._timed.socket
        # Until the end: a handshake has one deadline for all of its messages.
        plain.settimeout(self.deadline.left())
        try:
            protected = rules.wrap_socket(
                plain, server_hostname=name, do_handshake_on_connect=False
            )
            self._timed.socket = protected
            protected.do_handshake()
        except TimeoutError as error:
            raise Overdue(self.deadline) from error
        if rules.verify_mode == ssl.CERT_NONE:
            return
        if why := server_names.why_refused(self.certificate(), name):
            refused = ssl.SSLCertVerificationError(1, why)
            refused.verify_message = why
            raise refused

    def encrypt(self, seal: Seal) -> None:
        """From now on Kerberos encrypts both directions."""
        self._bytes = SealedSocket(self._timed, seal)

    def certificate(self) -> bytes:
        """The server's certificate in DER; empty without TLS."""
        protected = self._timed.socket
        return (
            (protected.getpeercert(binary_form=True) or b"")
            if isinstance(protected, ssl.SSLSocket)
            else b""
        )

    def described(self) -> str:
        """Protocol, certificate subject and expiry, for `reconcile test`; "" without TLS."""
        protected = self._timed.socket
        if not isinstance(protected, ssl.SSLSocket):
            return ""
        protocol = str(protected.version())
        certificate: dict[str, Any] | None = protected.getpeercert()
        if not certificate:
            return context.described_unchecked(protocol)
        subject = ", ".join(
            f"{name}={value}" for part in certificate["subject"] for name, value in part
        )
        until = dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), dt.UTC)
        return context.described(protocol, quoted(subject), until)

    def send(self, data: bytes) -> None:
        """Raises OSError; Overdue if the server accepts nothing."""
        self._bytes.sendall(data)

    def receive(self, largest: int) -> bytes:
        """What has arrived, at least one whole message.

        What follows the last whole one goes back into `rest`. Raises OSError, ValueError for what
        is not LDAP, and TooLarge before a message that is too large is collected.
        """
        chunks = [self.rest]
        have, needed = len(self.rest), messages.size(self.rest, 0)
        while have < needed or not needed:
            if needed > largest:
                raise TooLarge(needed)
            chunk = self._chunk()
            chunks.append(chunk)
            have += len(chunk)
            if not needed:
                # Known from the first few bytes on; after that chunks are only collected.
                chunks = [b"".join(chunks), b""]
                needed = messages.size(chunks[0], 0)
        if needed > largest:
            raise TooLarge(needed)
        self.rest = b""
        return b"".join(chunks)

    def unasked(self) -> bytes:
        """What has arrived so far, without waiting. Raises OSError."""
        if self._bytes is self._timed:
            self._timed.socket.settimeout(0)
            with suppress(BlockingIOError, ssl.SSLWantReadError):
                chunk = self._timed.socket.recv(_READ_SIZE)
                if not chunk:
                    raise ConnectionResetError("the server closed the connection")
                self.rest += chunk
        return self.rest

    def close(self) -> None:
        """Lets go of the connection."""
        with suppress(OSError):
            self._timed.socket.shutdown(socket.SHUT_RDWR)
        self._timed.socket.close()

    def _chunk(self) -> bytes:
        chunk = self._bytes.recv(_READ_SIZE)
        if not chunk:
            raise ConnectionResetError("the server closed the connection")
        return chunk
