"""Is a certificate valid for this server? The answer agrees with all usual clients.

OpenSSL, which the standard library uses, and the GnuTLS or OpenSSL within other LDAP clients each
check names and purposes in their own way, and each accepts some certificates that another refuses.
What any of them refuses is refused here: a common name for an address, or in addition to other
names; a wildcard for all of `com`; a certificate for another purpose.
"""

import ipaddress
import re
from collections.abc import Iterable
from typing import Final

from reconcile.directories.tls import certificates
from reconcile.directories.tls.certificates import Parts

_ALT_NAME, _KEY_USAGE, _PURPOSES = b"\x55\x1d\x11", b"\x55\x1d\x0f", b"\x55\x1d\x25"
_NETSCAPE_TYPE: Final = b"\x60\x86\x48\x01\x86\xf8\x42\x01\x01"
_DNS, _ADDRESS = 0x82, 0x87
_OF_SERVERS: Final = frozenset(
    {
        b"\x2b\x06\x01\x05\x05\x07\x03\x01",  # serverAuth
        b"\x2b\x06\x01\x04\x01\x82\x37\x0a\x03\x03",  # Microsoft's older one
        b"\x60\x86\x48\x01\x86\xf8\x42\x04\x01",  # Netscape's
    }
)
"""Extended key usages of a server. OpenSSL does not count "any purpose" among them."""
_SIGN, _ENCIPHER, _AGREE, _NETSCAPE_SERVER = 0x80, 0x20, 0x08, 0x40
_WILDCARD: Final = re.compile(r"\*(?:\.[a-z0-9]+(?:-+[a-z0-9]+)*){2,}")
"""The whole first label, with at least two labels after it."""
_LABEL: Final = re.compile(r"[a-z0-9-]+")


def why_refused(der: bytes, name: str) -> str:
    """Why a certificate (in DER) is not valid for a host name or address; "" if it is."""
    try:
        parts = certificates.parts(der)
        if not _for_servers(parts):
            return "unsuitable certificate purpose"
        alternatives = _alternatives(parts)
    except ValueError as error:
        return f"it cannot be read ({error})"
    address = _address(name)
    if address:
        what, fits = "IP address", (_ADDRESS, address) in alternatives
    else:
        what, fits = "Hostname", _is_for_host(parts, alternatives, _host(name))
    return "" if fits else f"{what} mismatch, certificate is not valid for {name!r}"


def names(der: bytes) -> list[str]:
    """The host names, then the addresses, that a certificate (in DER) is for.

    Raises ValueError for bytes that are not a certificate.
    """
    parts = certificates.parts(der)
    if _ALT_NAME not in parts.extensions:
        return list(parts.common_names[-1:])
    alternatives = _alternatives(parts)
    hosts = [value.decode("latin-1") for tag, value in alternatives if tag == _DNS]
    addresses = [value for tag, value in alternatives if tag == _ADDRESS and len(value) in (4, 16)]
    return [*hosts, *(str(ipaddress.ip_address(value)) for value in addresses)]


def _address(name: str) -> bytes:
    """The bytes of an address; none for a host name."""
    try:
        return ipaddress.ip_address(name).packed
    except ValueError:
        return b""


def _host(name: str) -> str:
    """A host name as certificates have it; "" if it is invalid."""
    try:
        return (name if name.isascii() else name.encode("idna").decode()).lower()
    except ValueError:
        return ""


def _is_for_host(parts: Parts, alternatives: Iterable[tuple[int, bytes]], host: str) -> bool:
    """Whether one of the names is the host's; the common name counts if there is no other."""
    if _ALT_NAME not in parts.extensions:
        # Samba makes such certificates for itself. Of several common names libldap takes the last.
        return any(_matches(common, host) for common in parts.common_names[-1:])
    return any(
        _matches(value.decode("latin-1"), host) for tag, value in alternatives if tag == _DNS
    )


def _matches(written: str, host: str) -> bool:
    pattern = written.lower()
    if pattern == host:
        return bool(host)
    label, dot, rest = host.partition(".")
    return (
        bool(dot)
        and pattern == f"*.{rest}"
        and bool(_WILDCARD.fullmatch(pattern) and _LABEL.fullmatch(label))
    )


def _alternatives(parts: Parts) -> list[tuple[int, bytes]]:
    """The names among the subject's alternative ones, each after its tag."""
    listed = certificates.elements(parts.extensions.get(_ALT_NAME, b""))
    return [name for _, names in listed for name in certificates.elements(names)]


def _for_servers(parts: Parts) -> bool:
    """Whether the certificate may be used for this purpose; one that states no purpose may."""
    purposes = parts.extensions.get(_PURPOSES)
    if purposes is not None:
        ((_, listed),) = certificates.elements(purposes)
        if _OF_SERVERS.isdisjoint(oid for _, oid in certificates.elements(listed)):
            return False
    usage, kind = _bits(parts, _KEY_USAGE), _bits(parts, _NETSCAPE_TYPE)
    return bool(usage & (_SIGN | _ENCIPHER | _AGREE)) and bool(kind & _NETSCAPE_SERVER)


def _bits(parts: Parts, oid: bytes) -> int:
    """The first eight bits of a bit string; all set if there is none."""
    value = parts.extensions.get(oid)
    if value is None:
        return 0xFF
    ((_, bits),) = certificates.elements(value)
    return bits[1] if len(bits) > 1 else 0
