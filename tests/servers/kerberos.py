"""A Kerberos realm: a real KDC (Samba's), what a client's krb5.conf says of it, and tickets by kinit.

with realm(folder, certificate) as made:
    made.enter(monkeypatch)  # from here on this process is a client without a ticket
    made.kinit("reader")
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.servers.certificates import Certificate
from tests.servers.samba import PASSWORD, SUFFIX, Samba, samba
from tests.servers.slapd import program

REALM = "EXAMPLE.TEST"
HOST = "dc1.example.test"
READER = f"reader@{REALM}"
_CLIENT = """\
[libdefaults]
 default_realm = {realm}
 dns_lookup_kdc = false
 dns_lookup_realm = false
 dns_canonicalize_hostname = false
 rdns = false
 udp_preference_limit = 1
[realms]
 {realm} = {{
  kdc = {kdc}
 }}
"""


class Realm:
    """A domain controller with its KDC, and the client's files."""

    def __init__(self, server: Samba, folder: Path) -> None:
        self.server = server
        self._folder = folder
        self._cache = folder / "tickets"

    def enter(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Makes this process, and those it starts, clients of the realm, with an empty ticket cache."""
        self.forget()
        monkeypatch.setenv("KRB5CCNAME", f"FILE:{self._cache}")
        monkeypatch.setenv("KRB5_CONFIG", str(self.client(self.server.address)))
        monkeypatch.setenv("KRB5_CLIENT_KTNAME", "FILE:/nonexistent")
        monkeypatch.setenv("KRB5_KTNAME", "FILE:/nonexistent")

    def client(self, kdc: str, realm: str = REALM) -> Path:
        """A krb5.conf that looks for the KDC of the realm there."""
        file = self._folder / "krb5.conf"
        file.write_text(_CLIENT.format(realm=realm, kdc=kdc), encoding="utf-8")
        return file

    def kinit(self, name: str = "reader", *options: str) -> None:
        """Puts a ticket into the cache."""
        _run(program("kinit", "krb5-user"), *options, f"{name}@{REALM}", given=f"{PASSWORD}\n")

    def forget(self) -> None:
        """Empties the cache."""
        self._cache.unlink(missing_ok=True)

    def keytab(self, principal: str) -> Path:
        """A file with the keys of an account or a service."""
        file = self._folder / "keytab"
        file.unlink(missing_ok=True)
        settings = str(self.server.folder / "etc" / "smb.conf")
        tool = program("samba-tool", "samba")
        _run(tool, "domain", "exportkeytab", str(file), f"--principal={principal}", "-s", settings)
        return file


def _run(*command: str, given: str = "") -> None:
    done = subprocess.run(
        command,
        input=given,
        env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        | {name: value for name, value in os.environ.items() if name.startswith("KRB5")},
        text=True,
        capture_output=True,
        check=False,
        timeout=60,
    )
    if done.returncode:
        pytest.fail(f"{command[0]} failed: {(done.stdout + done.stderr)[-3000:]}")


def _steps(persons: int) -> list[list[Any]]:
    """A domain controller whose LDAP has a name in Kerberos, which it otherwise gets from DNS, and some accounts."""
    staff = f"OU=Staff,{SUFFIX}"
    names = [f"HOST/{HOST}", "HOST/DC1", f"ldap/{HOST}"]
    made: list[list[Any]] = [
        ["modify", f"CN=DC1,OU=Domain Controllers,{SUFFIX}", {"servicePrincipalName": names}],
        ["add", staff, {"objectClass": "organizationalUnit"}],
    ]
    for name in ("reader", "other"):
        values = {
            "objectClass": "user",
            "sAMAccountName": name,
            "userPrincipalName": f"{name}@{REALM.lower()}",
        }
        made.append(["add", f"CN={name},CN=Users,{SUFFIX}", values | {"userAccountControl": "544"}])
        made.append(["password", name, PASSWORD])
        made.append(["modify", f"CN={name},CN=Users,{SUFFIX}", {"userAccountControl": "66048"}])
    for number in range(persons):
        values = {
            "objectClass": "user",
            "sAMAccountName": f"p{number:03}",
            "userAccountControl": "544",
        }
        values |= {"sn": f"Person {number} ", "description": f"Person {number} " * 80}
        made.append(["add", f"CN=p{number:03},{staff}", values])
    return made


@contextmanager
def realm(
    folder: Path, certificate: Certificate, *, strong: str = "allow_sasl_over_tls", persons: int = 3
) -> Iterator[Realm]:
    """A domain with its KDC, whose reader and other account have PASSWORD, and so many persons in OU=Staff."""
    steps = _steps(persons)
    with samba(folder, steps, certificate=certificate, strong=strong, kdc=True) as server:
        server.change(
            [
                "modify",
                steps[0][1],
                {
                    "servicePrincipalName": [
                        *steps[0][2]["servicePrincipalName"],
                        f"ldap/{server.address}",
                    ]
                },
            ]
        )
        yield Realm(server, folder)
