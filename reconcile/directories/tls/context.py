"""TLS: the rules for certificates, why they refuse one, and what is said of one they accept."""

import datetime as dt
import errno
import logging
import shlex
import ssl
from contextlib import suppress
from pathlib import Path

from reconcile import files
from reconcile.directories.errors import TLS, NoConnection, Unusable
from reconcile.directories.search.urls import Target
from reconcile.model import desired

_DER = b"\x30"
_LARGEST = 10 * 1024**2
"""Bytes of a CA file; those of a whole system have a quarter of a megabyte."""

log = logging.getLogger("reconcile.directories")


def context(tls: desired.Tls) -> ssl.SSLContext:
    """The rules for certificates. Raises NoConnection when the CA file cannot be read."""
    try:
        if tls.ca_file is not None:
            _refuse_endless(Path(tls.ca_file))
        rules = ssl.create_default_context(cafile=tls.ca_file)
    except (OSError, ValueError) as error:
        why = (
            _no_pem(tls.ca_file or "")
            if isinstance(error, ssl.SSLError)
            else getattr(error, "strerror", error)
        )
        raise NoConnection(
            TLS, f"the CA file {tls.ca_file} (tls.ca_file) cannot be used: {why}"
        ) from error
    # Newer versions of Python trust whatever the file holds, a server's own certificate too, as
    # libldap does; and they refuse what is not written as RFC 5280 has it, such as what Samba makes
    # for itself. Here all do the same.
    rules.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    rules.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if tls.verify == "none":
        rules.check_hostname = False
        rules.verify_mode = ssl.CERT_NONE
    return rules


def _refuse_endless(file: Path) -> None:
    """Raises OSError for what OpenSSL would wait for, or read for ever."""
    if len(files.read(file, _LARGEST + 1).data) > _LARGEST:
        raise OSError(errno.EFBIG, f"it is larger than {_LARGEST // 1024**2} MiB")


def _no_pem(file: str) -> str:
    with suppress(OSError):
        if files.read(Path(file), len(_DER)).data == _DER:
            name = shlex.quote(file)
            command = f"openssl x509 -inform der -in {name} -out {name}.pem"
            return f"it is in DER; `{command}` makes a file in PEM of it"
    return "holds no certificate in PEM"


def system_file() -> str | None:
    """The file in which the system keeps the authorities that `context` trusts, if there is one."""
    paths = ssl.get_default_verify_paths()
    if paths.cafile:
        return paths.cafile
    bundle = (
        Path(paths.capath or "/") / "ca-certificates.crt"
    )  # Debian makes it out of what the folder holds
    return str(bundle) if bundle.is_file() else None


def reason(error: OSError, tls: desired.Tls) -> str:
    """Why a handshake failed, and what to do about it."""
    if not isinstance(error, ssl.SSLCertVerificationError):
        return f"TLS failed: {_short(error)}"
    return refused(error.verify_message, tls)


def refused(why: str, tls: desired.Tls) -> str:
    """Why a certificate is refused, and what to do about it."""
    text = f"the server's certificate is refused: {why.rstrip('.')}"
    if "expired" in text or "not yet valid" in text:
        return f"{text}; it has to be renewed on the server"
    if "mismatch" in text.lower():
        return f"{text}; set tls.server_name to a name the certificate is for"
    if any(word in text for word in ("issuer", "self-signed", "self signed", "signature failure")):
        file = tls.ca_file or f"{system_file() or 'the authorities'} (the system's)"
        advice = "set tls.ca_file to a file in PEM that holds it"
        return f"{text}; the CA that issued it is not in {file}: {advice}"
    return text


def _short(error: OSError) -> str:
    return str(getattr(error, "reason", None) or error.strerror or error)


def not_started(why: str) -> Unusable:
    """The error for a server that does not start TLS."""
    return Unusable(TLS, f"StartTLS failed: {why}; nothing was sent in clear text")


def unusual(some: Target) -> str:
    """What may be the matter with a server that speaks otherwise than expected, by its port."""
    if some.ldaps and some.port == 389:
        return "; port 389 usually is for StartTLS: write ldap://, with tls.mode: starttls"
    return (
        "; port 636 usually is for LDAPS: write ldaps://"
        if not some.ldaps and some.port == 636
        else ""
    )


def described(protocol: str, subject: str, until: dt.datetime) -> str:
    """A protected connection, for `reconcile test`.

    `protocol` is as in "TLSv1.3", `subject` as in "commonName=ldap".
    """
    return f"{protocol}, certificate of {subject or 'nobody'}, valid until {until:%Y-%m-%d}"


def described_none(source: desired.Source) -> str:
    """As `described`, where there is no TLS."""
    what = "Kerberos encrypts" if source.bind.kerberos else "clear text"
    return f"none: {what} (tls.mode: none)"


def described_unchecked(protocol: str) -> str:
    """As `described`, where any certificate is accepted."""
    return f"{protocol}, the certificate is not checked (tls.verify: none)"
