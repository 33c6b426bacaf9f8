"""`--log-file`: who may read it, when it is rotated, what it says of people."""

import json
import logging
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from reconcile.cli.log_file import LogFile
from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED


def text(shell: Shell, name: str = "the.log") -> str:
    return (shell.folder / name).read_text(encoding="utf-8")


def test_counts_and_no_people(shell: Shell) -> None:
    shell.company({"uid=ann": None, "uid=bob": {"mail": None}})
    _, err = shell.run("apply", "--yes", "--log-file", "the.log")
    assert err == "", "standard error stays as it was"
    assert stat.S_IMODE((shell.folder / "the.log").stat().st_mode) == 0o600
    assert [
        line.split(" ", 1)[1].partition(": reconcile")[0] for line in text(shell).splitlines()
    ] == [
        "info: apply begins",
        "info: source corp: 2 persons, 0 groups, 0 organizational units",
        "info: plan: 3 changes, 0 skips, 0 violations",
        "info: Done: 3 applied, 0 failed, 0 skipped.",
        "info: ends with exit code 0",
    ]
    shell.company({"uid=ann": {"mail": "new@example.com"}})
    shell.run("plan", "--out", "the.plan")
    shell.sql("update users set email = 'moved@example.com'")
    _, err = shell.run("apply", "the.plan", "--yes", "--log-file", "the.log", code=5)
    assert "user ann" in err
    assert "error: StalePlan: -v logs the rest" in text(shell)
    assert not [name for name in ("ann", "bob", "@") if name in text(shell)]
    shell.run("apply", "the.plan", "--yes", "--log-file", "loud.log", "-v", code=5)
    assert "user ann" in text(shell, "loud.log")


def test_json_is_one_object_a_line(shell: Shell) -> None:
    shell.company({})
    shell.run("plan", "--log-file", "the.log", "--log-format", "json")
    lines = [json.loads(line) for line in text(shell).splitlines()]
    assert [line["message"] for line in lines][-1] == "ends with exit code 0"
    assert set(lines[0]) == {
        "time",
        "level",
        "logger",
        "run",
        "message",
        "command",
        "version",
        "process",
    }
    assert len({line["run"] for line in lines}) == 1
    (read,) = [line for line in lines if "persons" in line]
    assert read["message"] == "source corp: 0 persons, 0 groups, 0 organizational units"
    assert [read[name] for name in ("source", "persons", "groups", "units")] == ["corp", 0, 0, 0]
    (planned,) = [line for line in lines if "changes" in line]
    assert [planned[name] for name in ("changes", "skips", "violations")] == [1, 0, 0]
    assert lines[-1]["exit_code"] == 0
    shell.run("plan", "no.yml", "--log-file", "the.log", "--log-format", "json", code=2)
    last = json.loads(text(shell).splitlines()[-1])
    assert last["message"] == "ends with exit code 2"
    assert last["run"] != lines[0]["run"]
    shell.run("apply", "--yes", "--log-file", "the.log", "--log-format", "json")
    (done,) = [json.loads(line) for line in text(shell).splitlines() if "applied" in line]
    assert [done[name] for name in ("applied", "failed", "skipped")] == [1, 0, 0]


def test_rotation_by_size_and_count(shell: Shell) -> None:
    shell.company(
        {}, role_mappings=[{"role": "x", "groups": [f"cn={'n' * 900},dc=example,dc=com"]}]
    )
    for _ in range(5):
        shell.run(
            "plan",
            "--log-file",
            "the.log",
            "--log-file-size",
            "1KiB",
            "--log-file-count",
            "2",
            "-v",
        )
    files = {path.name: path.stat() for path in shell.folder.glob("the.log*")}
    assert set(files) == {"the.log", "the.log.1", "the.log.2"}
    assert {stat.S_IMODE(one.st_mode) for one in files.values()} == {0o600}
    assert all(one.st_size <= 1600 for one in files.values())


def test_what_is_no_log_file_is_left_alone(shell: Shell) -> None:
    shell.company({})
    before = (shell.folder / "reconcile.yml").read_bytes()
    assert "is not a log file" in shell.run("plan", "--log-file", "reconcile.yml", code=2)[1]
    assert (shell.folder / "reconcile.yml").read_bytes() == before
    for wrong, message in (
        ("/dev/null", "is not a file"),
        (".", "is not a file"),
        ("no/such.log", "No such file"),
    ):
        assert message in shell.run("plan", "--log-file", wrong, code=2)[1]
    for size in ("10", "0MiB", "big"):
        assert (
            "10MiB"
            in shell.run("plan", "--log-file", "the.log", "--log-file-size", size, code=2)[1]
        )
    assert (
        "--log-file-count"
        in shell.run("plan", "--log-file", "the.log", "--log-file-count", "0", code=2)[1]
    )


def test_what_rotates_from_outside_is_followed_and_a_full_disk_ends_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = LogFile(tmp_path / "the.log", 10_000, 2)
    record = logging.LogRecord("reconcile.run", logging.INFO, "", 1, "2026-01-01T one", (), None)
    file.emit(record)
    (tmp_path / "the.log").rename(tmp_path / "elsewhere")
    file.emit(record)
    assert (
        (tmp_path / "the.log").read_text()
        == (tmp_path / "elsewhere").read_text()
        == "2026-01-01T one\n"
    )
    (tmp_path / "the.log").unlink()
    (tmp_path / "the.log").mkdir()
    file.emit(record)
    file.emit(record)
    assert capsys.readouterr().err.count("cannot be written: Is a directory") == 1
    file.close()


def test_processes_that_share_a_file_lose_nothing(tmp_path: Path) -> None:
    script = (
        "import logging, sys\nfrom pathlib import Path\nfrom reconcile.cli.log_file import LogFile\n"
        "file = LogFile(Path('the.log'), 2000, 500)\n"
        "for number in range(300):\n"
        "    text = f'2026-01-01T {sys.argv[1]} {number} ' + 'x' * 80\n"
        "    file.emit(logging.LogRecord('reconcile.run', logging.INFO, '', 1, text, (), None))\n"
    )
    processes = [
        subprocess.Popen([sys.executable, "-c", script, str(one)], cwd=tmp_path) for one in range(3)
    ]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    lines = [line for path in tmp_path.glob("the.log*") for line in path.read_text().splitlines()]
    assert len(set(lines)) == len(lines) == 900


def test_the_platform_url_is_not_in_the_log(shell: Shell) -> None:
    shell.company(
        {}, platform=DESIRED["platform"] | {"url": "postgresql+psycopg://me:hunter2@127.0.0.1:1/x"}
    )
    (shell.folder / "reconcile.yml").chmod(0o600)
    shell.run("plan", "--log-file", "the.log", "-vv", code=7)
    assert "hunter2" not in text(shell)
