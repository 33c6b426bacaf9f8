"""Only regular files are read, and no further than is allowed: nothing waits, nothing goes on for ever."""

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from reconcile import cli, files
from reconcile.cli.exit_codes import ended

SOURCE = """\
version: 1
platform: {type: sql, url: "sqlite:///p.db"}
sources:
  - {name: corp, type: ldif, files: [corp.ldif], base_dn: "dc=x", users: {create: all}}
"""
SERVED = """\
version: 1
platform: {type: sql, url: "sqlite:///p.db"}
sources:
  - name: corp
    type: openldap
    servers: ["ldaps://127.0.0.1:1"]
    tls: {ca_file: CA}
    bind: {dn: "cn=a", password: "{{ PASSWORD }}"}
    base_dn: dc=x
    users: {create: all}
    timeout: {connect: 1s}
"""


def fifo(path: Path) -> Path:
    os.mkfifo(path)
    return path


def unix_socket(path: Path) -> Path:
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))
    return path


IRREGULAR: list[Callable[[Path], Path]] = [
    fifo,
    unix_socket,
    lambda _: Path("/dev/zero"),
    lambda _: Path("/dev/tty"),
    lambda _: Path("/dev/stdin"),
]


@pytest.mark.parametrize("make", IRREGULAR)
def test_what_is_no_regular_file_is_refused(tmp_path: Path, make: Callable[[Path], Path]) -> None:
    path = make(tmp_path / "it")
    with pytest.raises(OSError, match=r"not a regular file|No such"):
        files.read(path, 100)


def test_a_folder_is_refused_as_one(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError):
        files.read(tmp_path, 100)


def test_a_file_is_read_as_far_as_is_allowed(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"x" * 3_000_000)
    (tmp_path / "a").chmod(0o640)
    (tmp_path / "b").symlink_to("a")
    assert files.read(tmp_path / "b", 5_000_000) == (b"x" * 3_000_000, 0o100640)
    assert len(files.read(tmp_path / "a", 1_500_000).data) == 1_500_000
    assert files.read(tmp_path / "a", 0).data == b""


def test_a_file_that_waits_for_what_is_to_come_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As /proc/kmsg does, which only root may open."""
    (tmp_path / "a").write_bytes(b"x")

    def waits(*_: object) -> bytes:
        raise BlockingIOError

    monkeypatch.setattr(os, "read", waits)
    with pytest.raises(OSError, match="not a regular file"):
        files.read(tmp_path / "a", 10)


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = ended(
        lambda: cli.cli.main(list(arguments), prog_name="reconcile", standalone_mode=False)
    )
    out, err = capsys.readouterr()
    return code, out + err


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    fifo(tmp_path / "fifo")
    (tmp_path / "reconcile.yml").write_text(SOURCE, encoding="utf-8")
    (tmp_path / "reconcile.yml").chmod(0o600)
    return tmp_path


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("validate", "fifo"), 2),
        (("plan", "fifo"), 2),
        (("show", "fifo"), 2),
        (("apply", "fifo", "--yes"), 2),
        (("connection", "import", "fifo"), 2),
        (("login", "jdoe", "--config", "fifo"), 2),
    ],
)
def test_no_command_waits_for_a_pipe(
    here: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int
) -> None:
    found, text = said(capsys, *arguments)
    assert found == code, text
    assert "fifo" in text
    assert "not a regular file" in text
    assert len(text.splitlines()) <= 2


@pytest.mark.parametrize(
    ("ca_file", "password", "code"),
    [("fifo", "env('HOME')", 7), ("/dev/zero", "env('HOME')", 7)],
)
def test_no_file_of_a_source_is_waited_for(
    here: Path, capsys: pytest.CaptureFixture[str], ca_file: str, password: str, code: int
) -> None:
    text = SERVED.replace("CA", ca_file).replace("PASSWORD", password)
    (here / "reconcile.yml").write_text(text, encoding="utf-8")
    found, told = said(capsys, "plan")
    assert found == code, told
    assert "not a regular file" in told


def test_an_ldif_file_is_a_regular_file(here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (here / "reconcile.yml").write_text(SOURCE.replace("corp.ldif", "fifo"), encoding="utf-8")
    assert said(capsys, "plan") == (
        7,
        "error: the LDIF file fifo cannot be read: it is not a regular file\n",
    )
