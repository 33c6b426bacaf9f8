"""2,000 users, and something ends in the middle: the report is true, and the next run ends right."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcile.model.book import Call
from reconcile.platforms.postgresql_roles import PostgresqlRoles
from reconcile.ports import Rejected
from reconcile.testing.builders import view
from tests.contract.platforms import Servers
from tests.effort import diagonal
from tests.scenarios.stage import DESIRED, Stage, ldif
from tests.servers.roles import ROLES, Site, site

pytestmark = pytest.mark.server

USERS, GROUPS, CHUNK = 2_000, 20, 300
RULES = {"groups": [{"source": "corp", "select": ["cn=*"]}]}


def directory() -> str:
    entries: dict[str, Any] = {f"uid=u{n:04}": None for n in range(USERS)}
    for group in range(GROUPS):
        members = [f"uid=u{n:04}" for n in range(USERS) if n % GROUPS == group]
        entries[f"cn=g{group}"] = {"member": members}
    return ldif(entries)


class Breaking(PostgresqlRoles):
    """Something happens before, or after, a transaction's calls."""

    left = 0
    happens: Callable[[], None]
    before = True

    def make(
        self, workspace: str, calls: Sequence[Call], connection: Any
    ) -> Sequence[str | Rejected]:
        type(self).left -= 1
        if type(self).left == 0 and self.before:
            type(self).happens()
        answers = super().make(workspace, calls, connection)
        if type(self).left == 0 and not self.before:
            type(self).happens()
        return answers


@pytest.fixture
def made(servers: Servers) -> Iterator[Site]:
    with site(servers("postgresql")) as fresh:
        # What the server says it has kept survives its death; the tests' server is laxer otherwise.
        fresh.by_hand(f"ALTER ROLE {fresh.account} SET synchronous_commit = on")
        yield fresh


def undisturbed() -> dict[str, Any]:
    """What a run has to end in."""
    users = {f"u{n:04}" for n in range(USERS)}
    pairs = {(f"u{n:04}", f"g{n % GROUPS}"): "corp" for n in range(USERS)}
    return {"users": users, "memberships": pairs}


def seen(platform: Any) -> dict[str, Any]:
    state = view(platform.read("main"))
    assert {user["source"] for user in state["users"].values()} <= {"corp"}
    return {"users": set(state["users"]), "memberships": state["memberships"]}


@pytest.mark.parametrize(("before", "at"), diagonal([True, False], [4, 9]))
def test_the_server_dies_in_the_middle(before: bool, at: int, made: Site, tmp_path: Path) -> None:
    kind = type(
        "Breaking",
        (Breaking,),
        {"left": at, "before": before, "happens": staticmethod(made.server.crash)},
    )
    with closing(made.platform(kind, chunk=CHUNK)) as platform:
        stage = Stage(tmp_path, platform)
        stage.write(DESIRED | RULES, {"corp": directory()})
        report = stage.apply(stage.plan()[0])
    made.server.restart()
    assert {trouble.exit_code for trouble in report.troubles} == {7}
    with closing(made.platform()) as platform:
        kept = seen(platform)
        applied = [one.change for one in report.outcomes if one.result == "applied"]
        assert {one.key for one in applied if one.kind == "user"} == kept["users"]
        assert {one.key for one in applied if one.kind == "membership"} == {
            "/".join(pair) for pair in kept["memberships"]
        }
        assert {one.result for one in report.outcomes} <= {"applied", "failed", "skipped"}
        made.by_hand("DELETE FROM reconcile.locks")  # what --force does for a dead run
        assert kept["users"], "some of it was kept before"
        stage = Stage(tmp_path, platform)
        after = stage.apply(stage.plan()[0])
        assert {one.result for one in after.outcomes} == {"applied"}
        assert seen(platform) == undisturbed()
        assert stage.plan()[0].changes == ()
        runs = platform.history.runs("main")
        recorded = {
            entry.read().key
            for run in runs
            for entry in platform.history.entries("main", run.run.id)
            if entry.kind == "user" and entry.result == "applied"
        }
        assert recorded == undisturbed()["users"]
        # A source is no step of the journal, from which the first run was recorded.
        applied = [one for one in applied if one.kind != "source"]
        assert sum(run.run.applied for run in runs) == len(applied) + len(after.outcomes)


def test_the_process_is_killed_in_the_middle(made: Site, tmp_path: Path) -> None:
    platform = {"type": "postgresql_roles", "url": made.url, "chunk": CHUNK, "roles": list(ROLES)}
    (tmp_path / "corp.ldif").write_text(directory(), encoding="utf-8")
    rules = tmp_path / "reconcile.yml"
    rules.write_text(yaml.safe_dump(DESIRED | RULES | {"platform": platform}), encoding="utf-8")
    rules.chmod(0o600)
    command = [sys.executable, "-m", "reconcile", "apply", "--yes", str(rules)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        end = time.monotonic() + 120
        while len(made.roles()) < 3 * CHUNK and process.poll() is None:
            assert time.monotonic() < end
        os.kill(process.pid, signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL, "it was not done yet"
    half = len([name for name in made.roles() if name.startswith("u")])
    assert 0 < half <= USERS
    done = subprocess.run(
        [*command, "--force"], check=False, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert "ended early; it made" in done.stderr
    with closing(made.platform()) as opened:
        assert seen(opened) == undisturbed()
        applied = [run.run.applied for run in opened.history.runs("main")]
        # The source, the groups, users and memberships: each once, in one run or the other.
        assert sum(applied) in (GROUPS + 2 * USERS, 1 + GROUPS + 2 * USERS)
