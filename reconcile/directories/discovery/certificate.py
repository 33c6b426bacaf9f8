"""The certificate that a server shows, to be compared with what its administrator says."""

import datetime as dt
import hashlib
import ssl
from typing import NamedTuple

from reconcile.directories.connection.open import shown_certificate
from reconcile.directories.deadlines import TOTAL, after
from reconcile.directories.errors import TLS, NoConnection, Unusable
from reconcile.directories.search.urls import target
from reconcile.directories.tls import certificates, server_names
from reconcile.model import desired
from reconcile.model.text.printing import quoted


class ShownCertificate(NamedTuple):
    """A certificate that nothing has checked yet. Texts are printable."""

    pem: str
    fingerprint: str
    """SHA-256, as in `AB:12:…`."""
    subject: str
    issuer: str
    until: dt.datetime
    names: tuple[str, ...]
    """The hosts and addresses that it is for."""
    mismatch: str
    """Why it is not for this server by its name; "" if it is."""


def certificate(source: desired.Source) -> ShownCertificate:
    """The certificate of the source's first server; nothing is sent but the request for TLS.

    Raises NoConnection if the server does not speak TLS, SourceUnreadable.
    """
    url = source.servers[0]
    try:
        some = target(url)
        der = shown_certificate(source, some, after(source.timeout.total, TOTAL))
        facts = certificates.facts(der)
        names = server_names.names(der)
    except Unusable as error:
        raise NoConnection(error.step, f"{url}: {error}") from error
    except ValueError as error:
        raise NoConnection(TLS, f"{url}: the certificate cannot be read: {error}") from error
    return ShownCertificate(
        ssl.DER_cert_to_PEM_cert(der),
        fingerprint(der),
        quoted(facts.subject),
        quoted(certificates.issuer(der)),
        facts.until,
        tuple(quoted(name) for name in names[:20]),
        server_names.why_refused(der, source.tls.server_name or some.host),
    )


def fingerprint(der: bytes) -> str:
    """The SHA-256 fingerprint, in pairs of upper-case hexadecimal digits."""
    return hashlib.sha256(der).digest().hex(":").upper()
