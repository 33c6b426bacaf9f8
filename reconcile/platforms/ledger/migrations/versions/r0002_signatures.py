"""A run records the digest of the plan file that it applied, and who signed the file."""

import sqlalchemy as sa
from alembic import op

from reconcile.platforms.database.columns import LONG_TEXT
from reconcile.platforms.database.schema import stored_name

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds what is missing: MariaDB keeps each statement of an upgrade that was interrupted."""
    connection = op.get_bind()
    table = stored_name(connection, "history_runs")
    existing = {column["name"] for column in sa.inspect(connection).get_columns(table)}
    columns: tuple[sa.Column[str], ...] = (
        sa.Column("plan_file", sa.String(length=64), server_default="", nullable=False),
        sa.Column("signatures", LONG_TEXT, server_default="[]", nullable=False),
    )
    for column in columns:
        if column.name not in existing:
            op.add_column("history_runs", column)
