"""Tables that the sql platform and every ledger got at the same time."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from reconcile.platforms.database.columns import LONG_BYTES, LONG_TEXT
from reconcile.platforms.database.schema import MARK, stored_name


def history_packs() -> None:
    """The changes of large runs."""
    _create(
        "history_packs",
        sa.Column("run_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("heads", LONG_BYTES, nullable=False),
        sa.Column("payloads", LONG_BYTES, nullable=False),
        sa.Column("seals", LONG_BYTES, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["history_runs.id"]),
        sa.PrimaryKeyConstraint("run_id", "first"),
    )


def quiet_memos() -> None:
    """What the last run that had nothing to do was made from."""
    _create(
        "quiet_memos",
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("scope_sha256", sa.String(length=64), nullable=False),
        sa.Column("memo", LONG_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "scope_sha256"),
    )


def _create(name: str, *elements: Any) -> None:
    """Adds a table. On MariaDB an upgrade that was interrupted has left it, empty."""
    if op.get_bind().dialect.name == "mariadb" and _is_ours(name):
        return
    options: dict[str, Any] = {
        "mariadb_engine": "InnoDB",
        "mariadb_default_charset": "utf8mb4",
        "mariadb_collate": "utf8mb4_nopad_bin",
        "mariadb_comment": MARK,
    }
    op.create_table(name, *elements, **options)


def _is_ours(name: str) -> bool:
    connection = op.get_bind()
    known = sa.text(
        "SELECT 1 FROM information_schema.tables "
        "WHERE table_schema = database() AND table_name = :name AND table_comment = :mark"
    )
    names = {"name": stored_name(connection, name), "mark": MARK}
    return connection.execute(known, names).scalar() is not None
