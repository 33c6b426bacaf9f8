"""Which certificates of a server are taken, and which are refused."""

import ipaddress
from collections.abc import Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import ExtendedKeyUsageOID as Purpose

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.model import desired
from tests.servers.certificates import Authority
from tests.servers.reading import count, refused
from tests.servers.slapd import slapd
from tests.servers.sources import ldif, people, source

pytestmark = pytest.mark.server

HOST, ADDRESS = "ldap.example.com", "127.0.0.1"


def alternatives(*names: str) -> list[x509.ExtensionType]:
    """`*` and letters make a host name, digits an address, an `@` a mail address."""
    made: list[x509.GeneralName] = []
    for name in names:
        if "@" in name:
            made.append(x509.RFC822Name(name))
        elif name[0].isdigit():
            made.append(x509.IPAddress(ipaddress.ip_address(name)))
        else:
            made.append(x509.DNSName(name))
    return [x509.SubjectAlternativeName(made)]


def purposes(*wanted: x509.ObjectIdentifier) -> list[x509.ExtensionType]:
    return [*alternatives(HOST), x509.ExtendedKeyUsage(list(wanted))]


@pytest.mark.parametrize(
    ("common_names", "extensions", "wanted", "why"),
    [
        ([ADDRESS], [], "", "IP address mismatch, certificate is not valid for '127.0.0.1'"),
        ([ADDRESS], alternatives(HOST), "", "IP address mismatch"),
        (["x"], alternatives("127.0.0.2", ADDRESS), "", ""),
        ([HOST], [], HOST, ""),
        ([HOST], [], HOST.upper(), ""),
        (
            [HOST],
            alternatives("other.example.com"),
            HOST,
            "Hostname mismatch, certificate is not valid for",
        ),
        ([HOST], alternatives(ADDRESS), HOST, "Hostname mismatch"),
        ([HOST], alternatives("a@example.com"), HOST, "Hostname mismatch"),
        ([HOST, "other.example.com"], [], HOST, "Hostname mismatch"),
        (["x"], alternatives("*.example.com"), HOST, ""),
        (["x"], alternatives("*.com"), "example.com", "Hostname mismatch"),
        (["x"], alternatives("*.example.com"), "a.b.example.com", "Hostname mismatch"),
        (["x"], purposes(Purpose.SERVER_AUTH, Purpose.CLIENT_AUTH), HOST, ""),
        (["x"], purposes(Purpose.CLIENT_AUTH), HOST, "unsuitable certificate purpose"),
        (["x"], purposes(Purpose.ANY_EXTENDED_KEY_USAGE), HOST, "unsuitable certificate purpose"),
    ],
)
def test_whom_a_certificate_is_for(
    tmp_path: Path,
    authority: Authority,
    common_names: Sequence[str],
    extensions: Sequence[x509.ExtensionType],
    wanted: str,
    why: str,
) -> None:
    certificate = authority.issue_with("one", common_names, extensions)
    with slapd(tmp_path / "slapd", ldif(people(1)), certificate=certificate) as running:
        settings = [
            source(
                running.url,
                tls=desired.Tls(ca_file=str(authority.file), server_name=wanted or None),
            )
        ]
        if not wanted:
            settings += [
                source(
                    running.ldaps_url, tls=desired.Tls(mode="ldaps", ca_file=str(authority.file))
                )
            ]
        for some in settings:
            if why:
                assert f"the server's certificate is refused: {why}" in refused(some)
            else:
                assert count(some) == 1
        unchecked = source(running.url, tls=desired.Tls(verify="none"))
        assert count(unchecked) == 1


def test_who_logs_in_gives_no_password_to_a_server_with_a_certificate_for_another_name(
    tmp_path: Path, authority: Authority
) -> None:
    certificate = authority.issue_with("address", [ADDRESS], [])
    with slapd(tmp_path / "slapd", ldif(people(1)), certificate=certificate) as running:
        directory = LdapDirectory(source(running.url, tls=desired.Tls(ca_file=str(authority.file))))
        with pytest.raises(Exception, match="IP address mismatch"):
            directory.refusal("uid=p0,ou=people,dc=example,dc=com", "secret")


def test_a_weak_key_is_refused(tmp_path: Path, authority: Authority) -> None:
    weak = rsa.generate_private_key(65537, 1024)
    certificate = authority.issue_with("weak", ["x"], alternatives(ADDRESS), key=weak)
    with slapd(tmp_path / "slapd", ldif(people(1)), certificate=certificate) as running:
        assert "certificate is refused" in refused(
            source(running.url, tls=desired.Tls(ca_file=str(authority.file)))
        )
