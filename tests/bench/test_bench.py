"""The benchmark itself works: numbers mean something only while every command it measures does its work."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench import asserted, tables
from tests.bench.measuring import ROOT, WrongExit, measure
from tests.bench.population import GROUP_COUNT, ldif
from tests.servers.slapd import program


@pytest.mark.server
def test_every_work_is_measured(tmp_path: Path) -> None:
    program("slapd")  # skips where it is missing
    figures = tmp_path / "figures.json"
    command = [
        sys.executable,
        "-m",
        "tests.bench",
        "--persons",
        "120",
        "--runs",
        "1",
        "--json",
        figures,
    ]

    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "120 persons, 200 groups" in done.stdout
    measured = json.loads(figures.read_text(encoding="utf-8"))["measured"]["120"]
    assert {"floor", "import", "check", "nothing", "update"} <= measured.keys()
    assert {"read", "bare"} <= measured.keys()
    in_process = {"read", "bare"}
    assert all(cost["cpu"] > 0 for runs in measured.values() for cost in runs)
    assert all(
        cost["mib"] > 5
        for name, runs in measured.items()
        if name not in in_process
        for cost in runs
    )


@pytest.mark.full
def test_tables_are_measured_beside_the_sql_platform(capsys: pytest.CaptureFixture[str]) -> None:
    assert tables.main(["--persons", "120", "--runs", "1"]) == 0
    out = capsys.readouterr().out
    assert "sqlite, 120 persons" in out
    assert all(work in out for work in tables.WORKS)


def test_assertions_are_measured(capsys: pytest.CaptureFixture[str]) -> None:
    assert asserted.main(["--users", "120", "--rules", "20"]) == 0
    assert "20 rules, 120 users" in capsys.readouterr().out


def test_a_command_that_ends_otherwise_is_not_measured(tmp_path: Path) -> None:
    with pytest.raises(WrongExit, match="ended with 1, not 0"):
        measure([sys.executable, "-c", "raise SystemExit(1)"], tmp_path)


def test_memory_is_the_command_s_own(tmp_path: Path) -> None:
    ballast = b"x" * (200 * 2**20)  # what measures may be big: it must not be counted

    cost = measure([sys.executable, "-c", "pass"], tmp_path)

    assert len(ballast) > cost.mib * 2**20


def test_an_update_changes_people_and_nobody_else() -> None:
    before, after = ldif(40).splitlines(), ldif(40, updated=True).splitlines()

    changed = [line for line, was in zip(after, before, strict=True) if line != was]

    assert len(changed) == 2 * 40
    assert all(line.startswith(("givenName: ", "telephoneNumber: ")) for line in changed)
    assert before.count("objectClass: groupOfNames") == GROUP_COUNT
