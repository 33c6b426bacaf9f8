"""A real Active Directory domain controller (Samba) in a temporary folder, on a loopback address of its own.

    with samba(folder, entries) as server:
        ...  # server.url, server.admin, server.password

Its ports are fixed (389, 636 and a KDC's 88, so only root may start it), but every server has an
address of its own within 127.0.0.0/8, so that several run at once. Where Samba is not installed the
test is skipped; under CI that is a failure.
"""

import fcntl
import functools
import itertools
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.servers.certificates import Certificate
from tests.servers.slapd import program, without

_PACKAGES = "samba samba-ad-provision samba-ad-dc"
SUFFIX = "DC=example,DC=test"
PASSWORD = "Passw0rd!für-Tests"
_PATIENCE = 60.0
_LONGEST = 600.0
"""Seconds that making or filling a domain may take on a busy machine; it takes a few."""
_count = itertools.count()
TEMPLATE = "TESTS_SAMBA_TEMPLATE"
"""The variable of the environment that says where a fresh domain is kept."""

_SETTINGS = """\
[global]
netbios name = DC1
realm = EXAMPLE.TEST
workgroup = EXAMPLE
server role = active directory domain controller
server services = {services}
interfaces = {address}/8
bind interfaces only = yes
private dir = {folder}/private
state directory = {folder}/state
cache directory = {folder}/cache
lock directory = {folder}
binddns dir = {folder}/bind-dns
pid directory = {folder}/run
ncalrpc dir = {folder}/run/ncalrpc
winbindd socket directory = {folder}/run/winbindd
ntp signd socket directory = {folder}/run/ntp
log file = {folder}/log.samba
panic action = /bin/true
ldap server require strong auth = {strong}
"""


@dataclass
class Samba:
    """A running server."""

    address: str
    folder: Path
    process: subprocess.Popen[bytes] | None = None
    suffix: str = SUFFIX
    admin: str = "administrator@example.test"
    password: str = field(default=PASSWORD, repr=False)
    port: int = 389

    @property
    def url(self) -> str:
        """Clear text and StartTLS."""
        return f"ldap://{self.address}"

    @property
    def ldaps_url(self) -> str:
        """TLS from the start."""
        return f"ldaps://{self.address}"

    def stop(self) -> None:
        """Ends the server at once: nothing of it is kept."""
        if self.process is not None:
            self.process.kill()
            self.process.wait(_PATIENCE)

    def change(self, *steps: Sequence[Any]) -> None:
        """Carries steps out in the server's own files, as `samba_steps` describes them; a running server sees them."""
        _carry_out(self.folder, steps)


@contextmanager
def samba(
    folder: Path,
    steps: Sequence[Sequence[Any]] = (),
    *,
    certificate: Certificate | None = None,
    strong: str = "no",
    kdc: bool = False,
) -> Iterator[Samba]:
    """Makes a domain, carries the steps out, starts the server and waits until it answers.

    With `certificate` it has that one instead of the one it makes itself. `strong` is `yes` to
    refuse simple binds in clear text, and Kerberos' within TLS; `allow_sasl_over_tls` to take that
    one. With `kdc` it gives tickets.
    """
    server = _provisioned(folder)
    services = "ldap kdc" if kdc else "ldap"
    lines = _settings(server, services=services, strong=strong)
    if certificate is not None:
        lines += f"tls certfile = {certificate.certificate}\ntls keyfile = {certificate.key}\n"
        lines += f"tls cafile = {certificate.ca}\n"
    (server.folder / "etc" / "smb.conf").write_text(lines, encoding="utf-8")
    _carry_out(server.folder, steps)
    try:
        _start(server, (88, 389, 636) if kdc else (389, 636))
        yield server
    finally:
        server.stop()


def _provisioned(folder: Path) -> Samba:
    for name in ("samba", "samba-tool"):
        program(name, _PACKAGES)
    if os.geteuid() != 0:
        without("Samba's ports are below 1024: root only")
    return _copied(_template(), folder / "ad")


def _settings(server: Samba, *, services: str = "ldap", strong: str = "no") -> str:
    return _SETTINGS.format(
        address=server.address, folder=server.folder, strong=strong, services=services
    )


def _copied(template: Path, target: Path) -> Samba:
    """A copy of a domain, with an address of its own."""
    shutil.copytree(template, target, symlinks=True)
    for name in ("ncalrpc", "winbindd", "ntp"):
        (target / "run" / name).mkdir(parents=True)
    # Two processes of one test run have different ids, one process counts.
    number = os.getpid() * 8 + next(_count)
    return Samba(
        f"127.{64 + number // 65536 % 64}.{number // 256 % 256}.{number % 254 + 1}", target
    )


@functools.cache
def _template() -> Path:
    """A fresh domain to copy, which takes a tenth of the time of making one.

    The processes of a test run share one: the first to want it makes it. It is gone when they end.
    """
    place = Path(os.environ[TEMPLATE])
    place.mkdir(exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "made").exists():
            _provision(place / "ad")
            _make_key(place)
            (place / "made").touch()
    return place / "ad"


def _provision(target: Path) -> None:
    command = [
        program("samba-tool", _PACKAGES),
        "domain",
        "provision",
        f"--targetdir={target}",
        "--quiet",
    ]
    command += [
        "--realm=EXAMPLE.TEST",
        "--domain=EXAMPLE",
        "--server-role=dc",
        "--dns-backend=NONE",
    ]
    command += [f"--adminpass={PASSWORD}", "--host-name=dc1", "--host-ip=127.0.0.1"]
    _run(command)


def _make_key(place: Path) -> None:
    """Samba makes its own key and certificate when it first starts, which takes longer than all the rest."""
    server = _copied(place / "ad", place / "first")
    (server.folder / "etc" / "smb.conf").write_text(_settings(server), encoding="utf-8")
    try:
        _start(server, (636,))
    finally:
        server.stop()
    shutil.copytree(server.folder / "private/tls", place / "ad/private/tls", dirs_exist_ok=True)
    shutil.rmtree(server.folder)


def _carry_out(folder: Path, steps: Sequence[Sequence[Any]]) -> None:
    if steps:
        python = shutil.which("python3", path="/usr/bin") or without(
            "Samba's own modules are for /usr/bin/python3"
        )
        script = Path(__file__).with_name("samba_steps.py")
        # -I: without this folder in the path, whose samba.py is not Samba's.
        _run([python, "-I", str(script), str(folder)], json.dumps(steps))


def _run(command: Sequence[str], given: str = "") -> None:
    plain: Mapping[str, str] = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        command,
        input=given,
        env=dict(plain),
        text=True,
        capture_output=True,
        check=False,
        timeout=_LONGEST,
    )
    if done.returncode:
        pytest.fail(f"{command[:3]} failed: {(done.stdout + done.stderr)[-3000:]}")


def _start(server: Samba, ports: Sequence[int]) -> None:
    with (server.folder / "output").open("wb") as output:
        server.process = subprocess.Popen(
            [
                program("samba", _PACKAGES),
                "-s",
                server.folder / "etc" / "smb.conf",
                "-F",
                "--no-process-group",
                "-M",
                "single",
            ],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    end = time.monotonic() + _PATIENCE
    for port in ports:
        while True:
            try:
                socket.create_connection((server.address, port), timeout=1).close()
                break
            except OSError:
                if time.monotonic() > end or server.process.poll() is not None:
                    log = server.folder / "log.samba"
                    text = log.read_text(errors="replace") if log.exists() else ""
                    pytest.fail(
                        f"samba does not start: {(server.folder / 'output').read_text() + text[-3000:]}"
                    )
                time.sleep(0.02)
