"""Terminals that cannot show a character, and streams that cannot be written: every command, every form."""

import csv
import json
import os
import pty
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from tests.effort import diagonal, sample
from tests.scenarios.shell import RECONCILE, terminal_output
from tests.scenarios.stage import DESIRED, ldif
from tests.servers.forking import Execute

NAMES = {"cn": "Änne 日本 😀", "sn": "Ωmega", "givenName": "Änne", "mail": "änne@example.com"}
NOBODY = ("plan", "--target", "user:nobody 日本")
COMMANDS = [
    ("validate",),
    ("validate", "--format", "json"),
    ("validate", "--effective"),
    ("test",),
    ("plan",),
    ("plan", "--format", "json"),
    ("plan", "--format", "markdown"),
    ("show", "the.plan"),
    ("apply", "--yes"),
    ("apply", "--yes", "--format", "json"),
    ("preview",),
    ("preview", "--format", "csv"),
    ("preview", "--format", "json"),
    ("search", "corp", "nn"),
    ("search", "corp", "nn", "--format", "json"),
    ("tree", "corp"),
    ("explain", "ann"),
    ("explain", "ann", "--format", "json"),
    ("users",),
    ("users", "--format", "json"),
    ("users", "--format", "csv"),
    ("groups",),
    ("departments", "--format", "json"),
    ("history",),
    ("history", "--verify"),
    ("unlock",),
    NOBODY,
    ("users", "-vv", "--log-format", "json"),
]
ENCODINGS = [
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "latin-1"},
    {"LC_ALL": "C", "PYTHONUTF8": "0"},
]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A person, a group and a department with names beyond latin-1; one person is new, one is skipped."""
    folder = tmp_path_factory.mktemp("company")
    people = {
        "uid=ann": NAMES,
        "cn=g": {"member": ["uid=ann"], "description": "日本"},
        "ou=o": {"description": "Köln"},
    }
    desired = DESIRED | {
        "sources": [DESIRED["sources"][0] | {"note": "für 日本"}],
        "groups": [{"source": "corp", "select": ["cn=*"], "name": "{{ description }}"}],
        "departments": [{"source": "corp", "select": ["ou=*"], "title": "{{ description }}"}],
    }
    (folder / "reconcile.yml").write_text(yaml.safe_dump(desired), encoding="utf-8")
    (folder / "corp.ldif").write_text(ldif(people), encoding="utf-8")
    subprocess.run([*RECONCILE, "apply", "--yes"], cwd=folder, check=True, capture_output=True)
    more = {
        "uid=new": NAMES | {"mail": "new@example.com"},
        "uid=b\u200bd": NAMES | {"mail": "b@example.com"},
    }
    (folder / "corp.ldif").write_text(ldif(people | more), encoding="utf-8")
    subprocess.run(
        [*RECONCILE, "plan", "--out", "the.plan"], cwd=folder, check=True, capture_output=True
    )
    return folder


def piped(
    folder: Path, arguments: tuple[str, ...], environ: Mapping[str, str]
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*RECONCILE, *arguments],
        cwd=folder,
        env=os.environ | environ,
        capture_output=True,
        check=False,
    )


def on_terminal(
    folder: Path, arguments: tuple[str, ...], environ: Mapping[str, str], *, errors: bool = True
) -> tuple[int, bytes]:
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [*RECONCILE, *arguments],
        cwd=folder,
        env=os.environ | environ | {"TERM": "xterm"},
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=theirs if errors else subprocess.DEVNULL,
    )
    os.close(theirs)
    seen = b"".join(iter(lambda: terminal_output(ours), b""))
    os.close(ours)
    return child.wait(30), seen


@pytest.mark.parametrize("encoding", sample(["ascii"], ["latin-1"]))
@pytest.mark.parametrize("arguments", COMMANDS, ids=" ".join)
def test_what_a_terminal_cannot_show_is_written_out(
    company: Path, arguments: tuple[str, ...], encoding: str, quick: Execute
) -> None:
    environ = os.environ | {"TERM": "xterm", "COLUMNS": "3"}
    code, seen, _ = quick(arguments, company, environ, "", terminal=encoding)
    assert code == (2 if arguments == NOBODY else 0), seen
    assert "Traceback" not in seen
    assert "fault of reconcile" not in seen


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
def test_python_chooses_the_encoding_of_a_terminal(company: Path, encoding: str) -> None:
    code, seen = on_terminal(company, ("groups",), {"PYTHONIOENCODING": encoding})
    assert code == 0, seen
    assert b"Traceback" not in seen
    assert b"\\u65e5" in seen
    if encoding == "ascii":
        assert seen.isascii(), seen


def test_the_replacement_is_what_json_reads_as_the_character(company: Path) -> None:
    _, seen = on_terminal(
        company, ("users", "--format", "json"), {"PYTHONIOENCODING": "ascii"}, errors=False
    )
    assert b"\\u65e5\\u672c" in seen
    assert json.loads(seen)[0]["groups"] == ["日本"]
    _, seen = on_terminal(company, ("users",), {"PYTHONIOENCODING": "latin-1"})
    assert "änne@example.com".encode("latin-1") in seen
    assert b"\\u65e5\\u672c" in seen


@pytest.mark.parametrize(
    ("environ", "form"), diagonal(ENCODINGS, ["json", "csv", "table"]), ids=str
)
def test_files_and_pipes_are_utf_8(company: Path, environ: dict[str, str], form: str) -> None:
    found = piped(company, ("users", "--format", form), environ).stdout.decode("utf-8")
    if form == "json":
        assert json.loads(found)[0]["groups"] == ["日本"]
    elif form == "csv":
        assert "日本" in [row["groups"] for row in csv.DictReader(found.splitlines())]
    else:
        assert "日本" in found


@pytest.mark.parametrize("environ", sample(ENCODINGS[2:], ENCODINGS[:2]), ids=str)
def test_errors_into_pipes_are_utf_8(company: Path, environ: dict[str, str]) -> None:
    found = piped(company, ("plan", "--source", "日本"), environ)
    said = found.stderr.decode("utf-8")
    assert (found.returncode, "fault of reconcile" in said) == (2, False)
    assert "日本" in said or r"\udce6\udc97\udca5" in said, (
        "Python gives what it could not decode of an argument"
    )


@pytest.mark.parametrize(
    ("arguments", "redirected"),
    diagonal(["users", "plan --format json", "tree corp", "--help"], [">/dev/full", ">&-"]),
)
def test_output_that_cannot_be_written_is_said_so(
    company: Path, arguments: str, redirected: str
) -> None:
    why = "it is closed" if redirected == ">&-" else "No space left on device"
    command = f"{' '.join(RECONCILE)} {arguments} {redirected}"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=company, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr == f"error: standard output cannot be written: {why}\n"


@pytest.mark.parametrize(
    "arguments", sample(["users"], ["plan --format json", "preview --format csv"])
)
def test_who_has_read_enough_ends_it_quietly(company: Path, arguments: str) -> None:
    """The reader has gone before anything is written."""
    command = f"{' '.join(RECONCILE)} {arguments} | :; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["/bin/bash", "-c", command], cwd=company, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("arguments", "redirected"),
    diagonal(["users -vv", "plan --source nobody", "plan --nonsense"], ["2>/dev/full", "2>&-"]),
)
def test_errors_that_nobody_can_read_change_nothing(
    company: Path, arguments: str, redirected: str
) -> None:
    command = f"{' '.join(RECONCILE)} {arguments} {redirected}"
    done = subprocess.run(
        ["/bin/sh", "-c", command], cwd=company, capture_output=True, text=True, check=False
    )
    assert done.returncode == (0 if arguments == "users -vv" else 2)


@pytest.mark.parametrize("reader", [">/dev/full", "| :; exit ${PIPESTATUS[0]}"])
def test_an_apply_whose_output_is_lost_is_carried_out_and_says_so(
    tmp_path: Path, reader: str
) -> None:
    (tmp_path / "reconcile.yml").write_text(yaml.safe_dump(DESIRED), encoding="utf-8")
    (tmp_path / "corp.ldif").write_text(ldif({"uid=ann": None}), encoding="utf-8")
    command = f"{' '.join(RECONCILE)} apply --yes {reader}"
    done = subprocess.run(
        ["/bin/bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: standard output cannot be written: ")
    assert done.stderr.endswith(". Done: 2 applied, 0 failed, 0 skipped.\n")
    assert piped(tmp_path, ("plan", "--check"), {}).returncode == 0
