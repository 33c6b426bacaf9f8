"""Ten thousand damaged files: each is refused with a message or taken for what it says, soon, and nothing is harmed."""

import io
import os
import random
import resource
import signal
import sqlite3
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import yaml

from reconcile import cli
from reconcile.cli.exit_codes import ended
from tests.effort import parts
from tests.scenarios import mutating
from tests.scenarios.stage import ldif
from tests.scenarios.test_crashes import AFTER, BEFORE, DESIRED_STATE

HERE = Path(__file__).parents[1]
CONFIGURATIONS, PLANS, DIRECTORIES = 300, 250, 250
"""How many cases there are in each part of a test."""
PARTS = parts(8, kept=1)
PATIENCE = 10.0
"""Seconds of processor time for one case; it takes hundredths."""
MEMORY = 200 * 1024
"""KiB that a part may need more than at its beginning."""


class Slow(BaseException):
    """A case took too long."""


def _too_long(_signal: int, _frame: object) -> None:
    raise Slow


def command(*arguments: str) -> tuple[int, str]:
    """Runs a command as `reconcile` does; answers its exit code and all that it said."""
    out, err = io.StringIO(), io.StringIO()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGVTALRM)}
    signal.signal(signal.SIGVTALRM, _too_long)
    signal.setitimer(signal.ITIMER_VIRTUAL, PATIENCE)
    try:
        with redirect_stdout(out), redirect_stderr(err):
            code = ended(
                lambda: cli.cli.main(list(arguments), prog_name="reconcile", standalone_mode=False)
            )
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return code, err.getvalue() + out.getvalue()


class Cases:
    """The damaged files of one part, and what came of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.codes: Counter[int] = Counter()

    def expect(self, path: Path, codes: set[int], *arguments: str) -> int:
        """Whether a command does with the damaged file at the path what it may."""
        code, said = command(*arguments)
        about = f"{arguments} with {path}: {code}\n{said[:2000]}"
        assert "fault of reconcile" not in said, about
        assert "Traceback" not in said, about
        assert "\x1b" not in said, about
        assert code in codes, about
        assert not code or said.strip(), about
        assert len(said) < 2_000_000, about
        self.codes[code] += 1
        return code


@pytest.fixture
def cases(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cases]:
    monkeypatch.chdir(tmp_path)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    yield Cases(tmp_path)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < MEMORY


def private(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("part", PARTS)
def test_configurations(part: int, cases: Cases) -> None:
    chance = random.Random(f"configurations {part}")
    valid = [
        yaml.safe_dump(DESIRED_STATE).encode(),
        (HERE / "unit/config/valid/everything.yml").read_bytes(),
    ]
    private(cases.folder / "corp.ldif", ldif(BEFORE).encode())
    path = cases.folder / "reconcile.yml"
    ways = [mutating.bytewise, mutating.linewise, mutating.yaml_changed, mutating.yaml_changed]
    for number in range(CONFIGURATIONS):
        at = number % 3 == 0
        private(path, mutating.mutant(chance, valid[at], ways))
        code = cases.expect(path, {0, 2}, "validate")
        if not code and not at:
            cases.expect(path, {0, 2, 4, 7}, "plan")
    assert min(cases.codes[0], cases.codes[2]) > CONFIGURATIONS / 20


def content(database: Path) -> list[str]:
    """All that a database holds: taking and releasing its lock changes bytes and nothing else."""
    with closing(sqlite3.connect(database)) as connection:
        return list(connection.iterdump())


@pytest.mark.parametrize("part", PARTS)
def test_plan_files(part: int, cases: Cases) -> None:
    chance = random.Random(f"plans {part}")
    private(cases.folder / "reconcile.yml", yaml.safe_dump(DESIRED_STATE).encode())
    private(cases.folder / "corp.ldif", ldif(BEFORE).encode())
    assert command("apply", "--yes")[0] == 0
    private(cases.folder / "corp.ldif", ldif(AFTER).encode())
    assert command("plan", "--out", "good.plan")[0] == 0
    good = (cases.folder / "good.plan").read_bytes()
    database = cases.folder / "platform.db"
    untouched, whole = database.read_bytes(), content(database)
    path = cases.folder / "the.plan"
    ways = [mutating.bytewise, mutating.linewise, mutating.plan_changed, mutating.plan_changed]
    for _ in range(PLANS):
        way = chance.choice(ways)
        damaged = private(path, way(chance, good)).read_bytes()
        cases.expect(path, {0, 2}, "show", "the.plan")
        if way is mutating.plan_changed or damaged == good:  # a plan in its own right
            code = cases.expect(path, {0, 2, 4, 5, 6}, "apply", "the.plan", "--yes")
            assert code in (0, 6) or content(database) == whole, path
            private(database, untouched)
        else:
            cases.expect(path, {2}, "apply", "the.plan", "--yes")
            assert database.read_bytes() == untouched, path
    assert cases.codes[2] > PLANS / 2
    assert cases.codes[0] > PLANS / 50


@pytest.mark.parametrize("part", PARTS)
def test_directories(part: int, cases: Cases) -> None:
    chance = random.Random(f"directories {part}")
    private(cases.folder / "reconcile.yml", yaml.safe_dump(DESIRED_STATE).encode())
    good = ldif(BEFORE | {"uid=jürgen": {"employeeType": "staff", "sn": "Große"}}).encode()
    path = private(cases.folder / "corp.ldif", good)
    database = cases.folder / "platform.db"
    if part == 0:  # the others plan for a platform that is still to come, which takes half as long
        assert command("apply", "--yes")[0] == 0
    before = database.read_bytes() if part == 0 else None
    ways = [mutating.bytewise, mutating.linewise, mutating.based]
    for _ in range(DIRECTORIES):
        private(path, mutating.mutant(chance, good, ways))
        cases.expect(path, {0, 2, 4, 7}, "plan")
    assert (database.read_bytes() if database.exists() else None) == before
    assert min(cases.codes[0], cases.codes[7]) > DIRECTORIES / 10


ENVIRONMENT = """\
version: 1
platform: {type: sql, url: "{{ env('URL') }}"}
sources:
  - {name: corp, type: ldif, files: [corp.ldif], base_dn: "dc=example,dc=com", users: {create: all}}
