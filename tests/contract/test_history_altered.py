"""Hands in the history: whatever is altered in it, in any column, is found; what was recorded before is none of it."""

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

from reconcile.model.change import Fields
from reconcile.model.verification import Verification
from reconcile.platforms.database.urls import connect
from reconcile.platforms.sql import SqlPlatform
from reconcile.platforms.sql.tables.tables import metadata
from tests.contract.platforms import CORP, ERASED, Acme, Text, change, group, member, sql, user
from tests.contract.servers import Opened, is_mariadb
from tests.contract.test_history import run

ANNA: Fields = {"username": "anna", "source": "corp", "external_id": "E-1", "dn": "uid=anna"}
TABLES = ("history_runs", "history_changes")
EVERY = [(table, column.name) for table in TABLES for column in metadata.tables[table].columns]
"""As the tables have them: whoever adds one has it looked at too."""


def company(platform: SqlPlatform) -> None:
    """Three runs: everything is there once, a manager, one who is not known, and somebody who is erased."""
    gone = change(
        "user",
        "erase",
        "anna",
        {**ERASED},
        {"username": "anna", "external_id": "E-1", "dn": "uid=anna"},
    )
    run(platform, CORP, group("g"), change("user", "create", "anna", ANNA), user("ben", manager="anna"),
        user("cid", manager="nobody"), user("dan"), user("eva", manager="dan"), member("dan", "g"))  # fmt: skip
    run(platform, gone, second=1)
    run(platform, change("user", "update", "eva", {"manager": "ben"}, {"manager": "dan"}), second=2)


