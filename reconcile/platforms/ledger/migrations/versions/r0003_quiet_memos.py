"""A memo of the last run that had nothing to do, so that the next one can see that again."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from reconcile.platforms.database.columns import LONG_TEXT
from reconcile.platforms.database.schema import MARK, stored_name

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
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
        "quiet_memos",
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("scope_sha256", sa.String(length=64), nullable=False),
        sa.Column("memo", LONG_TEXT, nullable=False),
        sa.PrimaryKeyConstraint("workspace", "scope_sha256"),
        **options,
    )


def _is_ours() -> bool:
    name = stored_name(op.get_bind(), "quiet_memos")
    found = sa.text(
        "SELECT 1 FROM information_schema.tables "
        "WHERE table_schema = database() AND table_name = :name AND table_comment = :mark"
    )
    return op.get_bind().execute(found, {"name": name, "mark": MARK}).scalar() is not None
