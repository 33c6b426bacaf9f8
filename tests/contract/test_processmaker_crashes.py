"""2,000 users, and something ends in the middle: nothing is kept, and the next run ends right."""

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

from reconcile.errors import PlatformUnreadable
from reconcile.model.book import Call
from reconcile.platforms.processmaker.platform import ProcessMaker
from reconcile.ports import Rejected
from reconcile.testing.builders import view
from tests.contract.platforms import Servers
from tests.processmaker.platform import platform as opened
from tests.processmaker.tables import Workspace, admin_url, site
from tests.scenarios.stage import DESIRED, Stage, ldif
from tests.servers.mariadb import MariaDB

pytestmark = pytest.mark.server

USERS, GROUPS, CHUNK = 2_000, 20, 300
RULES = {
    "groups": [{"source": "corp", "select": ["cn=*"]}],
    "role_mappings": [{"role": "operator", "default": True}],
}


def directory() -> str:
    entries: dict[str, Any] = {f"uid=u{n:04}": None for n in range(USERS)}
    for group in range(GROUPS):
        members = [f"uid=u{n:04}" for n in range(USERS) if n % GROUPS == group]
        entries[f"cn=g{group}"] = {"member": members}
    return ldif(entries)


class Breaking(ProcessMaker):
    """Something happens before, or after, a transaction's calls."""

    calls_together = CHUNK
    left = 0
    happens: Callable[[], None]
    before = True

    def make(self, workspace: str, calls: Sequence[Call], connection: Any) -> list[str | Rejected]:
        type(self).left -= 1
        if type(self).left == 0 and self.before:
            type(self).happens()
        answers = super().make(workspace, calls, connection)
        if type(self).left == 0 and not self.before:
            type(self).happens()
        return answers


@pytest.fixture
def server(servers: Servers) -> MariaDB:
    started = servers("mariadb")
    assert isinstance(started, MariaDB)
    return started


@pytest.fixture
def url(server: MariaDB) -> Iterator[str]:
    with site(admin_url(server)) as fresh:
        yield fresh


def undisturbed() -> dict[str, Any]:
    """What a run has to end in."""
    users = {f"u{n:04}" for n in range(USERS)}
    pairs = {(f"u{n:04}", f"g{n % GROUPS}"): "corp" for n in range(USERS)}
    grants = {(name, "operator"): "corp" for name in users}
    return {"users": users, "memberships": pairs, "grants": grants}


def seen(platform: Any) -> dict[str, Any]:
    state = view(platform.read("main"))
    assert {user["source"] for user in state["users"].values()} <= {"corp"}
    return {"users": set(state["users"])} | {
        what: state[what] for what in ("memberships", "grants")
    }


@pytest.mark.parametrize(
    ("at", "before"),
    [
        (4, False),
        pytest.param(4, True, marks=pytest.mark.full),
        pytest.param(9, True, marks=pytest.mark.full),
        pytest.param(9, False, marks=pytest.mark.full),
    ],
)
def test_the_connection_ends_in_the_middle(
    at: int, before: bool, server: MariaDB, url: str, tmp_path: Path
) -> None:
    def happens() -> None:
        account = "(SELECT id FROM information_schema.processlist WHERE user = 'pm')"
        for (number,) in server.run(account[1:-1]):
            server.run(f"KILL {number}")

    attributes = {"left": at, "before": before, "happens": staticmethod(happens)}
    kind = type("Breaking", (Breaking,), attributes)
    with closing(opened(url, kind, sources=("corp",))) as platform:
        stage = Stage(tmp_path, platform)
        stage.write(DESIRED | RULES, {"corp": directory()})
        with pytest.raises(PlatformUnreadable, match="not committed is undone"):
            stage.apply(stage.plan()[0])
    with closing(opened(url, sources=("corp",))) as platform:
        assert seen(platform) == {"users": set(), "memberships": {}, "grants": {}}
        assert not platform.history.runs("main")
        with Workspace(url) as workspace:
            assert workspace.count("RBAC_AUTHENTICATION_SOURCE") == 0, "nor was a source made"
            assert workspace.count("RECONCILE_JOURNAL") == 0
        stage = Stage(tmp_path, platform)
        after = stage.apply(stage.plan()[0])
        assert {one.result for one in after.outcomes} == {"applied"}
        assert seen(platform) == undisturbed()
        assert stage.plan()[0].changes == ()
        runs = platform.history.runs("main")
        assert [run.run.applied for run in runs] == [len(after.outcomes)]


@pytest.mark.full
def test_the_process_is_killed_in_the_middle(url: str, tmp_path: Path) -> None:
    platform = {"type": "processmaker", "url": url}
    (tmp_path / "corp.ldif").write_text(directory(), encoding="utf-8")
    rules = tmp_path / "reconcile.yml"
    rules.write_text(yaml.safe_dump(DESIRED | RULES | {"platform": platform}), encoding="utf-8")
    rules.chmod(0o600)
    command = [sys.executable, "-m", "reconcile", "apply", "--yes", str(rules)]
    with Workspace(url) as workspace:
        workspace.sql("SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED")
        with subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as process:
            end = time.monotonic() + 120
            while workspace.count("GROUPWF") < GROUPS and process.poll() is None:
                assert time.monotonic() < end
            os.kill(process.pid, signal.SIGKILL)
        assert process.returncode == -signal.SIGKILL, "it was not done yet"
        end = time.monotonic() + 60
        while workspace.count("GROUPWF"):  # until the server has undone it
            assert time.monotonic() < end
    done = subprocess.run(
        [*command, "--force"], check=False, capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    with closing(opened(url, sources=("corp",))) as platform:
        assert seen(platform) == undisturbed()


def test_tables_of_different_collations_are_named_as_such(url: str) -> None:
    with Workspace(url) as workspace:
        other = "CHARACTER SET utf8mb3 COLLATE utf8mb3_unicode_ci"
        workspace.sql(f"ALTER TABLE RBAC_USERS CONVERT TO {other}")
    with (
        closing(opened(url, sources=("corp",))) as platform,
        pytest.raises(PlatformUnreadable, match="different collations"),
    ):
        platform.read("main")
