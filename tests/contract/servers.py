"""A database on a server as its administrator and as an application see it."""

import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any, TypeAlias

import psycopg
import pymysql
import pytest

from reconcile.errors import Locked
from reconcile.platforms.sql import SqlPlatform
from tests.contract.platforms import HERE, Acme

Opened: TypeAlias = Callable[[Acme | str], SqlPlatform]
"""Opens the platform in a database, or behind a url, until the test is over."""


def is_mariadb(db: Acme) -> bool:
    return db.server.scheme.startswith("mariadb")


def tables(db: Acme) -> set[object]:
    schema = f"'{db.name}'" if is_mariadb(db) else "current_schema()"
    return {
        name
        for (name,) in db.by_hand(
            f"SELECT table_name FROM information_schema.tables WHERE table_schema = {schema}"
        )
    }


def usernames(platform: SqlPlatform) -> list[str]:
    return sorted(one.username for one in platform.read("main").users)


@contextmanager
def application(db: Acme) -> Iterator[Callable[[str], None]]:
    """Another program in one transaction of its own, undone at the end unless it says COMMIT."""
    connection: psycopg.Connection[tuple[object, ...]] | pymysql.Connection[Any]
    if is_mariadb(db):
        connection = pymysql.connect(
            host="127.0.0.1",
            port=db.server.port,
            user=db.account,
            password=db.password,
            database=db.name,
            ssl_disabled=True,
        )
    else:
        connection = psycopg.connect(
            host="127.0.0.1",
            port=db.server.port,
            user=db.account,
            password=db.password,
            dbname=db.name,
        )
    with closing(connection), connection.cursor() as cursor:

        def run(statement: str) -> None:
            cursor.execute(statement.encode())

        yield run


def refusal(platform: SqlPlatform, *, force: bool = False) -> str:
    with pytest.raises(Locked) as refused, platform.lock(["main"], HERE, force=force):
        pass
    return str(refused.value)


def waiting(db: Acme) -> bool:
    """Whether somebody waits for a lock of another."""
    if is_mariadb(
        db
    ):  # innodb_lock_waits is a cache that asking every few milliseconds keeps stale
        return db.by_hand("SHOW GLOBAL STATUS LIKE 'innodb_row_lock_current_waits'")[0][1] != "0"
    return db.by_hand("SELECT count(*) FROM pg_locks WHERE NOT granted") != [(0,)]


def wait_until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not done():
        assert time.monotonic() < end
        time.sleep(0.01)
