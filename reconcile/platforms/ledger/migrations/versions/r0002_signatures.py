"""A run records the digest of the plan file that it applied, and who signed the file."""

import sqlalchemy as sa
from alembic import op

from reconcile.platforms.database.columns import LONG_TEXT

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns; on MariaDB, which keeps each statement, also after an interruption."""
    dialect = op.get_bind().dialect
    if dialect.name == "mariadb":
        # Some databases have another name for it, which their dialect knows.
        alter = f"ALTER TABLE {dialect.identifier_preparer.quote('history_runs')} ADD COLUMN"
        op.execute(f"{alter} IF NOT EXISTS plan_file VARCHAR(64) NOT NULL DEFAULT ''")
        op.execute(f"{alter} IF NOT EXISTS signatures LONGTEXT NOT NULL DEFAULT '[]'")
        return
    op.add_column(
        "history_runs",
        sa.Column("plan_file", sa.String(length=64), server_default="", nullable=False),
    )
    op.add_column(
        "history_runs", sa.Column("signatures", LONG_TEXT, server_default="[]", nullable=False)
    )
