"""TLS: one context for all servers of a source, and the check that the certificate is for the server we wanted.

ldap3 checks host names itself, after the handshake and without IP addresses in certificates it does not match as the
standard library does; here the library's own check runs inside the handshake, so that nothing is sent to a stranger.
"""

import datetime as dt
import logging
import ssl

from reconcile.directories.failures import TLS, NoConnection
from reconcile.directories.library import Tls, ldap3
from reconcile.model import desired

log = logging.getLogger("reconcile.directories")


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
        except OSError as error:
            self.failure = error
            raise


def context(tls: desired.Tls) -> ssl.SSLContext:
    """The rules for certificates. Raises NoConnection when the CA file cannot be read."""
    try:
        rules = ssl.create_default_context(cafile=tls.ca_file)
    except (OSError, ValueError) as error:
        why = "holds no certificate in PEM" if isinstance(error, ssl.SSLError) else getattr(error, "strerror", error)
        raise NoConnection(TLS, f"the CA file {tls.ca_file} (tls.ca_file) cannot be used: {why}") from error
    if tls.verify == "none":
        rules.check_hostname = False
        rules.verify_mode = ssl.CERT_NONE
    return rules


def reason(error: OSError) -> str:
    """Why a handshake failed, and what to do about it."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS failed: {_short(error)}"
    text = f"the server's certificate is refused: {error.verify_message.rstrip('.')}"
    if "expired" in text or "not yet valid" in text:
        return f"{text}; it has to be renewed on the server"
    if "mismatch" in text.lower():
        return f"{text}; set tls.server_name to a name the certificate is for"
    if "issuer" in text or "self-signed" in text or "self signed" in text:
        return f"{text}; set tls.ca_file to the CA that issued it"
    return text


def _short(error: OSError) -> str:
    return str(getattr(error, "reason", None) or error.strerror or error)


def described(connection: ldap3.Connection) -> str:
    """Protocol, certificate subject and expiry of a protected connection, for `reconcile test`."""
    protocol = connection.socket.version()
    certificate = connection.socket.getpeercert()
    if not certificate:
        return f"{protocol}, the certificate is not checked (tls.verify: none)"
    subject = ", ".join(f"{name}={value}" for part in certificate["subject"] for name, value in part)
    until = dt.datetime.fromtimestamp(ssl.cert_time_to_seconds(certificate["notAfter"]), dt.UTC)
    return f"{protocol}, certificate of {subject or 'nobody'}, valid until {until:%Y-%m-%d}"
