"""docs/sql-platform.md says what is in the database, and its queries run."""

import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.sql import SqlPlatform
from reconcile.testing.builders import HOLDER, ok, user
from tests.contract.platforms import Acme, Servers, prepare, sql

_NAMES = re.compile(r"\b(acme|reconcile|application)\b")
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
        table: [
            (column, kind)
            for _, column, kind, *_ in database.execute(f"PRAGMA table_info({table})")
        ]
        for table in tables
    }
    sections = re.findall(r"^### (\w+)\n(.*?)(?=^##)", PAGE, flags=re.MULTILINE | re.DOTALL)
    documented = {
        table: re.findall(r"^\| (\w+) \| ([A-Z]+(?:\(\d+\))?) \|", text, flags=re.MULTILINE)
        for table, text in sections
    }
    assert documented == real


@pytest.mark.parametrize("query", re.findall(r"```sql\n(.*?)```", PAGE, flags=re.DOTALL))
def test_the_queries_run(database: sqlite3.Connection, query: str) -> None:
    database.executescript(query)


def test_a_block_by_hand_is_a_persons(database: sqlite3.Connection) -> None:
    (query,) = (
        query
        for query in re.findall(r"```sql\n(.*?)```", PAGE, flags=re.DOTALL)
        if "'blocked'" in query
    )
    database.executescript(query)
    assert database.execute("SELECT status, status_origin FROM users").fetchall() == [
        ("blocked", None)
    ]


@pytest.mark.server
@pytest.mark.parametrize("kind", ["postgresql", "mariadb"])
def test_the_rights_are_enough(kind: str, servers: Servers, tmp_path: Path) -> None:
    blocks = re.findall(rf"```{kind}\n(.*?)```", PAGE, flags=re.DOTALL)
    server = servers(kind)

    def run(text: str, database: str) -> None:
        own = _NAMES.sub(r"\1_docs", text.replace("'…'", "'x'"))
        server.run(
            *[statement for statement in own.split(";") if statement.strip()], database=database
        )

    def platform(account: str) -> SqlPlatform:
        return sql(tmp_path, Acme(server, "acme_docs", account, "x").url)

    try:
        run(blocks[0], "mysql" if kind == "mariadb" else "postgres")
        ok(platform("reconcile_docs"), user("anna"))
        at = "@'%'" if kind == "mariadb" else ""
        server.run(f"CREATE USER application_docs{at} {'IDENTIFIED BY' if at else 'PASSWORD'} 'x'")
        for block in blocks[1:]:
            run(block, "acme_docs")
        ok(platform("application_docs"), user("ben"))
        assert len(platform("application_docs").read("main").users) == 2
        assert len(blocks) == (2 if kind == "mariadb" else 3)
    finally:
        server.run("DROP DATABASE acme_docs" + ("" if kind == "mariadb" else " WITH (FORCE)"))
        for account in ("reconcile_docs", "application_docs"):
            server.run(f"DROP USER {account}" + ("@'%'" if kind == "mariadb" else ""))


@pytest.mark.server
def test_a_schema_of_a_database_of_somebody_else(servers: Servers, tmp_path: Path) -> None:
    server = servers("postgresql")
    server.run("CREATE DATABASE theirs", "CREATE ROLE guest LOGIN PASSWORD 'x'")
    try:
        guest = Acme(server, "theirs", "guest", "x").url
        with pytest.raises(PlatformUnreadable, match="lacks a right"):
            prepare(sql(tmp_path, guest))
        server.run(
            "CREATE SCHEMA own", "GRANT USAGE, CREATE ON SCHEMA own TO guest", database="theirs"
        )
        ok(sql(tmp_path, f"{guest}?options=-csearch_path%3Down"), user("anna"))
        assert server.run("SELECT username FROM own.users", database="theirs") == [("anna",)]
    finally:
        server.run("DROP DATABASE theirs WITH (FORCE)", "DROP ROLE guest")
