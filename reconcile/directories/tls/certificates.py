"""What a certificate says, from its bytes (X.509 in DER), which TLS has already checked.

Subject and expiry are for `reconcile test`. Its digest ties a Kerberos bind to the connection.
`server_names` checks its `parts`.
"""

import datetime as dt
import hashlib
from collections.abc import Mapping
from typing import Final, NamedTuple

_INTEGER, _OID, _UTC_TIME, _SEQUENCE, _SET, _VERSION, _EXTENSIONS = (
    0x02,
    0x06,
    0x17,
    0x30,
    0x31,
    0xA0,
    0xA3,
)
_HASH_OF_PSS = 0xA0
_NAMES: Final = {
    b"\x55\x04\x03": "commonName",
    b"\x55\x04\x05": "serialNumber",
    b"\x55\x04\x06": "countryName",
    b"\x55\x04\x07": "localityName",
    b"\x55\x04\x08": "stateOrProvinceName",
    b"\x55\x04\x0a": "organizationName",
    b"\x55\x04\x0b": "organizationalUnitName",
    b"\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19": "domainComponent",
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01": "emailAddress",
}
"""As the standard library calls them."""
_WIDE: Final = {0x1E: "utf-16-be", 0x1C: "utf-32-be"}
"""String types that are neither UTF-8 nor a part of it."""

_RSA, _ECDSA, _HASHES = (
    b"\x2a\x86\x48\x86\xf7\x0d\x01\x01",
    b"\x2a\x86\x48\xce\x3d\x04",
    b"\x60\x86\x48\x01\x65\x03\x04\x02",
)
_PSS: Final = _RSA + b"\x0a"
_SIGNED_WITH: Final = {
    _RSA + b"\x04": "sha256",  # MD5, which is replaced
    _RSA + b"\x05": "sha256",  # SHA-1, which is replaced
    _RSA + b"\x0b": "sha256",
    _RSA + b"\x0c": "sha384",
    _RSA + b"\x0d": "sha512",
    _ECDSA + b"\x01": "sha256",  # SHA-1, which is replaced
    _ECDSA + b"\x03\x02": "sha256",
    _ECDSA + b"\x03\x03": "sha384",
    _ECDSA + b"\x03\x04": "sha512",
    _HASHES + b"\x01": "sha256",
    _HASHES + b"\x02": "sha384",
    _HASHES + b"\x03": "sha512",
}
"""The object identifiers of signatures, and of the hashes that RSA-PSS names, with what RFC 5929,
4.1 hashes by."""


class Facts(NamedTuple):
    """What is said of a certificate; `until` is in UTC."""

    subject: str
    until: dt.datetime


class Parts(NamedTuple):
    """About the holder: the common names in order, the extensions' values by OID."""

    common_names: tuple[str, ...]
    extensions: Mapping[bytes, bytes]


def facts(der: bytes) -> Facts:
    """Subject and expiry of a certificate. Raises ValueError if it is not one."""
    _, _, _, (_, validity), (_, subject), *_ = _signed(der)
    _, (kind, end) = elements(validity)
    return Facts(
        ", ".join(f"{name}={value}" for name, value in _pairs(subject)), _moment(kind, end)
    )


def issuer(der: bytes) -> str:
    """Who issued a certificate, as `facts` has the subject. Raises ValueError if it is not one."""
    _, _, (_, name), *_ = _signed(der)
    return ", ".join(f"{kind}={value}" for kind, value in _pairs(name))


def parts(der: bytes) -> Parts:
    """What a certificate says about its holder. Raises ValueError if it is not one."""
    _, _, _, _, (_, subject), *more = _signed(der)
    common = tuple(value for name, value in _pairs(subject) if name == "commonName")
    block = next((value for tag, value in more if tag == _EXTENSIONS), b"")
    extensions: dict[bytes, bytes] = {}
    for _, listed in elements(block):
        for _, extension in elements(listed):
            (_, oid), *_, (_, value) = elements(extension)
            extensions[oid] = value
    return Parts(common, extensions)


def _signed(der: bytes) -> list[tuple[int, bytes]]:
    """The elements of what is signed, from the serial number on."""
    (_, certificate), *_ = elements(der)
    (_, signed), *_ = elements(certificate)
    fields = elements(signed)
    if fields and fields[0][0] == _VERSION:
        del fields[0]
    if [tag for tag, _ in fields[:5]] != [_INTEGER, _SEQUENCE, _SEQUENCE, _SEQUENCE, _SEQUENCE]:
        raise ValueError("not a certificate")
    return fields


def digest(der: bytes) -> bytes | None:
    """The certificate's hash as `tls-server-end-point` (RFC 5929); None if not defined.

    Raises ValueError for bytes that are not a certificate.
    """
    (_, certificate), *_ = elements(der)
    _, (_, signature), *_ = elements(certificate)
    (_, algorithm), *parameters = elements(signature)
    if algorithm == _PSS and parameters:
        for tag, value in elements(parameters[0][1]):
            if tag == _HASH_OF_PSS:
                (_, named), *_ = elements(value)
                (_, algorithm), *_ = elements(named)
    name = _SIGNED_WITH.get(algorithm)
    return hashlib.new(name, der).digest() if name else None


def _pairs(subject: bytes) -> list[tuple[str, str]]:
    pairs = []
    for _, part in elements(subject):
        for _, pair in elements(part):
            (_, oid), (kind, value) = elements(pair)
            text = value.decode(_WIDE.get(kind, "utf-8"), "replace")
            pairs.append((_NAMES.get(oid) or oid.hex(), text))
    return pairs


def _moment(kind: int, text: bytes) -> dt.datetime:
    written = text.decode("ascii")
    if kind == _UTC_TIME:
        # RFC 5280, 4.1.2.5.1: two digits of a year, 50 is 1950.
        written = ("19" if written >= "50" else "20") + written
    return dt.datetime.strptime(written, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC)


def elements(data: bytes) -> list[tuple[int, bytes]]:
    """Tag and value of each element in a row."""
    values, position = [], 0
    while position < len(data):
        if len(data) - position < 2:
            raise ValueError("an element is cut off")
        tag, length = data[position], data[position + 1]
        start = position + 2
        if length > 0x7F:
            digits = length & 0x7F
            start += digits
            length = int.from_bytes(data[start - digits : start], "big")
        position = start + length
        if position > len(data):
            raise ValueError("an element is cut off")
        values.append((tag, data[start:position]))
    return values
