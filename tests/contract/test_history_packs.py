"""The history of large runs: the same contract where every run is packed, and hands in the packs."""

import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config

from reconcile.model.history import Entry
from reconcile.platforms.database.urls import connect
from reconcile.platforms.ledger.history import record
from reconcile.platforms.sql import SqlPlatform
from reconcile.platforms.sql.tables.tables import metadata
from reconcile.testing.builders import CORP, ERASED, Case, change, group, user
from reconcile.testing.contract.history import *
from reconcile.testing.contract.history import entries, run
from tests.contract.platforms import CASES, Acme, Servers, Text, parameters, sql
from tests.contract.servers import Opened, is_mariadb
from tests.contract.sqlite import by_hand
from tests.contract.test_history_altered import broken, company, runs

COLUMNS = [column.name for column in metadata.tables["history_packs"].columns]
"""As the table has them: whoever adds one has it looked at too."""


@pytest.fixture(autouse=True)
def every_run_is_packed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "PACKED_FROM", 1)


@pytest.fixture(params=parameters(["sqlite", "driven", "postgresql", "mariadb"]))
def case(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> Iterator[Case]:
    """The adapters whose history is in tables."""
    with CASES[request.param](tmp_path, servers) as made:
        yield made


def said(platform: SqlPlatform) -> list[tuple[object, ...]]:
    """All that is not random."""
    return [
        (*plain(entry), entry.read())
        for run in runs(platform)
        for entry in platform.history.entries("main", run)
    ]


def plain(entry: Entry) -> tuple[object, ...]:
    return (
        *(entry.position, entry.kind, entry.action, entry.result, entry.user, entry.object),
        *(entry.managers, entry.unresolved, bool(entry.salt), len(entry.commitment)),
    )


def test_packs_say_what_rows_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded = []
    for packed, name in ((1, "packed"), (1000, "rows")):
        monkeypatch.setattr(record, "PACKED_FROM", packed)
        (tmp_path / name).mkdir()
        with closing(sql(tmp_path / name)) as platform:
            company(platform)
            assert broken(platform) == ""
            users = [
                [plain(entry) for _, entry in platform.history.concerning("main", who)]
                for who in ("anna", "BEN", "eva", "E-1", "nobody")
            ]
            recorded.append((said(platform), users))
        counted = (
            "SELECT (SELECT count(*) FROM history_packs), (SELECT count(*) FROM history_changes)"
        )
        assert by_hand(tmp_path / name, counted) == [(3, 0) if packed == 1 else (0, 10)]
    assert recorded[0] == recorded[1]


def other(value: Any) -> list[Any]:
    """What may be put in the place of a value."""
    if isinstance(value, int):
        return [value + 1, -value - 1, 0, "x", 2**40, b"1", None]
    flipped = bytes([value[0] ^ 1]) + value[1:]
    cut, swapped = value[:-1], value[48:] + value[:48]
    return [value + b"x", b"x" + value, b"", cut, flipped, swapped, "x", 5, None]


@pytest.mark.parametrize("column", COLUMNS)
def test_every_column_of_every_pack(tmp_path: Path, column: str) -> None:
    with closing(sql(tmp_path)) as platform:
        company(platform)
        with closing(sqlite3.connect(tmp_path / "acme.db", isolation_level=None)) as connection:
            rows = connection.execute(f"SELECT rowid, {column} FROM history_packs").fetchall()
            put = f"UPDATE history_packs SET {column} = ? WHERE rowid = ?"
            tried = 0
            for row, value in rows:
                for instead in other(value):
                    try:
                        connection.execute(put, (instead, row))
                    except sqlite3.IntegrityError:  # the table itself refuses it
                        continue
                    tried += instead != value
                    assert bool(broken(platform)) == (instead != value), (row, value, instead)
                    platform.history.concerning("main", "ben")
                    connection.execute(put, (value, row))
            assert tried > 5
            assert broken(platform) == ""


def test_what_is_compressed_anew_is_found_by_its_place(tmp_path: Path) -> None:
    with closing(sql(tmp_path)) as platform:
        company(platform)
        with closing(sqlite3.connect(tmp_path / "acme.db")) as connection, connection:
            ((payloads, heads),) = connection.execute(
                "SELECT payloads, heads FROM history_packs WHERE run_id = 1"
            ).fetchall()
            put = "UPDATE history_packs SET payloads = ?, heads = ? WHERE run_id = 1"
            texts = zlib.decompress(payloads).replace(b'"key":"dan"', b'"key":"don"')
            connection.execute(put, (zlib.compress(texts), heads))
            connection.commit()
            assert broken(platform) == "the text of change 6 was altered"
            names = zlib.decompress(heads).replace(b'"create"', b'"update"')
            connection.execute(put, (payloads, zlib.compress(names)))
            connection.commit()
            assert broken(platform) == "its record, or its list of changes, was altered"


def test_an_unreadable_pack_hides_no_change_and_hinders_no_erase(tmp_path: Path) -> None:
    with closing(sql(tmp_path)) as platform:
        run(platform, CORP, user("anna"), user("ben"))
        by_hand(tmp_path, "UPDATE history_packs SET payloads = x'00'")
        assert [entry.read() for entry in entries(platform)] == [None] * 3
        assert broken(platform) == "the text of change 1 was altered"
        gone = change("user", "erase", "anna", {**ERASED}, {"username": "anna"})
        assert run(platform, gone, second=1).count("applied") == 1


def test_only_large_runs_are_packed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    people = [user(f"u{number}") for number in range(record.PACKED_FROM)]
    with closing(sql(tmp_path)) as platform:
        run(platform, *people[1:])
        run(platform, *people[:1], second=1)
        assert by_hand(tmp_path, "SELECT * FROM history_packs") == []
        renamed = [
            change("user", "update", str(one.key), {"last_name": "B"}, {"last_name": ""})
            for one in people
        ]
        run(platform, *renamed, second=2)
        assert by_hand(tmp_path, "SELECT run_id, first, number FROM history_packs") == [
            (3, 1, record.PACKED_FROM)
        ]
        assert broken(platform) == ""
        assert len(platform.history.concerning("main", "u7")) == 2


# Databases of before


def earlier(url: str, folder: Path) -> None:
    """Tables as they were before there were packs."""
    database = connect(Text(url), str(folder))
    if not database.exists():
        database.create()
    config = Config()
    config.set_main_option("script_location", "reconcile.platforms.sql:migrations")
    with database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0005")
    database.close()


def test_an_earlier_history_is_read_before_the_upgrade_and_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "PACKED_FROM", 1000)
    with closing(sql(tmp_path)) as platform:
        run(platform, CORP, user("anna"), user("ben", manager="anna"))
    by_hand(
        tmp_path,
        "DROP TABLE history_packs",
        "DROP TABLE quiet_memos",
        "UPDATE reconcile_revision SET version_num = '0005'",
    )
    monkeypatch.setattr(record, "PACKED_FROM", 1)
    with closing(sql(tmp_path)) as platform:
        assert (broken(platform), len(entries(platform))) == ("", 3)
        assert len(platform.history.concerning("main", "anna")) == 1
        run(platform, user("cid", manager="anna"), second=1)
        assert len(platform.history.concerning("main", "cid")) == 1
        gone = change("user", "erase", "anna", {**ERASED}, {"username": "anna"})
        run(platform, gone, second=2)
        assert broken(platform) == ""
        assert [[bool(one.payload) for one in entries(platform, at)] for at in range(3)] == [
            [True, False, False],
            [False],
            [False],
        ]


@pytest.mark.server
def test_servers_get_the_table_also_after_an_interruption(
    db: Acme, opened: Opened, tmp_path: Path
) -> None:
    earlier(db.url, tmp_path)
    platform = opened(db)
    db.by_hand("INSERT INTO workspaces (name) VALUES ('main')")
    assert list(platform.history.runs("main")) == []
    if is_mariadb(db):
        with closing(sql(tmp_path, db.url)) as first:
            run(first, group("x"))
        db.by_hand(
            "DELETE FROM history_packs",
            "DELETE FROM history_runs",
            "UPDATE workspaces SET history_hash = NULL",
            "UPDATE reconcile_revision SET version_num = '0005'",
        )
    company(platform)
    assert broken(platform) == ""
    assert db.by_hand("SELECT count(*) FROM history_packs")[0][0] in (3, "3")
