"""The unique keys of usernames and of group names fold the letters A to Z, and no others.

`lower()` folds other letters on PostgreSQL and MariaDB, by the locale and the version of the
server: there a key refused names that are different for the planner and the other databases.
SQLite's folds A to Z and stays as it is.
"""

import logging
from string import ascii_uppercase
from typing import Final

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

_KEYS: Final = (("users", "username"), ("groups", "name"))
_log = logging.getLogger("reconcile.platforms.sql")


def upgrade() -> None:
    """Rebuilds both keys."""
    step = {"postgresql": _postgresql, "mariadb": _mariadb}.get(op.get_bind().dialect.name)
    if step is not None:
        for table, column in _KEYS:
            step(table, column)


def _postgresql(table: str, column: str) -> None:
    """Leaves out rows that the former key took for two.

    In a Turkish locale `lower('I')` is not `i`.
    """
    folded = f'lower({column} COLLATE "C")'
    ranked = f"row_number() OVER (PARTITION BY workspace_id, {folded} ORDER BY id)"
    numbered = f"SELECT id, {ranked} FROM {table}"  # noqa: S608 - constants
    later = sa.text(f"SELECT id FROM ({numbered}) AS numbered WHERE row_number > 1")  # noqa: S608
    exempt = ", ".join(map(str, sorted(op.get_bind().execute(later).scalars())))
    if exempt:
        _log.warning(
            "%s that others have but for the case of A to Z: ids %s of %s; rename them",
            f"{column}s",
            exempt,
            table,
        )
    where = f" WHERE id NOT IN ({exempt})" if exempt else ""
    op.drop_index(f"{table}_{column}", table_name=table)
    op.execute(f"CREATE UNIQUE INDEX {table}_{column} ON {table} (workspace_id, ({folded})){where}")


def _mariadb(table: str, column: str) -> None:
    """In one statement, kept whole or not at all, which changes nothing when run again."""
    folded = column
    for letter in ascii_uppercase:
        folded = f"REPLACE({folded}, '{letter}', '{letter.lower()}')"
    generated, key = f"{column}_lower", f"{table}_{column}"
    op.execute(
        f"ALTER TABLE `{table}` DROP INDEX IF EXISTS {key}, DROP COLUMN IF EXISTS {generated}, "
        f"ADD COLUMN {generated} VARCHAR(255) GENERATED ALWAYS AS ({folded}) STORED, "
        f"ADD UNIQUE INDEX {key} (workspace_id, {generated})"
    )
