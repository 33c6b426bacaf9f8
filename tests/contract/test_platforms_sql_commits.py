"""The sql platform on a database server whose connection breaks, at COMMIT above all: what is said of it is true."""

import json
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconcile.applying import apply
from reconcile.errors import PlatformUnreadable
from reconcile.model.change import Change, Digests, Plan, Scope
from reconcile.model.report import Report
from reconcile.platforms.database import server
from reconcile.platforms.ledger import lock, settling
from reconcile.platforms.sql import SqlPlatform
from reconcile.testing.builders import user
from tests.contract.platforms import HERE, Acme, sql
from tests.contract.servers import Opened, is_mariadb, usernames, wait_until
from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED
from tests.servers.breaking import (
    Breaking,
    Pair,
    breaking,
    down_unanswered,
    down_unsent,
    hung,
    unanswered,
    unsent,
    withheld,
)

pytestmark = pytest.mark.server

How = Callable[[Pair, bytes], None]
LOST = {"at": b"COMMIT", "after": b"INSERT INTO history_runs"}
"""The COMMIT of a workspace."""


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """What ends after a while does so soon."""
    monkeypatch.setattr(server, "COMMIT", 0.5)
    monkeypatch.setattr(settling, "PATIENCE", 0.5)
    monkeypatch.setattr(settling, "_PAUSE", 0.05)
    monkeypatch.setattr(lock, "_PAUSE", 0.05)


@contextmanager
def behind(
    db: Acme, folder: Path, how: How, at: bytes = b"COMMIT", after: bytes = b"", times: int = 1
) -> Iterator[tuple[SqlPlatform, Breaking]]:
    """The platform, reached by way of a proxy that breaks."""
    with breaking(db.server.port, at, how, after=after, times=times) as broken:
        with closing(sql(folder, through(db, broken))) as platform:
            yield platform, broken
        assert broken.broke == times, "it came to that"


def configured(shell: Shell, url: str, **more: Any) -> None:
    """The desired state, with the password where nobody else may read it."""
    shell.desired(platform={"type": "sql", "url": url}, **more)
    (shell.folder / "reconcile.yml").chmod(0o600)


def through(db: Acme, broken: Breaking) -> str:
    return db.url.replace(f":{db.server.port}/", f":{broken.port}/")


def run(platform: SqlPlatform, *changes: Change, together: bool = True) -> Report:
    made = Plan("test", "2026-03-01T08:00:00Z", (), (), Scope(), Digests("c" * 64, {}, {}), changes)
    return apply(made, platform, HERE, together=together)


def results(report: Report) -> list[str]:
    return [one.result for one in report.outcomes]


def settled(db: Acme, opened: Opened) -> bool:
    """Whether the transaction that broke off is over: until then it holds the workspace."""
    try:
        opened(db).unlock("main", HERE.host)
    except PlatformUnreadable:
        return False
    except Exception:  # noqa: BLE001 - it is locked, and that can be told
        return True
    return True


@pytest.mark.parametrize("how", [unanswered, withheld])
def test_a_lost_commit_that_was_kept_is_reported_as_applied(
    db: Acme, opened: Opened, tmp_path: Path, how: How, caplog: pytest.LogCaptureFixture
) -> None:
    with behind(db, tmp_path, how, **LOST) as (platform, _):
        assert results(run(platform, user("anna"), user("ben"))) == ["applied", "applied"]
    assert usernames(opened(db)) == ["anna", "ben"]
    assert len(opened(db).history.runs("main")) == 1
    assert db.by_hand("SELECT * FROM locks") == []


def test_a_lost_commit_that_was_not_kept_is_no_success(
    db: Acme, opened: Opened, tmp_path: Path
) -> None:
    with behind(db, tmp_path, unsent, **LOST) as (platform, _):
        with pytest.raises(
            PlatformUnreadable, match="nothing of it was kept: run the command again"
        ):
            run(platform, user("anna"))
        assert db.by_hand("SELECT * FROM locks") == []
        assert results(run(platform, user("anna"))) == ["applied"]
    assert usernames(opened(db)) == ["anna"]
    assert len(opened(db).history.runs("main")) == 1


@pytest.mark.parametrize("how", [hung, down_unsent, down_unanswered])
@pytest.mark.parametrize("together", [True, False])
def test_where_nobody_can_tell_it_is_unknown(
    db: Acme, opened: Opened, tmp_path: Path, how: How, together: bool
) -> None:
    kept = how is down_unanswered
    with behind(db, tmp_path, how, **LOST) as (platform, _):
        report = run(platform, user("anna"), user("zoe", manager="nobody"), together=together)
        assert results(report) == ["unknown", "failed"], (
            "what failed has failed whatever became of the rest"
        )
        trouble, *more = report.troubles
        assert (trouble.workspace, trouble.exit_code) == ("main", 6)
        assert "it is not known whether this was kept" in trouble.detail
        assert "reconcile history 2026" in trouble.detail
        assert all("`reconcile unlock` removes it" in one.detail for one in more)
    wait_until(lambda: settled(db, opened))
    assert usernames(opened(db)) == (["anna"] if kept else [])
    assert len(opened(db).history.runs("main")) == kept
    db.by_hand("UPDATE locks SET heartbeat_at = '2020-01-01 00:00:00'")
    assert kept or results(run(opened(db), user("anna"))) == ["applied"], (
        "a service takes over what it left itself"
    )
    assert usernames(opened(db)) == ["anna"]


