"""A real slapd in a temporary folder, on a free port of the loopback interface.

    with slapd(folder, ldif) as server:
        ...  # server.url, server.admin, server.password

Nothing is left when the block ends. Where slapd is not installed the test is skipped; under CI that
is a failure.
"""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

from tests.servers.certificates import Certificate

SUFFIX = "dc=example,dc=com"
PASSWORD = "Geheim-für-Tests"
SCHEMA = Path("/etc/ldap/schema")
_PATH = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/usr/lib/openldap"])
_PATIENCE = 20.0

BASE = f"""\
dn: {SUFFIX}
objectClass: dcObject
objectClass: organization
dc: example
o: Example
"""
"""The suffix entry, to put in front of other entries."""


@dataclass(frozen=True)
class Slapd:
    """A running server."""

    url: str
    port: int
    process: subprocess.Popen[bytes]
    suffix: str = SUFFIX
    password: str = PASSWORD
    ldaps_url: str = ""

    @property
    def admin(self) -> str:
        """The DN that may read everything."""
        return f"cn=admin,{self.suffix}"

    def kill(self) -> None:
        """Ends the server at once, as a crash would."""
        self.process.kill()
        self.process.wait(_PATIENCE)

    def stop(self) -> None:
        """Ends the server, by its own shutdown where it still can."""
        self.process.terminate()
        try:
            self.process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()


def program(name: str, packages: str = "slapd ldap-utils") -> str:
    """The path of a server's program; skips the test where it is not installed, fails under CI."""
    found = shutil.which(name, path=_PATH)
    if found is None:
        without(f"{name} is not installed (Debian: apt-get install {packages})")
    return found


def without(reason: str) -> NoReturn:
    """Skips the test for what is not there; fails it under CI."""
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def slapd(
    folder: Path,
    ldif: str,
    *,
    suffix: str = SUFFIX,
    certificate: Certificate | None = None,
    lines: Sequence[str] = (),
    first_lines: Sequence[str] = (),
) -> Iterator[Slapd]:
    """Starts slapd over the entries of `ldif` and waits until it answers.

    `certificate` switches StartTLS and LDAPS on. `lines` go into the database's part of slapd.conf
    (`access to …`, `sizelimit 10`, `overlay ppolicy`), `first_lines` into the global part
    (`security tls=1`). Without a `sizelimit` among them there is none.
    """
    daemon, slapadd = program("slapd"), program("slapadd")
    folder.mkdir(parents=True, exist_ok=True)
    configuration = _configuration(folder, suffix, certificate, lines, first_lines)
    _load(slapadd, configuration, ldif)
    server = _start(daemon, configuration, suffix, ldaps=certificate is not None)
    try:
        yield server
    finally:
        server.stop()


def _configuration(
    folder: Path,
    suffix: str,
    certificate: Certificate | None,
    lines: Sequence[str],
    first_lines: Sequence[str],
) -> Path:
    database = folder / "database"
    database.mkdir()
    text = [
        f"include {SCHEMA / name}.schema" for name in ("core", "cosine", "inetorgperson", "nis")
    ]
    text += [
        "modulepath /usr/lib/ldap",
        "moduleload back_mdb",
        "moduleload ppolicy",
        "moduleload memberof",
    ]
    text += [f"pidfile {folder / 'slapd.pid'}"]
    if certificate is not None:
        text += [
            f"TLSCACertificateFile {certificate.ca}",
            f"TLSCertificateFile {certificate.certificate}",
            f"TLSCertificateKeyFile {certificate.key}",
        ]
    text += first_lines
    text += [
        "database mdb",
        "maxsize 1073741824",
        f'suffix "{suffix}"',
        f'rootdn "cn=admin,{suffix}"',
    ]
    text += [f"rootpw {PASSWORD}", f"directory {database}", "dbnosync"]
    if not any(line.startswith("sizelimit") for line in lines):
        text += ["sizelimit unlimited"]
    text += lines
    file = folder / "slapd.conf"
    file.write_text("\n".join([*text, ""]), encoding="utf-8")
    return file


def _load(slapadd: str, configuration: Path, ldif: str) -> None:
    done = subprocess.run(
        [slapadd, "-q", "-f", configuration],
        input=ldif.encode(),
        capture_output=True,
        check=False,
        timeout=60 + len(ldif) / 500_000,
    )
    if done.returncode:
        pytest.fail(f"slapadd refused the entries: {done.stderr.decode(errors='replace')}")


def _start(daemon: str, configuration: Path, suffix: str, *, ldaps: bool) -> Slapd:
    # Somebody else may take a free port before slapd does; then slapd ends at once and another one
    # is chosen.
    for _ in range(5):
        port, ldaps_port = free_port(), free_port()
        listeners = f"ldap://127.0.0.1:{port}/"
        if ldaps:
            listeners += f" ldaps://127.0.0.1:{ldaps_port}/"
        with (configuration.parent / "log").open("wb") as log:
            # -d keeps slapd in the foreground, so that the process we know is the server.
            process = subprocess.Popen(
                [daemon, "-d", "0", "-f", configuration, "-h", listeners],
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        if _answers(process, port) and (not ldaps or _answers(process, ldaps_port)):
            return Slapd(
                url=f"ldap://127.0.0.1:{port}",
                port=port,
                process=process,
                suffix=suffix,
                ldaps_url=f"ldaps://127.0.0.1:{ldaps_port}" if ldaps else "",
            )
        if process.poll() is None:
            process.kill()
            process.wait(_PATIENCE)
    return pytest.fail(
        f"slapd does not start: {(configuration.parent / 'log').read_text(errors='replace')}"
    )


def _answers(process: subprocess.Popen[bytes], port: int) -> bool:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.01)
        else:
            return True
    return False


def modify(running: Slapd, changes: str) -> None:
    """Changes, as LDIF, by the administrator."""
    command = ["ldapmodify", "-x", "-H", running.url, "-D", running.admin, "-w", running.password]
    subprocess.run(command, input=changes, text=True, check=True, capture_output=True)
