"""What a certificate says of itself, read from its bytes."""

import datetime as dt
import hashlib
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.x509.oid import NameOID

from reconcile.directories.tls import certificates


def builder(subject: x509.Name, until: dt.datetime, key: Any) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "issuer")]))
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
        .not_valid_after(until)
    )


def der(subject: x509.Name, until: dt.datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    return (
        builder(subject, until, key)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.DER)
    )


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
        f"countryName=DE, organizationName={'Größe & Söhne' * 4}, commonName=ldap.example.com",
        until,
    )


def test_a_subject_without_a_name() -> None:
    until = dt.datetime(2031, 1, 1, tzinfo=dt.UTC)
    assert certificates.facts(der(x509.Name([]), until)) == certificates.Facts("", until)


def test_anything_else_is_no_certificate() -> None:
    whole = der(
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")]),
        dt.datetime(2031, 1, 1, tzinfo=dt.UTC),
    )
    for data in (
        b"",
        b"\x30",
        b"\x30\x00",
        b"\x30\x02\x30\x00",
        *(whole[:end] for end in range(0, len(whole), 7)),
    ):
        with pytest.raises(ValueError, match=r".+"):
            certificates.facts(data)


EC, RSA = ec.generate_private_key(ec.SECP256R1()), rsa.generate_private_key(65537, 2048)


@pytest.mark.parametrize(
    ("key", "algorithm", "options", "expected"),
    [
        (EC, hashes.SHA256(), {}, "sha256"),
        (EC, hashes.SHA384(), {}, "sha384"),
        (EC, hashes.SHA512(), {}, "sha512"),
        (RSA, hashes.SHA256(), {}, "sha256"),
        (RSA, hashes.SHA384(), {}, "sha384"),
        (RSA, hashes.SHA512(), {}, "sha512"),
        (
            RSA,
            hashes.SHA256(),
            {"rsa_padding": padding.PSS(padding.MGF1(hashes.SHA256()), 32)},
            "sha256",
        ),
        (
            RSA,
            hashes.SHA512(),
            {"rsa_padding": padding.PSS(padding.MGF1(hashes.SHA512()), 64)},
            "sha512",
        ),
        (ed25519.Ed25519PrivateKey.generate(), None, {}, None),
    ],
)
def test_the_digest_is_by_the_hash_of_the_signature(
    key: Any, algorithm: Any, options: dict[str, Any], expected: str | None
) -> None:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a")])
    made = builder(subject, dt.datetime(2031, 1, 1, tzinfo=dt.UTC), key).sign(
        key, algorithm, **options
    )
    data = made.public_bytes(serialization.Encoding.DER)
    assert certificates.digest(data) == (hashlib.new(expected, data).digest() if expected else None)


def test_anything_else_has_no_digest() -> None:
    for data in (b"", b"\x30", b"\x30\x00", b"\x30\x02\x30\x00"):
        with pytest.raises(ValueError, match=r".+"):
            certificates.digest(data)
