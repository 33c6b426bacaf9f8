"""Is a file one of authorities (`tls.ca_file`)? Looked at before any connection."""

import datetime as dt
import re
import ssl
from pathlib import Path
from typing import Final

from reconcile import files
from reconcile.directories.tls import certificates

_LARGEST: Final = 10 * 1024**2
_DER: Final = b"\x30"
_CERTIFICATE: Final = re.compile(
    rb"-----BEGIN (?:TRUSTED |X509 )?CERTIFICATE-----.*?-----END [A-Z0-9 ]*CERTIFICATE-----",
    re.DOTALL,
)
_CONSTRAINTS: Final = b"\x55\x1d\x13"
_TRUE: Final = b"\xff"


def fault(name: str) -> str:
    """Why a file cannot be used; "" if it can."""
    try:
        data = files.read(Path(name), _LARGEST + 1).data
    except FileNotFoundError:
        return f"there is no file {name}{_near(Path(name))}"
    except (OSError, ValueError) as error:
        return f"{name} cannot be read: {getattr(error, 'strerror', '') or error}"
    if not _CERTIFICATE.search(data):
        return f"{name} {_what_else(data)}: it has to hold the certificate of the CA in PEM"
    try:
        shown = [certificates.facts(der) for der in _ders(data)]
    except ValueError:
        return f"{name} holds a certificate that is damaged: export it again"
    return _expired(name, shown)


def _expired(name: str, shown: list[certificates.Facts]) -> str:
    """Whether the last of the certificates has expired."""
    last = max(each.until for each in shown)
    if last < dt.datetime.now(dt.UTC):
        subject = max(shown, key=lambda each: each.until).subject
        return f"{name} holds only what has expired: {subject}, on {last:%Y-%m-%d}"
    return ""


def doubt(name: str) -> str:
    """What a file that can be used lacks: a CA. "" for nothing."""
    ders = _ders(files.read(Path(name), _LARGEST).data)
    if any(map(_is_authority, ders)):
        return ""
    return (
        f"{name} holds the certificate of a server, and of no CA: it is trusted until the server"
        " gets a new one"
    )


def _ders(data: bytes) -> list[bytes]:
    """The certificates. Raises ValueError for one that is damaged."""
    texts = (match.group() for match in _CERTIFICATE.finditer(data))
    inner = (text.split(b"-----")[2].decode("ascii") for text in texts)
    begin, end = ssl.PEM_HEADER, ssl.PEM_FOOTER
    return [ssl.PEM_cert_to_DER_cert(f"{begin}\n{text.strip()}\n{end}") for text in inner]


def _is_authority(der: bytes) -> bool:
    """Whether it may issue others; an old one that issued itself says nothing about that."""
    value = certificates.parts(der).extensions.get(_CONSTRAINTS)
    if value is None:
        return certificates.issuer(der) == certificates.facts(der).subject
    return _TRUE in value[:6]


def _what_else(data: bytes) -> str:
    """What a file without a certificate holds."""
    if not data.strip():
        return "is empty"
    if b"PRIVATE KEY-----" in data:
        return "holds a private key"
    if data.startswith(_DER):
        return "is in DER (`openssl x509 -inform der` converts it)"
    return "holds no certificate in PEM"


def _near(path: Path) -> str:
    """A file of the same folder that may have been meant."""
    import difflib

    try:
        names = [file.name for file in path.parent.iterdir()]
    except (OSError, ValueError):
        return "" if path.parent.is_dir() else f"; there is no folder {path.parent} either"
    close = difflib.get_close_matches(path.name, names, 1, 0.7)
    return f"; did you mean {close[0]}?" if close else ""
