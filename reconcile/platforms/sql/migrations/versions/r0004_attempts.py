"""A count of failed logins for each origin, in addition to that for each person."""

from typing import Any

import sqlalchemy as sa
from alembic import op

from reconcile.platforms.database.schema import MARK

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table. On MariaDB an upgrade that was interrupted has left it, empty."""
    dialect = op.get_bind().dialect.name
    if dialect == "mariadb" and _is_ours():
        return
    now = sa.text("utc_timestamp()" if dialect == "mariadb" else "CURRENT_TIMESTAMP")
    moment = sa.DateTime(timezone=dialect == "postgresql")
    options: dict[str, Any] = {
        "mariadb_engine": "InnoDB",
        "mariadb_default_charset": "utf8mb4",
        "mariadb_collate": "utf8mb4_nopad_bin",
        "mariadb_comment": MARK,
    }
    op.create_table(
        "login_origins",
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("key_sha256", sa.String(length=64), nullable=False),
        sa.Column("origin_sha256", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_failed_at", moment, server_default=now, nullable=False),
        sa.Column("locked_until", moment, server_default=now, nullable=False),
        sa.Column("last_login_at", moment, nullable=True),
        sa.PrimaryKeyConstraint("workspace", "key_sha256", "origin_sha256"),
        **options,
    )


def _is_ours() -> bool:
    found = sa.text(
        "SELECT 1 FROM information_schema.tables "
        "WHERE table_schema = database() AND table_name = 'login_origins' AND table_comment = :mark"
    )
    return op.get_bind().execute(found, {"mark": MARK}).scalar() is not None
