"""The changes of a large run are kept in packs."""

from reconcile.platforms.ledger.migrations import added_tables

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Adds the table. What earlier runs recorded stays where it is."""
    added_tables.history_packs()
