"""The service as a process: signals, one run at once, files that break while it lives. No test waits for a clock."""

import json
import random
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.effort import sample
from tests.scenarios.stage import DESIRED, ldif

PATIENCE = 120.0
"""Seconds to wait for what takes one: how long it takes says more about the machine."""
AT_ONCE = 25.0
"""The same for what a signal wakes up: after 30 seconds the service looks at its clock anyhow."""
OFTEN = """
import datetime, sys
from reconcile import cli
from reconcile.app import service
service.upcoming = lambda schedule, after, where: after + datetime.timedelta(seconds=0.2)
sys.argv = ["reconcile", *sys.argv[1:]]
cli.main()
"""
"""The command with a schedule that comes all the time."""


class Service:
    """A folder, and services in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.started: list[subprocess.Popen[str]] = []
        (folder / "corp.ldif").write_text(ldif({"uid=ann": None}), encoding="utf-8")

    def desired(self, **more: Any) -> None:
        new = self.folder / "new.yml"
        new.write_text(
            yaml.safe_dump(DESIRED | {"schedule": {"cron": "0 0 1 1 *"}} | more), encoding="utf-8"
        )
        new.rename(self.folder / "reconcile.yml")

    def slow(self) -> None:
        """A platform whose url is told by a command that says `begun` and waits for `go`."""
        script = self.folder / "url"
        script.write_text(
            "#!/bin/sh\ntouch begun\nuntil [ -e go ]; do sleep 0.05; done\nprintf sqlite:///platform.db\n"
        )
        script.chmod(0o755)
        self.desired(platform={"type": "sql", "url": "{{ command('./url') }}"})

    def start(self, *arguments: str, often: bool = False, name: str = "") -> subprocess.Popen[str]:
        command = [sys.executable, "-c", OFTEN] if often else [sys.executable, "-m", "reconcile"]
        with (
            (self.folder / f"out{name}").open("w") as out,
            (self.folder / f"err{name}").open("w") as err,
        ):
            process = subprocess.Popen(
                [*command, "serve", "--schedule", *arguments],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                text=True,
            )
        self.started.append(process)
        return process

    def err(self) -> str:
        return (self.folder / "err").read_text(encoding="utf-8")

    def users(self) -> list[str]:
        if not (self.folder / "platform.db").exists():
            return []
        with closing(sqlite3.connect(self.folder / "platform.db")) as connection:
            if not connection.execute(
                "select 1 from sqlite_master where name = 'users'"
            ).fetchall():
                return []
            return [
                name
                for (name,) in connection.execute("select username from users order by username")
            ]

    def until(self, true: Callable[[], object]) -> None:
        end = time.monotonic() + PATIENCE
        while not true():
            assert time.monotonic() < end, self.err()
            time.sleep(0.05)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    one = Service(tmp_path)
    yield one
    for process in one.started:
        if process.poll() is None:
            process.kill()
        process.wait()
    (tmp_path / "go").touch()  # a script that was left behind ends, too


def test_once(service: Service) -> None:
    service.desired()
    assert service.start("--once").wait(PATIENCE) == 0
    assert service.users() == ["ann"]
    assert service.err().splitlines() == ["info: run 1 begins"]
    (service.folder / "corp.ldif").unlink()
    assert service.start("--once").wait(PATIENCE) == 7
    service.desired(schedule="daily at 25:00")
    assert service.start("--once").wait(PATIENCE) == 2
    assert ": schedule: 'daily at 25:00' is not a time of day" in service.err()


def test_what_is_missing_is_said(service: Service) -> None:
    service.desired(schedule="hourly")
    (service.folder / "reconcile.yml").write_text(yaml.safe_dump(DESIRED), encoding="utf-8")
    assert service.start().wait(PATIENCE) == 2
    assert "add the key `schedule`, for example `schedule: daily at 01:30`" in service.err()


def test_it_needs_no_option(service: Service) -> None:
    service.desired()
    done = subprocess.run(
        [sys.executable, "-m", "reconcile", "serve", "--once"],
        cwd=service.folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert service.users() == ["ann"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_while_it_waits(service: Service, number: signal.Signals) -> None:
    service.desired()
    process = service.start()
    service.until(lambda: "the next run is at" in service.err())
    assert re.match(
        r"info: schedule: 0 0 1 1 \* \(.+\); the next run is at \d{4}-01-01 00:00", service.err()
    )
    process.send_signal(number)
    assert process.wait(AT_ONCE) == 0
    assert service.users() == []


def test_a_stop_during_a_run_waits_for_its_end(service: Service) -> None:
    service.slow()
    process = service.start(often=True)
    service.until((service.folder / "begun").exists)
    process.send_signal(signal.SIGTERM)
    service.until(lambda: "ends after the current run" in service.err())
    assert process.poll() is None
    (service.folder / "go").touch()
    assert process.wait(PATIENCE) == 0
    assert service.users() == ["ann"]
    assert service.err().count("begins") == 1


def test_a_second_signal_breaks_the_run_off(service: Service) -> None:
    service.slow()
    process = service.start(often=True)
    service.until((service.folder / "begun").exists)
    process.send_signal(signal.SIGINT)
    service.until(lambda: "ends after the current run" in service.err())
    process.send_signal(signal.SIGINT)
    assert process.wait(PATIENCE) == 128 + signal.SIGINT
    assert "interrupted by SIGINT: nothing was written to the platform" in service.err()
    assert service.users() == []


def test_due_runs_that_a_long_one_overlaps_are_skipped(service: Service) -> None:
    service.slow()
    process = service.start(often=True)
    service.until((service.folder / "begun").exists)
    time.sleep(0.5)
    (service.folder / "go").touch()
    service.until(lambda: "due during that run, and skipped:" in service.err())
    process.terminate()
    assert process.wait(PATIENCE) == 0


def test_it_lives_through_bad_days_and_reads_its_files_anew(service: Service) -> None:
    service.desired()
    process = service.start("--log-format", "json", often=True)
    service.until(lambda: "exit code 0" in service.err())
    good = (service.folder / "reconcile.yml").read_text(encoding="utf-8")
    (service.folder / "reconcile.yml").write_text("version: [", encoding="utf-8")
    service.until(lambda: "exit code 2" in service.err())
    service.until(lambda: "the previous schedule stays in force" in service.err())
    (service.folder / "reconcile.yml").write_text(good, encoding="utf-8")
    (service.folder / "corp.ldif").rename(service.folder / "away.ldif")
    service.until(lambda: "exit code 7" in service.err())
    (service.folder / "away.ldif").write_text(
        ldif({"uid=ann": None, "uid=bob": None}), encoding="utf-8"
    )
    (service.folder / "away.ldif").rename(service.folder / "corp.ldif")
    service.until(lambda: "bob" in service.users())
    process.terminate()
    assert process.wait(PATIENCE) == 0
    lines = [json.loads(line) for line in service.err().splitlines()]
    assert {line["level"] for line in lines} == {"info", "warning", "error"}
    assert "uid=" not in service.err()


def test_a_run_that_another_one_locks_out_fails_and_the_next_does_it(service: Service) -> None:
    service.desired()
    assert service.start("--once").wait(PATIENCE) == 0
    (service.folder / "corp.ldif").write_text(
        ldif({"uid=ann": None, "uid=bob": None}), encoding="utf-8"
    )
    with sqlite3.connect(service.folder / "platform.db") as connection:
        connection.execute(
            "insert into locks (workspace_id, token, login, host, pid, process_started, started_at, heartbeat_at) "
            "select id, 't', 'kim', 'elsewhere', 1, '', datetime('now'), datetime('now') from workspaces"
        )
    connection.close()
    process = service.start(often=True)
    service.until(lambda: "exit code 8" in service.err())
    with sqlite3.connect(service.folder / "platform.db") as connection:
        connection.execute("delete from locks")
    connection.close()
    service.until(lambda: "bob" in service.users())
    process.terminate()
    assert process.wait(PATIENCE) == 0


def test_the_schedule_is_read_again_at_a_hangup(service: Service) -> None:
    service.desired()
    process = service.start()
    service.until(lambda: "the next run is at" in service.err())
    service.desired(schedule={"run": "weekly on monday at 01:30", "timezone": "Europe/Berlin"})
    process.send_signal(signal.SIGHUP)
    service.until(lambda: "schedule: weekly on monday at 01:30 (Europe/Berlin)" in service.err())
    process.terminate()
    assert process.wait(AT_ONCE) == 0


SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGKILL)


@pytest.mark.parametrize("rounds", sample([3], [12]))
def test_two_services_on_one_platform_and_signals_at_any_moment(
    service: Service, rounds: int
) -> None:
    """Whatever is stopped, killed or hung up: the platform ends as the directory says, and its history is sound."""
    seed = random.randrange(1 << 32)
    chance = random.Random(seed)
    safety = {"limits": {"users_lost": "none"}, "shrink": "none"}
    service.desired(lifecycle={"on_missing": "delete"}, safety=safety)
    running: dict[str, subprocess.Popen[str]] = {}
    for number in range(rounds):
        (service.folder / "corp.ldif").write_text(
            ldif({"uid=ann": None, f"uid=p{number}": None}), encoding="utf-8"
        )
        for name in ("a", "b"):
            if name not in running:
                running[name] = service.start(
                    *(["--force"] if number else []), often=True, name=name
                )
        service.until(
            lambda: all((service.folder / f"err{name}").read_bytes() for name in ("a", "b"))
        )  # it listens
        time.sleep(chance.uniform(0, 1.2))
        name, sent = chance.choice(["a", "b"]), chance.choice(SIGNALS)
        running[name].send_signal(sent)
        if sent != signal.SIGHUP:  # that reads the schedule again, while it waits
            code = running.pop(name).wait(PATIENCE)
            context = (
                seed,
                number,
                sent,
                code,
                (service.folder / f"err{name}").read_text(encoding="utf-8"),
            )
            assert code in {0, 128 + sent, -sent}, context
            assert "Traceback" not in context[-1], context
    for process in running.values():
        process.terminate()
    assert {process.wait(PATIENCE) for process in running.values()} <= {0, 128 + signal.SIGTERM}, (
        seed
    )
    for arguments in (["apply", "--yes", "--force"], ["plan", "--check"], ["history", "--verify"]):
        command = [sys.executable, "-m", "reconcile", *arguments]
        done = subprocess.run(
            command, cwd=service.folder, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, (seed, arguments, done.stdout, done.stderr)
    assert service.users() == ["ann", f"p{rounds - 1}"], seed
