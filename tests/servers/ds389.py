"""A real 389 Directory Server (ns-slapd) in a temporary folder, on free ports of the loopback interface.

    with ds389(folder, ldif) as server:
        ...  # server.url, server.admin, server.password

Its configuration is made from the template that comes with the package, so that nothing outside of
the folder is written or has to be removed. Where it is not installed the test is skipped; under CI
that is a failure.
"""

import hashlib
import os
import re
import shutil
import socket
import subprocess
import time
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.servers.certificates import Certificate
from tests.servers.slapd import PASSWORD, SUFFIX, free_port, program, without

_PACKAGES = "389-ds-base"
_DATA = Path("/usr/share/dirsrv/data")
_CONFIG = Path("/etc/dirsrv")
_PATIENCE = 30.0

_BACKEND = """
dn: cn=userroot,cn=ldbm database,cn=plugins,cn=config
objectClass: top
objectClass: extensibleObject
objectClass: nsBackendInstance
cn: userroot
nsslapd-suffix: {suffix}
nsslapd-directory: {folder}/db/userroot

dn: cn="{suffix}",cn=mapping tree,cn=config
objectClass: top
objectClass: extensibleObject
objectClass: nsMappingTree
cn: {suffix}
nsslapd-state: backend
nsslapd-backend: userroot
"""


@dataclass(frozen=True)
class Ds389:
    """A running server."""

    url: str
    ldaps_url: str
    port: int
    process: subprocess.Popen[bytes]
    suffix: str = SUFFIX
    admin: str = "cn=Directory Manager"
    password: str = PASSWORD

    def stop(self) -> None:
        """Ends the server at once: nothing of it is kept, and its own shutdown takes seconds."""
        self.process.kill()
        self.process.wait(_PATIENCE)


@contextmanager
def ds389(
    folder: Path,
    ldif: str,
    *,
    schema: str = "",
    settings: Mapping[str, str] | None = None,
    certificate: Certificate | None = None,
) -> Iterator[Ds389]:
    """Starts ns-slapd over the entries of `ldif` and waits until it answers.

    `schema` is a schema file in LDIF, `settings` are attributes of cn=config (`nsslapd-sizelimit:
    6`), `certificate` switches StartTLS and LDAPS on.
    """
    daemon = program("ns-slapd", _PACKAGES)
    if os.geteuid() != 0:
        # It could run as anybody, but its schema and its template are readable by root and dirsrv
        # alone.
        without("ns-slapd is started by root only")
    config = _prepared(folder, schema)
    if certificate is not None:
        _certified(config, certificate)
    server: Ds389 | None = None
    # Somebody else may take a free port before ns-slapd does; then it ends at once and another one
    # is chosen.
    for attempt in range(5):
        ports = free_port(), free_port()
        _configure(folder, ports, dict(settings or {}), secure=certificate is not None)
        if attempt == 0:
            _load(daemon, folder, ldif)
        server = _start(daemon, folder, ports)
        if server is not None:
            break
    if server is None:
        pytest.fail(
            f"ns-slapd does not start: {(folder / 'log' / 'errors').read_text(errors='replace')[-3000:]}"
        )
    try:
        yield server
    finally:
        server.stop()


def _prepared(folder: Path, schema: str) -> Path:
    for name in (
        "config/schema",
        "lock",
        "ldif",
        "bak",
        "run",
        "log",
        "db/userroot",
        "tmp",
        "inst",
    ):
        (folder / name).mkdir(parents=True)
    config = folder / "config"
    for name in ("slapd-collations.conf", "certmap.conf"):
        shutil.copy(_CONFIG / "config" / name, config)
    shutil.copy(_CONFIG / "schema" / "99user.ldif", config / "schema")
    if schema:
        (config / "schema" / "98tests.ldif").write_text(schema, encoding="utf-8")
    return config


