"""Servers that more than one test reads from."""

import os
from collections.abc import Iterator

import pytest

from reconcile.directories.ldap import retry
from tests.servers import samba
from tests.servers.certificates import Authority
from tests.servers.forking import Execute
from tests.servers.site import Site
from tests.servers.slapd import Slapd, slapd
from tests.servers.sources import ldif, people


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Further attempts come soon."""
    monkeypatch.setattr(retry, "PAUSES", (0.01, 0.02))


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slapd]:
    """Ten persons, in clear text."""
    with slapd(tmp_path_factory.mktemp("slapd"), ldif(people(10))) as running:
        yield running


@pytest.fixture(scope="session", autouse=True)
def domains(tmp_path_factory: pytest.TempPathFactory) -> None:
    """All processes of a test run copy one fresh domain of Samba."""
    own = tmp_path_factory.getbasetemp()
    shared = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own
    os.environ[samba.TEMPLATE] = str(shared / "samba-template")


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The CA that the source trusts."""
    return Authority(tmp_path_factory.mktemp("ca"), "ca")


@pytest.fixture(scope="session")
def secure(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Slapd]:
    """Ten persons, StartTLS and LDAPS with a certificate for 127.0.0.1 and ldap.example.com; no clear text."""
    certificate = authority.issue("good", ["ldap.example.com"], ["127.0.0.1"])
    folder = tmp_path_factory.mktemp("secure")
    with slapd(
        folder, ldif(people(10)), certificate=certificate, first_lines=["security tls=1"]
    ) as running:
        yield running


@pytest.fixture(autouse=True)
def commands(quick: Execute, monkeypatch: pytest.MonkeyPatch) -> None:
    """Sites carry their commands out quickly; where the process is the subject, a test asks for its own."""
    monkeypatch.setattr(Site, "execute", staticmethod(quick))
