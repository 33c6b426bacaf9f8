"""A memo of the last run that had nothing to do, so that the next one can see that again."""

from reconcile.platforms.ledger.migrations import added_tables

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table."""
    added_tables.quiet_memos()
