"""The schema of a ledger's own database: its revisions, and the migrations that make them."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from reconcile.platforms.database.schema import Schema


def _tables() -> Sequence[sa.Table]:
    from reconcile.platforms.ledger import tables as t

    return (*t.SHARED, t.objects, t.links, t.journal)


SCHEMA: Final = Schema(
    version_table="reconcile_ledger_revision",
    revisions=("0001", "0002", "0003", "0004"),
    migrations="reconcile.platforms.ledger:migrations",
    tables=_tables,
    setting="state",
)
SIGNATURES: Final = "0002"
"""The first with `history_runs.plan_file` and `signatures`."""
PACKS: Final = "0003"
"""The first with `history_packs`."""
MEMOS: Final = "0004"
"""The first with `quiet_memos`."""
