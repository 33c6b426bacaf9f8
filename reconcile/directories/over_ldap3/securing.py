"""The check that the certificate is for the server we wanted, inside the handshake.

ldap3 checks host names itself, after the handshake, and IP addresses in certificates it does not match as the standard
library does; here the library's own check runs before anything is sent to a stranger.
"""

import datetime as dt
import ssl

from reconcile.directories import fitness, securing
from reconcile.directories.library import Tls, ldap3


class CheckedTls(Tls):
    """Wraps a connection's socket as the context says; remembers why a handshake failed, which ldap3 forgets."""

    def __init__(self, context: ssl.SSLContext, server_name: str) -> None:
        """`server_name` is a host name or an IP address that the certificate has to be for."""
        super().__init__()
        self._context = context
        self._server_name = server_name
        self.failure: OSError | None = None

    def wrap_socket(self, connection: ldap3.Connection, do_handshake: bool = False) -> None:  # noqa: ARG002 - ldap3 asks for a handshake always
        """ldap3 calls this for LDAPS and after a successful StartTLS."""
        try:
            connection.socket = self._context.wrap_socket(connection.socket, server_hostname=self._server_name)
            self._check(connection.socket)
        except OSError as error:
            self.failure = error
            raise

    def _check(self, protected: ssl.SSLSocket) -> None:
        """Raises SSLCertVerificationError for a certificate that another library would refuse."""
        if self._context.verify_mode == ssl.CERT_NONE:
            return
        if why := fitness.why_refused(protected.getpeercert(binary_form=True) or b"", self._server_name):
            error = ssl.SSLCertVerificationError(1, why)
            error.verify_message = why
            raise error


def described(connection: ldap3.Connection) -> str:
    """Protocol, certificate subject and expiry of a protected connection."""
    protocol = connection.socket.version()
    certificate = connection.socket.getpeercert()
    if not certificate:
        return securing.described_unchecked(protocol)
    subject = ", ".join(f"{name}={value}" for part in certificate["subject"] for name, value in part)
    until = dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), dt.UTC)
    return securing.described(protocol, subject, until)
