"""The SQLite file of the contract tests, seen from outside."""

import sqlite3
from contextlib import closing
from pathlib import Path


def by_hand(folder: Path, *statements: str) -> list[tuple[object, ...]]:
    """Runs SQL as an application would; the last statement's rows."""
    rows: list[tuple[object, ...]] = []
    with closing(sqlite3.connect(folder / "acme.db")) as connection, connection:
        connection.execute("PRAGMA foreign_keys = ON")
        for statement in statements:
            rows = connection.execute(statement).fetchall()
    return rows
