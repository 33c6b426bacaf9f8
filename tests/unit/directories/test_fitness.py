"""Names and purposes of certificates, to the letter."""

import datetime as dt
import ipaddress

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from reconcile.directories.tls.server_names import why_refused

KEY = ec.generate_private_key(ec.SECP256R1())
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
USAGES = (
    "digital_signature", "content_commitment", "key_encipherment", "data_encipherment", "key_agreement",
    "key_cert_sign", "crl_sign", "encipher_only", "decipher_only",
)  # fmt: skip


def certificate(
    *names: str,
    common: tuple[str, ...] = (),
    others: tuple[x509.ExtensionType, ...] = (),
    address: str = "",
) -> bytes:
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, one) for one in common])
    made: list[x509.GeneralName] = [x509.DNSName(name) for name in names]
    made += [x509.IPAddress(ipaddress.ip_address(address))] if address else []
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(KEY.public_key())
    )
    builder = (
        builder.serial_number(1).not_valid_before(START).not_valid_after(START + dt.timedelta(1))
    )
    for extension in (*((x509.SubjectAlternativeName(made),) if made else ()), *others):
        builder = builder.add_extension(extension, critical=True)
    return builder.sign(KEY, hashes.SHA256()).public_bytes(serialization.Encoding.DER)


@pytest.mark.parametrize(
    ("pattern", "host", "fits"),
    [
        ("ldap.example.com", "LDAP.example.com", True),
        ("LDAP.Example.COM", "ldap.example.com", True),
        ("example.com", "ldap.example.com", False),
        ("*.example.com", "ldap.example.com", True),
        ("*.EXAMPLE.com", "ldap.example.COM", True),
        ("*.example.com", "example.com", False),
        ("*.example.com", ".example.com", False),
        ("*.example.com", "a.b.example.com", False),
        ("*.example.com", "a_b.example.com", False),
        ("*.com", "example.com", False),
        ("*", "example", False),
        ("l*.example.com", "ldap.example.com", False),
        ("*p.example.com", "ldap.example.com", False),
        ("ldap.*.com", "ldap.example.com", False),
        ("*.*.com", "ldap.example.com", False),
        ("*.-x.example.com", "ldap.-x.example.com", False),
        ("*.xn--mller-kva.com", "ldap.m\u00fcller.com", True),
        ("xn--mller-kva.com", "m\u00fcller.com", True),
        ("ldap.example.com.", "ldap.example.com", False),
        (".example.com", "ldap.example.com", False),
    ],
)
def test_host_names(pattern: str, host: str, fits: bool) -> None:
    why = "" if fits else f"Hostname mismatch, certificate is not valid for {host!r}"
    assert why_refused(certificate("other.example.com", pattern), host) == why


def test_a_common_name_stands_for_a_host_where_there_is_no_other_name_and_never_for_an_address() -> (
    None
):
    assert why_refused(certificate(common=("ldap.example.com",)), "ldap.example.com") == ""
    assert why_refused(certificate(common=("x", "ldap.example.com")), "ldap.example.com") == ""
    assert "Hostname mismatch" in why_refused(
        certificate(common=("ldap.example.com", "x")), "ldap.example.com"
    )
    beside = certificate("other.example.com", common=("ldap.example.com",))
    assert "Hostname mismatch" in why_refused(beside, "ldap.example.com")
    beside = certificate(common=("ldap.example.com",), address="192.0.2.1")
    assert "Hostname mismatch" in why_refused(beside, "ldap.example.com")
    assert "Hostname mismatch" in why_refused(certificate(), "ldap.example.com")
    for address in ("192.0.2.1", "2001:db8::1"):
        assert "IP address mismatch" in why_refused(certificate(common=(address,)), address)


@pytest.mark.parametrize("written", ["2001:db8::1", "2001:DB8:0:0:0:0:0:1", "192.0.2.1"])
def test_addresses(written: str) -> None:
    assert (
        why_refused(certificate(address="2001:db8::1" if ":" in written else written), written)
        == ""
    )
    assert "IP address mismatch" in why_refused(certificate(address="192.0.2.2"), written)


@pytest.mark.parametrize("usage", USAGES[:7])
def test_what_a_key_may_be_used_for(usage: str) -> None:
    extension = x509.KeyUsage(**{name: name == usage for name in USAGES})
    why = why_refused(certificate("a.b", others=(extension,)), "a.b")
    assert bool(why) is (usage not in {"digital_signature", "key_encipherment", "key_agreement"})


@pytest.mark.parametrize(
    ("types", "fits"),
    [(b"\x03\x02\x06\x40", True), (b"\x03\x02\x07\x80", False), (b"\x03\x01\x00", False)],
)
def test_the_type_that_netscape_had(types: bytes, fits: bool) -> None:
    extension = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.16.840.1.113730.1.1"), types)
    assert bool(why_refused(certificate("a.b", others=(extension,)), "a.b")) is not fits


@pytest.mark.parametrize("at", range(0, 300, 7))
def test_what_is_no_certificate_is_none_for_anybody(at: int) -> None:
    whole = certificate("a.b")
    assert why_refused(whole[: min(at, len(whole) - 1)], "a.b")