def _configure(
    folder: Path, ports: tuple[int, int], settings: dict[str, str], *, secure: bool
) -> None:
    values = {
        "bak_dir": folder / "bak",
        "cert_dir": folder / "config",
        "config_dir": folder / "config",
        "db_dir": folder / "db",
        "db_home_dir": folder / "db",
        "db_lib": "bdb",
        "ds_passwd": _hashed(PASSWORD),
        "ds_port": ports[0],
        "ds_suffix": SUFFIX,
        "ds_user": "root",
        "fqdn": "localhost.localdomain",
        "inst_dir": folder / "inst",
        "ldapi": folder / "run" / "ldapi",
        "ldapi_autobind": "off",
        "ldapi_enabled": "off",
        "ldif_dir": folder / "ldif",
        "lock_dir": folder / "lock",
        "log_dir": folder / "log",
        "rootdn": "cn=Directory Manager",
        "run_dir": folder / "run",
        "schema_dir": folder / "config" / "schema",
        "tmp_dir": folder / "tmp",
    }
    template = (_DATA / "template-dse.ldif").read_text(encoding="utf-8")
    text = re.sub(r"%([a-z_]+)%", lambda match: str(values[match[1]]), template)
    settings = {
        "nsslapd-listenhost": "127.0.0.1",
        "nsslapd-securelistenhost": "127.0.0.1",
    } | settings
    if secure:
        settings |= {"nsslapd-security": "on", "nsslapd-securePort": str(ports[1])}
    own = "".join(f"{name}: {value}\n" for name, value in settings.items())
    text = text.replace("nsslapd-ldapimaprootdn:", f"{own}nsslapd-ldapimaprootdn:", 1)
    (folder / "config" / "dse.ldif").write_text(
        text.rstrip() + "\n" + _BACKEND.format(suffix=SUFFIX, folder=folder), encoding="utf-8"
    )


def _hashed(password: str) -> str:
    """As the server stores it; clear text is refused in its configuration."""
    salt, rounds = os.urandom(24), 10_000
    key = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds, 64)
    return f"{{PBKDF2-SHA512}}{rounds}${b64encode(salt).decode()}${b64encode(key).decode()}"


def _certified(config: Path, certificate: Certificate) -> None:
    """Puts a certificate into the NSS database that the server reads its own from."""
    database, both = f"sql:{config}", config / "both.p12"
    certutil, pk12util = (program(name, "libnss3-tools") for name in ("certutil", "pk12util"))
    for command in (
        [certutil, "-N", "-d", database, "--empty-password"],
        [certutil, "-A", "-d", database, "-n", "ca", "-t", "CT,,", "-a", "-i", certificate.ca],
        [
            program("openssl", "openssl"),
            "pkcs12",
            "-export",
            "-in",
            certificate.certificate,
            "-inkey",
            certificate.key,
            "-name",
            "Server-Cert",
            "-passout",
            "pass:x",
            "-out",
            both,
        ],
        [pk12util, "-d", database, "-i", both, "-W", "x"],
    ):
        _run(command)


def _load(daemon: str, folder: Path, ldif: str) -> None:
    file = folder / "ldif" / "entries.ldif"
    file.write_text(ldif, encoding="utf-8")
    _run([daemon, "ldif2db", "-D", folder / "config", "-n", "userroot", "-i", file])
    log = (folder / "log" / "errors").read_text(errors="replace")
    if "skipping entry" in log.lower() or "Import complete" not in log:
        pytest.fail(f"ns-slapd refused entries: {log[-3000:]}")


def _run(command: list[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    if done.returncode:
        pytest.fail(
            f"{command[:3]} failed: {(done.stdout + done.stderr).decode(errors='replace')[-3000:]}"
        )


def _start(daemon: str, folder: Path, ports: tuple[int, int]) -> Ds389 | None:
    with (folder / "output").open("wb") as output:
        # -d keeps ns-slapd in the foreground, so that the process we know is the server.
        process = subprocess.Popen(
            [daemon, "-D", folder / "config", "-i", folder / "run" / "pid", "-d", "0"],
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", ports[0]), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return Ds389(
                f"ldap://127.0.0.1:{ports[0]}", f"ldaps://127.0.0.1:{ports[1]}", ports[0], process
            )
    if process.poll() is None:
        process.kill()
        process.wait(_PATIENCE)
    return None
