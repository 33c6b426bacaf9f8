"""docs/sql-platform.md says what is in the database, and its queries run."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.contract.platforms import HOLDER, ok, sql, user

PAGE = (Path(__file__).parents[2] / "docs" / "sql-platform.md").read_text(encoding="utf-8")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    platform = sql(tmp_path)
    with platform.lock(["main"], HOLDER):
        pass
    ok(platform, user("jdoe", status="inactive", status_origin="corp", attributes={"phone": "1"}))
    platform.close()
    with closing(sqlite3.connect(tmp_path / "acme.db")) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        yield connection


def test_every_table_and_column_is_documented_as_it_is(database: sqlite3.Connection) -> None:
    tables = [
        name
        for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        if name != "sqlite_sequence"
    ]
    real = {
        table: [(column, kind) for _, column, kind, *_ in database.execute(f"PRAGMA table_info({table})")]
        for table in tables
    }
    sections = re.findall(r"^### (\w+)\n(.*?)(?=^##)", PAGE, flags=re.MULTILINE | re.DOTALL)
    documented = {
        table: re.findall(r"^\| (\w+) \| ([A-Z]+(?:\(\d+\))?) \|", text, flags=re.MULTILINE) for table, text in sections
    }
    assert documented == real


@pytest.mark.parametrize("query", re.findall(r"```sql\n(.*?)```", PAGE, flags=re.DOTALL))
def test_the_queries_run(database: sqlite3.Connection, query: str) -> None:
    database.executescript(query)


def test_a_block_by_hand_is_a_persons(database: sqlite3.Connection) -> None:
    (query,) = (query for query in re.findall(r"```sql\n(.*?)```", PAGE, flags=re.DOTALL) if "'blocked'" in query)
    database.executescript(query)
    assert database.execute("SELECT status, status_origin FROM users").fetchall() == [("blocked", None)]