role_mappings: [{role: guest, default: true}]
"""


def test_environments(cases: Cases, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a variable of the environment that is damaged, or far too long, a message is made."""
    chance = random.Random("environments")
    private(cases.folder / "reconcile.yml", ENVIRONMENT.encode())
    private(cases.folder / "corp.ldif", ldif(BEFORE).encode())
    for number in range(300):
        value = mutating.mutant(chance, b"sqlite:///platform.db", [mutating.bytewise])
        if number % 10 == 0:
            value *= 5000
        monkeypatch.setenv("URL", value.replace(b"\0", b"").decode("utf-8", "surrogateescape"))
        code = cases.expect(cases.folder / "reconcile.yml", {0, 2, 4, 7}, "plan")
        assert code in (0, 2, 4, 7)
    assert cases.codes[2] > 30


@pytest.mark.parametrize("kind", ["pipe", "folder", "device", "kernel", "gone", "loop"])
def test_files_of_every_kind(kind: str, cases: Cases) -> None:
    """Whatever stands where a file is named, the command ends soon with a message."""
    there = cases.folder / "it.yml"
    match kind:
        case "pipe":
            os.mkfifo(there)
        case "folder":
            there.mkdir()
        case "device":
            there.symlink_to("/dev/zero")
        case "kernel":
            there.symlink_to("/proc/self/mem")
        case "loop":
            there.symlink_to(there)
    private(
        cases.folder / "reconcile.yml",
        yaml.safe_dump(DESIRED_STATE).encode().replace(b"corp.ldif", b"it.yml"),
    )
    cases.expect(there, {7}, "plan")
    for arguments in (
        ("validate", "it.yml"),
        ("plan", "it.yml"),
        ("show", "it.yml"),
        ("connection", "import", "it.yml"),
    ):
        cases.expect(there, {2}, *arguments)
