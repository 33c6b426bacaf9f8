"""The table `history_packs`, which the sql platform and every ledger got at the same time."""

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from reconcile.platforms.database.columns import LONG_BYTES
from reconcile.platforms.database.schema import MARK, stored_name

_NAME: Final = "history_packs"


def create() -> None:
    """Adds the table. On MariaDB an upgrade that was interrupted has left it, empty."""
    if op.get_bind().dialect.name == "mariadb" and _is_ours():
        return
    options: dict[str, Any] = {
        "mariadb_engine": "InnoDB",
        "mariadb_default_charset": "utf8mb4",
        "mariadb_collate": "utf8mb4_nopad_bin",
        "mariadb_comment": MARK,
    }
    op.create_table(
        _NAME,
        sa.Column("run_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("first", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("heads", LONG_BYTES, nullable=False),
        sa.Column("payloads", LONG_BYTES, nullable=False),
        sa.Column("seals", LONG_BYTES, nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["history_runs.id"]),
        sa.PrimaryKeyConstraint("run_id", "first"),
        **options,
    )


def _is_ours() -> bool:
    connection = op.get_bind()
    known = sa.text(
        "SELECT 1 FROM information_schema.tables "
        "WHERE table_schema = database() AND table_name = :name AND table_comment = :mark"
    )
    names = {"name": stored_name(connection, _NAME), "mark": MARK}
    return connection.execute(known, names).scalar() is not None
