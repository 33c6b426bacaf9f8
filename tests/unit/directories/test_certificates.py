"""What a certificate says of itself, read from its bytes."""

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from reconcile.directories.over_python_ldap import certificates


def der(subject: x509.Name, until: dt.datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(until)
    )
    return builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize("year", [2030, 2049, 2050, 2120])
def test_subject_and_end(year: int) -> None:
    subject = x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "DE"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "Größe & Söhne" * 4),
            x509.NameAttribute(NameOID.COMMON_NAME, "ldap.example.com"),
        ]
    )
    until = dt.datetime(year, 2, 3, 4, 5, 6, tzinfo=dt.UTC)
    facts = certificates.facts(der(subject, until))
    assert facts == certificates.Facts(
        f"countryName=DE, organizationName={'Größe & Söhne' * 4}, commonName=ldap.example.com", until
    )


def test_a_subject_without_a_name() -> None:
    until = dt.datetime(2031, 1, 1, tzinfo=dt.UTC)
    assert certificates.facts(der(x509.Name([]), until)) == certificates.Facts("", until)


def test_anything_else_is_no_certificate() -> None:
    whole = der(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")]), dt.datetime(2031, 1, 1, tzinfo=dt.UTC))
    for data in (b"", b"\x30", b"\x30\x00", b"\x30\x02\x30\x00", *(whole[:end] for end in range(0, len(whole), 7))):
        with pytest.raises(ValueError, match=r".+"):
            certificates.facts(data)
