"""Whom a certificate is for and until when, from its bytes (X.509 in DER), for `reconcile test`.

libldap hands over the certificate it has checked and says nothing about it. Nothing is decided here.
"""

import datetime as dt
from typing import Final, NamedTuple

_INTEGER, _OID, _UTC_TIME, _SEQUENCE, _SET, _VERSION = 0x02, 0x06, 0x17, 0x30, 0x31, 0xA0
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


class Facts(NamedTuple):
    """What is told of a certificate; `until` is in UTC."""

    subject: str
    until: dt.datetime


def facts(der: bytes) -> Facts:
    """Subject and end of a certificate. Raises ValueError for bytes that are none."""
    (_, certificate), *_ = _elements(der)
    (_, signed), *_ = _elements(certificate)
    parts = _elements(signed)
    if parts and parts[0][0] == _VERSION:
        del parts[0]
    if [tag for tag, _ in parts[:5]] != [_INTEGER, _SEQUENCE, _SEQUENCE, _SEQUENCE, _SEQUENCE]:
        raise ValueError("not a certificate")
    _, _, _, (_, validity), (_, subject) = parts[:5]
    _, (kind, end) = _elements(validity)
    return Facts(", ".join(_pairs(subject)), _moment(kind, end))


def _pairs(subject: bytes) -> list[str]:
    found = []
    for _, part in _elements(subject):
        for _, pair in _elements(part):
            (_, oid), (kind, value) = _elements(pair)
            text = value.decode(_WIDE.get(kind, "utf-8"), "replace")
            found.append(f"{_NAMES.get(oid) or oid.hex()}={text}")
    return found


def _moment(kind: int, text: bytes) -> dt.datetime:
    written = text.decode("ascii")
    if kind == _UTC_TIME:
        # RFC 5280, 4.1.2.5.1: two digits of a year, 50 is 1950.
        written = ("19" if written >= "50" else "20") + written
    return dt.datetime.strptime(written, "%Y%m%d%H%M%SZ").replace(tzinfo=dt.UTC)


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """Tag and value of each element in a row."""
    found, position = [], 0
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
        found.append((tag, data[start:position]))
    return found
