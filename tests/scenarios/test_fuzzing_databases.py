"""Whatever stands in the tables of a platform: each command ends with a documented exit code and says why in a line."""

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcile.platforms.sql.tables.tables import metadata
from tests.scenarios.stage import ldif
from tests.scenarios.test_crashes import AFTER, BEFORE, DESIRED_STATE
from tests.scenarios.test_fuzzing import Cases, command, private

CHUNKS, DAMAGES = 2, 25
"""How many parts there are, for several processors, and how many damaged databases in each."""
TABLES = {
    table.name: [column.name for column in table.columns] for table in metadata.tables.values()
}
COMMANDS: list[tuple[str, ...]] = [
    ("plan",),
    ("users",),
    ("groups", "--format", "json"),
    ("departments",),
    ("history",),
    ("history", "--format", "json"),
    ("history", "--verify"),
    ("history", "--user", "ann"),
    ("history", "RUN"),
    ("plan", "--undo", "RUN"),
    ("explain", "ann"),
    ("test",),
    ("unlock",),
    ("apply", "--yes", "--force"),
]
CODES = {0, 1, 2, 4, 5, 6, 7, 8}
VALUES: list[Any] = [
    *(None, 0, 1, -1, 2, 2**31, 2**63 - 1, -(2**63), 0.5, 1e308, float("inf")),
    *(
        "",
        " ",
        "x",
        "main",
        "corp",
        "ann",
        "0",
        "-1",
        "1.5",
        "null",
        "[]",
        "{}",
        '{"a": 1}',
        '{"a": null}',
        "[" * 2000,
    ),
    *(
        "\x00",
        "a\x00b",
        "\x1b[31m",
        "a\nb",
        "\u202e",
        "😀",
        "é" * 300,
        "x" * 70_000,
        "2026-01-01T00:00:00Z",
        "9999-12-31",
    ),
    *(
        "active",
        "blocked",
        "erased",
        "user",
        "erase",
        "applied",
        "uid=ann,dc=example,dc=com",
        "0001-01-01 00:00:00",
    ),
    *(b"", b"x", b"\xff\xfe", b"\x00"),
]


def damage(chance: random.Random, connection: sqlite3.Connection) -> str:
    """Puts something else somewhere, as an application with a fault would; answers what."""
    table = chance.choice(list(TABLES))
    column = chance.choice(TABLES[table])
    value = chance.choice(VALUES)
    rows = connection.execute(f"SELECT rowid FROM {table}").fetchall()
    where = f" WHERE rowid = {chance.choice(rows)[0]}" if rows and chance.random() < 0.8 else ""
    written = "CAST(? AS TEXT)" if isinstance(value, bytes) and chance.random() < 0.5 else "?"
    about = f"{table}.{column} = {written} {value!r:.40}{where}"
    try:
        if chance.random() < 0.1:
            connection.execute(f"DELETE FROM {table}{where}")
            return f"DELETE {table}{where}"
        connection.execute(f"UPDATE {table} SET {column} = {written}{where}", (value,))
    except sqlite3.Error as error:
        return f"{about}: {error}"
    return about


GRACE = {"lifecycle": {"on_missing": {"action": "block", "after": "30d", "then": "erase"}}}


@pytest.mark.parametrize("part", range(CHUNKS))
def test_databases(part: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    chance, cases = random.Random(f"databases {part}"), Cases(tmp_path)
    private(
        cases.folder / "reconcile.yml",
        yaml.safe_dump(DESIRED_STATE | (GRACE if part % 2 else {})).encode(),
    )
    private(cases.folder / "corp.ldif", ldif(BEFORE).encode())
    assert command("apply", "--yes")[0] == 0
    private(cases.folder / "corp.ldif", ldif(AFTER).encode())
    assert command("apply", "--yes")[0] == 0
    private(cases.folder / "corp.ldif", ldif(BEFORE).encode())
    database, good = cases.folder / "platform.db", cases.folder / "good.db"
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO locks (workspace_id, token, login, host, pid, started_at) VALUES (1, 't', 'l', 'h', 1, 's')"
        )
        run = connection.execute("SELECT run FROM history_runs ORDER BY id DESC").fetchone()[0]
    shutil.copy(database, good)
    for _ in range(DAMAGES):
        shutil.copy(good, database)
        with closing(sqlite3.connect(database)) as connection, connection:
            connection.execute("PRAGMA ignore_check_constraints = ON")
            what = "; ".join(damage(chance, connection) for _ in range(chance.choice((1, 1, 2, 4))))
        for words in chance.sample(COMMANDS[:-1], 3) + COMMANDS[-1:]:
            cases.expect(Path(what), CODES, *(run if word == "RUN" else word for word in words))
    assert cases.codes[0] > DAMAGES / 4
    assert cases.codes[7] > DAMAGES / 4