def broken(platform: SqlPlatform, workspace: str = "main") -> str:
    """What `history --verify` finds."""
    found = Verification()
    for link in platform.history.runs(workspace):
        why = found.take(link, platform.history.entries(workspace, link.run.id))
        if why:
            return why
    return found.end(platform.history.last(workspace))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with a history."""
    folder = tmp_path_factory.mktemp("recorded")
    with closing(sql(folder)) as platform:
        company(platform)
        assert broken(platform) == ""
        assert [
            one.payload == "" for one in platform.history.entries("main", runs(platform)[0])
        ].count(True) == 2
    return folder / "acme.db"


def runs(platform: SqlPlatform) -> list[str]:
    return [link.run.id for link in platform.history.runs("main")]


@pytest.fixture
def opened_copy(recorded: Path, tmp_path: Path) -> Iterator[tuple[SqlPlatform, sqlite3.Connection]]:
    """The platform in a copy, and a connection that may do anything to it."""
    shutil.copy(recorded, tmp_path / "acme.db")
    with (
        closing(sql(tmp_path)) as platform,
        closing(sqlite3.connect(tmp_path / "acme.db")) as connection,
    ):
        connection.isolation_level = None
        yield platform, connection


def others(value: Any) -> list[Any]:
    """What may be put in the place of a value, of its own type and of others; each says something else."""
    if isinstance(value, int):
        return [value + 1, -value - 1, "x", 2**40, b"1", str(value) + ".5"]
    if value is None:
        return [7, "x", b""]
    made = [value + "x", "x" + value, "", value.swapcase(), value.encode(), b"\xff", 5, None]
    return [one for one in made if one != value]


@pytest.mark.parametrize(("table", "column"), EVERY, ids=[".".join(one) for one in EVERY])
def test_every_column_of_every_row(
    opened_copy: tuple[SqlPlatform, sqlite3.Connection], table: str, column: str
) -> None:
    platform, connection = opened_copy
    connection.execute("PRAGMA foreign_keys = OFF")
    tried = 0
    for row, value in connection.execute(f"SELECT rowid, {column} FROM {table}").fetchall():
        for other in others(value):
            connection.execute("BEGIN")
            try:
                connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (other, row))
                stays = connection.execute(
                    f"SELECT {column} IS ? AND typeof({column}) = typeof(?) FROM {table} WHERE rowid = ?",
                    (value, value, row),
                ).fetchone()
            except sqlite3.IntegrityError:  # the table itself refuses it
                connection.execute("ROLLBACK")
                continue
            connection.execute("COMMIT")
            if stays is None or not stays[0]:
                tried += 1
                assert broken(platform), (row, value, other)
            put = (value, row if stays is not None else other)
            connection.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", put)
    assert tried > 5
    assert broken(platform) == ""


def test_the_hash_beside_the_workspace(opened_copy: tuple[SqlPlatform, sqlite3.Connection]) -> None:
    platform, connection = opened_copy
    for value in (None, "", "x", b"\xff", 5):
        connection.execute("UPDATE workspaces SET history_hash = ?", (value,))
        assert broken(platform)


@pytest.mark.parametrize(
    ("statements", "why"),
    [
        ("UPDATE history_changes SET salt = NULL, payload = NULL WHERE run_id = 1 AND position = 6",
         "the text of change 6 was removed, but by no run that erased a user"),
        (("UPDATE history_changes SET salt = NULL, payload = NULL, manager_before_id = NULL, manager_after_id = NULL "
         "WHERE run_id = 3"), "the text of change 1 was removed"),
        ("UPDATE history_changes SET payload = NULL WHERE run_id = 1 AND position = 6",
         "change 6, whose text was removed, was altered"),
        ("DELETE FROM history_changes WHERE run_id = 3; DELETE FROM history_runs WHERE id = 3",
         "the runs after it were removed: the workspace records a different last hash"),
        ("DELETE FROM history_changes WHERE run_id > 1; DELETE FROM history_runs WHERE id > 1", "were removed"),
        ("DELETE FROM history_changes; DELETE FROM history_runs", "the first run: all runs were removed"),
        (("UPDATE history_changes SET position = -1 WHERE run_id = 1 AND position = 3; UPDATE history_changes SET "
         "position = 3 WHERE run_id = 1 AND position = 4; UPDATE history_changes SET position = 4 WHERE position = -1"),
         "was altered"),
        (("CREATE TEMP TABLE x AS SELECT * FROM history_changes WHERE run_id = 1 AND position IN (6, 7); UPDATE "
         "history_changes SET (salt, payload, commitment) = (SELECT salt, payload, commitment FROM x WHERE "
         "x.position = 13 - history_changes.position) WHERE run_id = 1 AND position IN (6, 7)"), "altered"),
        ("INSERT INTO workspaces (name) VALUES ('other'); UPDATE history_runs SET workspace_id = 2 WHERE id = 3",
         "were removed"),
        (("INSERT INTO history_changes SELECT run_id, 999, kind, action, result, user_id, object_id, "
         "manager_before_id, "
         "manager_after_id, unresolved, salt, payload, commitment FROM history_changes WHERE run_id = 1 AND "
         "position = 6"), "change 9 is missing"),
        ("UPDATE history_runs SET id = id + 10; UPDATE history_runs SET id = 14 - id WHERE id > 11",
         "does not follow|altered|is missing"),
        ("UPDATE history_runs SET dirty = 2", "dirty is 2"),
        ("UPDATE history_runs SET lost = '{ }'", "lost is"),
        ("UPDATE history_runs SET removed = '{\"x\": \"9-\"}' WHERE id = 2", "altered"),
        ("UPDATE history_runs SET removed = '' WHERE id = 3", "altered"),
    ],
)  # fmt: skip
def test_what_hands_do(
    opened_copy: tuple[SqlPlatform, sqlite3.Connection], statements: str, why: str
) -> None:
    platform, connection = opened_copy
    connection.executescript(f"PRAGMA foreign_keys = OFF; {statements}")
    found = broken(platform)
    assert any(part in found for part in why.split("|")), found


def test_a_run_alone_that_was_moved_to_another_workspace(
    opened_copy: tuple[SqlPlatform, sqlite3.Connection],
) -> None:
    platform, connection = opened_copy
    connection.executescript(
        "DELETE FROM history_changes WHERE run_id > 1; DELETE FROM history_runs WHERE id > 1;"
        "INSERT INTO workspaces (name) VALUES ('other'); UPDATE history_runs SET workspace_id = 2"
    )
    assert broken(platform)
    assert broken(platform, "other")


# Databases of before


def earlier(url: str, folder: Path) -> None:
    """Tables as they were before removals were recorded."""
    from reconcile.model.desired import Platform

    database = connect(Platform("sql", Text(url), folder=str(folder)))
    if not database.exists():
        database.create()
    config = Config()
    config.set_main_option("script_location", "reconcile.platforms.sql:migrations")
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    database.close()


HASH_OF_BEFORE = "dc2bf1fba6edad5ac16f3b9db916ba4a56170fe3b42c75303bd16f95fd273773"


def test_an_earlier_history_stays_valid_and_is_read_before_the_upgrade(tmp_path: Path) -> None:
    earlier("sqlite:///acme.db", tmp_path)
    with closing(sqlite3.connect(tmp_path / "acme.db")) as connection, connection:
        connection.execute("INSERT INTO workspaces (name) VALUES ('main')")
        connection.execute(
            "INSERT INTO history_runs (workspace_id, run, plan, configuration, accepted, lost, login, host, started, "
            "finished, outcome, applied, failed, skipped, previous_hash, hash) VALUES (1, 'r', '', '', '[]', '{}', "
            "'l', 'h', '2026-03-01T08:00:00Z', '2026-03-01T08:00:00Z', 'applied', 1, 0, 0, '', ?)",
            ("0" * 64,),
        )
        connection.execute(
            "INSERT INTO history_changes (run_id, position, kind, action, result, user_id, commitment) "
            "VALUES (1, 1, 'user', 'erase', 'applied', 5, 'c')"
        )
    with closing(sql(tmp_path)) as platform:
        (link,) = platform.history.runs("main")
        assert (link.removed, platform.history.last("main"), platform.read("main").users) == (
            "",
            "",
            (),
        )
        assert broken(platform) == "its record, or its list of changes, was altered"
        with closing(sqlite3.connect(tmp_path / "acme.db")) as connection, connection:
            connection.execute("UPDATE history_runs SET hash = ?", (HASH_OF_BEFORE,))
        assert broken(platform) == "", "a text that went with an erase which did not record that"
        run(platform, user("anna"))
        assert broken(platform) == ""
        assert [bool(one.removed) for one in platform.history.runs("main")] == [False, True]


@pytest.mark.server
def test_servers_get_the_new_columns(db: Acme, opened: Opened, tmp_path: Path) -> None:
    earlier(db.url, tmp_path)
    platform = opened(db)
    db.by_hand("INSERT INTO workspaces (name) VALUES ('main')")
    assert list(platform.history.runs("main")) == []
    company(platform)
    assert broken(platform) == ""
    if is_mariadb(db):
        db.by_hand("UPDATE reconcile_revision SET version_num = '0002'")
        run(platform, user("zoe"), second=9)
    for statement in (
        (
            "UPDATE history_changes SET salt = NULL, payload = NULL, manager_before_id = NULL, manager_after_id = NULL "
            "WHERE run_id = 3"
        ),
        "UPDATE history_changes SET unresolved = 1 - unresolved WHERE position = 6",
        "DELETE FROM history_changes WHERE run_id > 2",
    ):
        db.by_hand(statement)
        assert broken(platform)