def test_the_other_workspaces_go_on(db: Acme, opened: Opened, tmp_path: Path) -> None:
    other = Change("user", "create", "cid", None, {"username": "cid"}, "", "", "other")
    with behind(db, tmp_path, hung, **LOST) as (platform, _):
        report = run(platform, user("anna"), other, together=False)
    assert results(report) == ["unknown", "applied"]
    assert [one.workspace for one in report.troubles] == ["main"]
    assert [one.username for one in opened(db).read("other").users] == ["cid"]


@pytest.mark.parametrize(
    "at",
    [
        b"CREATE TABLE",
        b"INSERT INTO workspaces",
        b"INSERT INTO locks",
        b"INSERT INTO users",
        b"INSERT INTO history_runs",
    ],
)
@pytest.mark.parametrize("how", [unsent, unanswered])
def test_a_connection_that_breaks_earlier_undoes_all(
    db: Acme, opened: Opened, tmp_path: Path, at: bytes, how: How
) -> None:
    broke = pytest.raises(PlatformUnreadable, match="the connection broke")
    with behind(db, tmp_path, how, at) as (platform, _), broke:
        run(platform, user("anna"))
    assert opened(db).unlock("main", HERE.host) is None, "no lock is left"
    assert results(run(opened(db), user("anna"))) == ["applied"]
    assert usernames(opened(db)) == ["anna"]


@pytest.mark.parametrize("after", [b"CREATE TABLE", b"INSERT INTO locks"])
@pytest.mark.parametrize("how", [unsent, unanswered, withheld])
def test_a_lost_commit_before_the_first_write(
    db: Acme, opened: Opened, tmp_path: Path, after: bytes, how: How
) -> None:
    broke = pytest.raises(
        PlatformUnreadable, match="it is not known whether it did: run the command again"
    )
    with behind(db, tmp_path, how, after=after) as (platform, _), broke:
        run(platform, user("anna"))
    assert opened(db).unlock("main", HERE.host) is None, "no lock is left"
    assert results(run(opened(db), user("anna"))) == ["applied"]


@pytest.mark.parametrize("at", [b"DELETE FROM locks WHERE locks.token", b"COMMIT"])
@pytest.mark.parametrize("how", [unsent, unanswered])
def test_a_lock_is_released_by_another_connection(
    db: Acme, opened: Opened, tmp_path: Path, at: bytes, how: How
) -> None:
    released = b"DELETE FROM locks WHERE locks.token"
    with behind(db, tmp_path, how, at, after=released if at == b"COMMIT" else b"") as (platform, _):
        assert results(run(platform, user("anna"))) == ["applied"]
    assert db.by_hand("SELECT * FROM locks") == []


def test_a_read_that_breaks_is_said(db: Acme, opened: Opened, tmp_path: Path) -> None:
    run(opened(db), user("anna"))
    for how in (unsent, unanswered):
        with behind(db, tmp_path, how, b"users.username") as (platform, _):
            with pytest.raises(PlatformUnreadable, match="the connection broke"):
                platform.read("main")
            assert usernames(platform) == ["anna"]


