"""What is written to MySQL otherwise than to MariaDB; `make test-mysql` tries it on a server."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.schema import CreateTable

from reconcile.platforms.database.columns import LONG_TEXT
from reconcile.platforms.database.mariadb import ServerDialect

COLLATED: Any = {"mariadb_collate": "utf8mb4_nopad_bin"}
TABLE = sa.Table(
    "notes",
    sa.MetaData(),
    sa.Column("name", sa.String(20, collation="utf8mb4_nopad_bin"), server_default=""),
    sa.Column("text", LONG_TEXT, server_default="[]"),
    sa.Column("made", sa.DateTime, server_default=sa.text("utc_timestamp()")),
    **COLLATED,
)


def created(*, mariadb: bool) -> str:
    dialect = ServerDialect(is_mariadb=mariadb)
    return " ".join(str(CreateTable(TABLE).compile(dialect=dialect)).split())


def test_mariadb_gets_what_it_always_got() -> None:
    assert created(mariadb=True) == (
        "CREATE TABLE notes ( name VARCHAR(20) COLLATE utf8mb4_nopad_bin DEFAULT '', "
        "text LONGTEXT DEFAULT '[]', made DATETIME DEFAULT (utc_timestamp()) "
        ")COLLATE utf8mb4_nopad_bin"
    )


def test_mysql_gets_its_own_collation_and_defaults_in_brackets() -> None:
    assert created(mariadb=False) == (
        "CREATE TABLE notes ( name VARCHAR(20) COLLATE utf8mb4_0900_bin DEFAULT '', "
        "text LONGTEXT DEFAULT ('[]'), made DATETIME DEFAULT (utc_timestamp()) "
        ")COLLATE utf8mb4_0900_bin"
    )


@pytest.mark.parametrize(
    ("version", "refused"),
    [
        ("5.7.44", True),
        ("8.0.16", True),
        ("8.0.17", False),
        ("9.7.4-2", False),
        ("10.6.18-MariaDB", False),
    ],
)
def test_a_mysql_that_is_too_old_is_refused(version: str, refused: bool) -> None:
    dialect = ServerDialect()
    dialect.server_version_info = dialect._parse_server_version(version)
    assert dialect.is_too_old() == refused
