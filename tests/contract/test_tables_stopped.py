"""2,000 users, and the database stops in the middle: what is said of each, and that the next run ends right."""

import os
import signal
import sqlite3
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from reconcile.errors import ReconcileError
from reconcile.model.book import Call
from reconcile.model.report import Outcome
from reconcile.platforms.tables.platform import TablesPlatform
from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import view
from tests.contract.applications import KINDS, install, opened, settings
from tests.contract.platforms import Acme, Servers, acme, parameters
from tests.contract.servers import is_mariadb
from tests.scenarios.stage import DESIRED, Stage, ldif

USERS, GROUPS = 2_000, 20
RULES = DESIRED | {
    "groups": [{"source": "corp", "select": ["cn=*"]}],
    "role_mappings": [{"role": "operator", "default": True}],
    "safety": {"limits": {"updates": "none"}},
}


def company(surname: str) -> dict[str, Any]:
    people: dict[str, Any] = {f"uid=user{number}": {"sn": surname} for number in range(USERS)}
    size = USERS // GROUPS
    return people | {
        f"cn=team{group}": {
            "member": [f"uid=user{number}" for number in range(group * size, (group + 1) * size)]
        }
        for group in range(GROUPS)
    }


class Stopping:
    """Lets the database stop at a number of calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = -1
        self.stop = lambda: None
        make = TablesPlatform.make

        def counted(platform: Any, workspace: str, calls: Sequence[Call], connection: Any) -> Any:
            if 0 <= self.left < len(calls):
                answers = make(platform, workspace, calls[: self.left], connection)
                self.left = -1
                self.stop()
                return answers + make(platform, workspace, calls[len(answers) :], connection)
            self.left -= len(calls) if self.left >= 0 else 0
            return make(platform, workspace, calls, connection)

        monkeypatch.setattr(TablesPlatform, "make", counted)


@pytest.fixture
def stopping(monkeypatch: pytest.MonkeyPatch) -> Stopping:
    return Stopping(monkeypatch)


def applied(stage: Stage, surname: str) -> list[Outcome]:
    stage.write(RULES, {"corp": ldif(company(surname))})
    plan, _ = stage.plan()
    return list(stage.apply(plan, force=True).outcomes)


def stopped(stage: Stage, surname: str, state: str | None) -> list[Outcome]:
    """What is said of each change; with the ledger in the same database, an error and nothing kept."""
    if state is None:
        return applied(stage, surname)
    with pytest.raises(ReconcileError):
        applied(stage, surname)
    return []


def is_true(stage: Stage, outcomes: list[Outcome], surname: str) -> None:
    """What the report says was applied, and nothing else, is on the platform."""
    seen = shown(stage)
    for kind, names in (
        ("user", {name for name, one in seen["users"].items() if one["last_name"] == surname}),
        ("membership", {f"{user}/{group}" for user, group in seen["memberships"]}),
    ):
        said = {
            one.change.key
            for one in outcomes
            if one.change.kind == kind and one.result == "applied"
        }
        unknown = {one.change.key for one in outcomes if one.result == "unknown"}
        assert said <= names
        if kind == "user" or any(one.change.kind == kind for one in outcomes):
            assert names - said <= unknown


def shown(stage: Stage) -> Any:
    with stage.platform(None) as platform:
        seen = view(platform.read("main"))
    return {name: seen[name] for name in ("users", "groups", "memberships", "grants", "roles")}


AGED = "UPDATE locks SET heartbeat_at = '2020-01-01 00:00:00', host = 'elsewhere'"
"""The run that died said long ago that it is alive."""
STATES = pytest.mark.parametrize(
    "state",
    [
        pytest.param("platform", id="together"),
        pytest.param(None, id="apart", marks=pytest.mark.full),
    ],
)


def lose_nothing(database: Acme) -> None:
    """The servers of the tests write late; this one has what it has committed when it is killed."""
    if is_mariadb(database):
        database.by_hand("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    else:
        database.by_hand(f"ALTER ROLE {database.account} SET synchronous_commit = on")


def restart(database: Acme, state: str | None) -> None:
    database.server.restart()
    lose_nothing(database)
    if state is not None:
        database.by_hand(AGED)


@STATES
@pytest.mark.parametrize("kind", parameters(["postgresql", "mariadb"]))
def test_the_server_is_killed(
    kind: str,
    state: str | None,
    stopping: Stopping,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    servers: Servers,
) -> None:
    with acme(servers(kind)) as database, ExitStack() as stack:
        install(database.url)
        lose_nothing(database)
        application = settings(database.url, tmp_path, state=state)

        def again() -> ManagedPlatform:
            return stack.enter_context(opened(application, tmp_path_factory.mktemp("ledger")))

        stage = Stage(tmp_path, again())
        stopping.left, stopping.stop = 1_300, database.server.crash
        outcomes = stopped(stage, "First", state)
        restart(database, state)
        if state is None:
            results = Counter(one.result for one in outcomes if one.change.kind == "user")
            assert sum(results.values()) == USERS
            assert 0 < results["applied"] < USERS
            assert not any("Traceback" in one.detail for one in outcomes)
        is_true(stage, outcomes, "First")
        rest = applied(stage, "First")
        assert {one.result for one in rest} == {"applied"}
        complete(stage, "First")
        stopping.left, stopping.stop = 1_300, database.server.crash
        outcomes = stopped(stage, "Second", state)
        restart(database, state)
        is_true(stage, outcomes, "Second")
        applied(stage, "Second")
        complete(stage, "Second")


def complete(stage: Stage, surname: str) -> None:
    """Everything is as the directory says, by an oracle of its own: as after an undisturbed run."""
    seen = shown(stage)
    assert seen["users"].keys() == {f"user{number}" for number in range(USERS)}
    assert {one["last_name"] for one in seen["users"].values()} == {surname}
    size = USERS // GROUPS
    assert set(seen["memberships"]) == {
        (f"user{number}", f"team{number // size}") for number in range(USERS)
    }
    assert set(seen["grants"]) == {(f"user{number}", "operator") for number in range(USERS)}
    stage.write(RULES, {"corp": ldif(company(surname))})
    assert stage.plan()[0].changes == ()


@STATES
def test_the_process_is_killed(
    state: str | None, stopping: Stopping, tmp_path: Path, servers: Servers
) -> None:
    """On SQLite the program is all there is: it dies in the middle of a transaction."""
    folder = tmp_path / "app"
    folder.mkdir()
    with KINDS["sqlite"](folder, servers) as (url, _):
        application = settings(url, folder, state=state)
        for calls, surname in ((1_300, "First"), (1_300, "Second")):
            child = os.fork()
            if child == 0:
                try:
                    with opened(application, tmp_path) as platform:
                        stopping.left = calls
                        stopping.stop = lambda: os.kill(os.getpid(), signal.SIGKILL)
                        applied(Stage(tmp_path, platform), surname)
                finally:
                    os._exit(1)
            assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
            file = tmp_path / "ledger.db" if state is None else folder / "app.db"
            with closing(sqlite3.connect(file)) as connection, connection:
                connection.execute(AGED)
            with opened(application, tmp_path) as platform:
                stage = Stage(tmp_path, platform)
                seen = shown(stage)["users"]
                there = sum(one["last_name"] == surname for one in seen.values())
                assert there == 0 if state == "platform" else 0 < there < USERS
                outcomes = applied(stage, surname)
                assert {one.result for one in outcomes} == {"applied"}
                complete(stage, surname)


def test_a_ledger_that_stops_is_no_fault_of_the_platform(
    stopping: Stopping, tmp_path: Path, servers: Servers
) -> None:
    """What is raised in the middle of a transaction undoes all of it, and is the error of the run."""
    with KINDS["sqlite"](tmp_path, servers) as (url, _):
        application = settings(url, tmp_path, state="platform")

        def stop() -> None:
            raise ReconcileError("the disk is gone")

        with opened(application, tmp_path) as platform:
            stage = Stage(tmp_path, platform)
            stopping.left, stopping.stop = 1_300, stop
            with pytest.raises(ReconcileError, match="the disk is gone"):
                applied(stage, "First")
            is_true(stage, [], "First")
            applied(stage, "First")
            complete(stage, "First")
