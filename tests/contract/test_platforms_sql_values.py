"""What an application may put into the tables on a server: each command ends with a documented exit code."""

import random
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
import sqlalchemy as sa
import yaml

from reconcile.platforms.sql.tables.tables import metadata
from tests.contract.platforms import Acme
from tests.contract.servers import is_mariadb
from tests.scenarios.stage import ldif
from tests.scenarios.test_crashes import AFTER, BEFORE, DESIRED_STATE
from tests.scenarios.test_fuzzing import Cases, command, private
from tests.scenarios.test_fuzzing_databases import CODES, COMMANDS, GRACE

pytestmark = [pytest.mark.server, pytest.mark.each]

DAMAGES = 12
TEXTS = (
    "",
    " ",
    "x",
    "\x1b[31m",
    "a\nb",
    "\u202e",
    "😀",
    "é" * 255,
    "null",
    "[]",
    "9999-12-31",
    "2026-01-01T00:00:00Z",
)
VALUES: dict[type, tuple[Any, ...]] = {
    sa.Integer: (0, -1, 1, 2, 2**31 - 1, -(2**31), None),
    sa.DateTime: (
        "9999-12-31 23:59:59",
        "0001-01-01 00:00:00",
        "infinity",
        "-infinity",
        "294276-01-01",
        "0000-00-00",
    ),
    sa.JSON: ("[]", "null", '"x"', "1", '{"a": [1, {"b": null}]}', '{"phone": "\\u0001"}', "{}"),
    sa.String: (*TEXTS, None),
}


@contextmanager
def application(db: Acme) -> Iterator[Any]:
    """An application that writes what it likes; on MariaDB with a lax mode."""
    where: dict[str, Any] = {
        "host": "127.0.0.1",
        "port": db.server.port,
        "user": db.account,
        "password": db.password,
    }
    if is_mariadb(db):
        connection: Any = pymysql.connect(
            **where,
            database=db.name,
            autocommit=True,
            charset="utf8mb4",
            sql_mode="",
            ssl_disabled=True,
        )
    else:
        connection = psycopg.connect(**where, dbname=db.name, autocommit=True)
    with closing(connection), connection.cursor() as cursor:
        yield cursor


def value_for(chance: random.Random, column: sa.Column[Any]) -> Any:
    return chance.choice(
        next(values for kind, values in VALUES.items() if isinstance(column.type, kind))
    )


def test_values_of_every_type(db: Acme, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    chance, cases = random.Random(f"values {db.server.scheme}"), Cases(tmp_path)
    state = DESIRED_STATE | GRACE | {"platform": {"type": "sql", "url": db.url}}
    private(tmp_path / "reconcile.yml", yaml.safe_dump(state).encode())
    for people in (BEFORE, AFTER):
        private(tmp_path / "corp.ldif", ldif(people).encode())
        assert command("apply", "--yes")[0] == 0
    db.by_hand(
        "INSERT INTO locks (workspace_id, token, login, host, pid, started_at) VALUES (1, 't', 'l', 'h', 1, 's')"
    )
    ((run,), *_) = db.by_hand("SELECT run FROM history_runs ORDER BY id DESC")
    quote = "`" if is_mariadb(db) else '"'
    done = 0
    with application(db) as cursor:
        while done < DAMAGES:
            table = chance.choice(metadata.sorted_tables)
            column = chance.choice(list(table.columns))
            keys = [one.name for one in table.primary_key]
            name, field = f"{quote}{table.name}{quote}", f"{quote}{column.name}{quote}"
            cursor.execute(f"SELECT {', '.join(keys)}, {field} FROM {name}".encode())
            rows = list(cursor.fetchall())
            if not rows:
                continue
            *key, before = chance.choice(rows)
            where = " AND ".join(f"{one} = %s" for one in keys)
            try:
                value = value_for(chance, column)
                cursor.execute(f"UPDATE {name} SET {field} = %s WHERE {where}", (value, *key))
            except (psycopg.Error, pymysql.Error):  # the table refuses it
                continue
            done += 1
            what = Path(f"{name}.{field} = {value!r}")
            for words in chance.sample(COMMANDS[:-1], 3):
                cases.expect(what, CODES, *(str(run) if word == "RUN" else word for word in words))
            changed = [
                value if one == column.name else part for one, part in zip(keys, key, strict=True)
            ]
            if isinstance(column.type, sa.JSON):
                before = "{}"
            cursor.execute(f"UPDATE {name} SET {field} = %s WHERE {where}", (before, *changed))
    assert cases.codes[0] > DAMAGES