def test_a_server_that_falls_silent_is_not_waited_for_for_ever(
    db: Acme, tmp_path: Path, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(opened(db), user("anna"))
    monkeypatch.setattr(server, "SILENT", 0.5)
    for how in (hung, withheld):
        broke = pytest.raises(PlatformUnreadable, match="the connection broke")
        with behind(db, tmp_path, how, b"users.username") as (platform, _), broke:
            platform.read("main")


def test_the_command_line_says_so(
    db: Acme, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell(tmp_path, capsys, monkeypatch)
    shell.company({"uid=ann": {"sn": "One"}, "uid=bob": None})
    with breaking(
        db.server.port, b"COMMIT", down_unanswered, after=b"INSERT INTO history_runs"
    ) as broken:
        configured(shell, through(db, broken))
        out, _ = shell.run("apply", "--yes", "--format", "json", code=6)
        told = json.loads(out)
        assert told["summary"]["unknown"] == len(told["outcomes"]) == 3
        assert {one["result"] for one in told["outcomes"]} == {"unknown"}
        assert sum(one["users"]["unknown"] for one in told["summary"]["counts"]) == 2
        assert {one["exit_code"] for one in told["troubles"]} <= {6, 7}
    configured(shell, db.url)
    shell.run("unlock", code=8)
    db.by_hand("DELETE FROM locks")
    (run,) = json.loads(shell.run("history", "--format", "json")[0])
    assert f"`reconcile history {run['run']}`" in told["troubles"][0]["detail"]
    assert "No changes" in shell.run("apply", "--yes")[0]
    shell.company({"uid=ann": {"sn": "Two"}, "uid=bob": None})
    with breaking(
        db.server.port, b"COMMIT", down_unsent, after=b"INSERT INTO history_runs"
    ) as broken:
        configured(shell, through(db, broken))
        out, _ = shell.run("apply", "--yes", code=6)
        assert "Done: 0 applied, 0 failed, 0 skipped, 1 unknown." in out
        assert "! workspace main: it is not known whether this was kept" in out
    db.by_hand("DELETE FROM locks")
    sources = [DESIRED["sources"][0] | {"name": "head"}]
    with breaking(
        db.server.port, b"COMMIT", down_unanswered, after=b"INSERT INTO history_runs"
    ) as broken:
        configured(shell, through(db, broken), sources=sources)
        assert "1 unknown." in shell.run("rename-source", "corp", "head", "--yes", code=6)[0]
    assert db.by_hand("SELECT name FROM sources") == [("head",)]


# The server itself


PLACES = {
    "locked": (b"INSERT INTO users", b""),
    "written": (b"INSERT INTO history_runs", b""),
    "committing": (b"COMMIT", b"INSERT INTO history_runs"),
    "committed": (b"DELETE FROM locks WHERE locks.token", b""),
}


@pytest.fixture
def mortal(db: Acme) -> Iterator[Acme]:
    """A database whose server loses nothing of what it has committed when it is killed, and lives on afterwards."""
    if is_mariadb(db):
        db.by_hand("SET GLOBAL innodb_flush_log_at_trx_commit = 2")
    else:
        db.by_hand(f"ALTER ROLE {db.account} SET synchronous_commit = on")
    yield db
    if db.server.process.poll() is not None:
        db.server.restart()


@pytest.mark.parametrize("at", PLACES)
def test_a_server_that_is_killed(mortal: Acme, opened: Opened, tmp_path: Path, at: str) -> None:
    db = mortal
    run(opened(db), user("anna"))

    def crash(_pair: Pair, _data: bytes) -> None:
        db.server.crash()

    with behind(db, tmp_path, crash, *PLACES[at]) as (platform, _):
        if at in ("locked", "written"):
            with pytest.raises(PlatformUnreadable, match="the connection broke"):
                run(platform, user("ben"))
        else:
            report = run(platform, user("ben"))
            assert results(report) == ["unknown" if at == "committing" else "applied"]
            assert [one.exit_code for one in report.troubles][-1] == 7, "the lock is left"
    with pytest.raises(PlatformUnreadable, match="cannot be reached"):
        opened(db).read("main")
    db.server.restart()
    kept = at == "committed"
    assert usernames(opened(db)) == ["anna", "ben"][: 1 + kept]
    db.by_hand("UPDATE locks SET heartbeat_at = '2020-01-01 00:00:00'")
    assert kept or results(run(opened(db), user("ben"))) == ["applied"]
    assert usernames(opened(db)) == ["anna", "ben"]
    assert len(opened(db).history.runs("main")) == 2


def test_a_rule_that_is_checked_at_the_commit_is_named(postgres: Acme, opened: Opened) -> None:
    run(opened(postgres), user("anna"))
    postgres.by_hand(
        "CREATE FUNCTION no_zoe() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN IF NEW.username = 'zoe' THEN RAISE EXCEPTION 'no more licences'; END IF; RETURN NEW; END$$",
        "CREATE CONSTRAINT TRIGGER late AFTER INSERT ON users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW "
        "EXECUTE FUNCTION no_zoe()",
        "ALTER TABLE users ADD CONSTRAINT one_mail UNIQUE (email, department_id) DEFERRABLE INITIALLY DEFERRED",
        "CREATE TABLE mails (mail TEXT UNIQUE DEFERRABLE INITIALLY DEFERRED)",
        "CREATE FUNCTION noted() RETURNS trigger LANGUAGE plpgsql AS "
        "$$BEGIN INSERT INTO mails VALUES (NEW.email); RETURN NEW; END$$",
        "GRANT ALL ON mails TO PUBLIC",
        "CREATE TRIGGER noted AFTER INSERT ON users FOR EACH ROW EXECUTE FUNCTION noted()",
    )
    for made, named in (
        (
            [user("ben", email="b@x"), user("zoe", email="z@x")],
            r"no more licences \(PL/pgSQL function no_zoe",
        ),
        ([user("ben", email="b@x"), user("cid", email="b@x")], r"constraint mails_mail_key"),
    ):
        with pytest.raises(PlatformUnreadable, match=named) as refused:
            run(opened(postgres), *made)
        assert "nothing was changed" in str(refused.value)
        assert "NOT DEFERRABLE" in str(refused.value)
        assert usernames(opened(postgres)) == ["anna"]
    assert results(run(opened(postgres), user("ben"))) == ["applied"]
