"""A run records its files and the texts it removed, a workspace its last hash.

So verifying can distinguish a text removed by hand from one that went with an erase, and a history
that lacks its last runs from one that had no more.
"""

import sqlalchemy as sa
from alembic import op

from reconcile.platforms.database.columns import LONG_TEXT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the columns; on MariaDB, which keeps each statement, also after an interruption."""
    if op.get_bind().dialect.name == "mariadb":
        op.execute(
            "ALTER TABLE history_runs ADD COLUMN IF NOT EXISTS removed LONGTEXT NOT NULL DEFAULT ''"
        )
        op.execute(
            "ALTER TABLE history_runs ADD COLUMN IF NOT EXISTS files LONGTEXT NOT NULL DEFAULT ''"
        )
        op.execute("ALTER TABLE workspaces ADD COLUMN IF NOT EXISTS history_hash VARCHAR(64)")
        return
    op.add_column(
        "history_runs", sa.Column("removed", LONG_TEXT, server_default="", nullable=False)
    )
    op.add_column("history_runs", sa.Column("files", LONG_TEXT, server_default="", nullable=False))
    op.add_column("workspaces", sa.Column("history_hash", sa.String(length=64), nullable=True))
