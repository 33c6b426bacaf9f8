"""The schema of the sql platform's database: its revisions, and the migrations that make them."""

from collections.abc import Sequence
from typing import Final

import sqlalchemy as sa

from reconcile.platforms.database.schema import Schema


def _tables() -> Sequence[sa.Table]:
    from reconcile.platforms.sql.tables.tables import metadata

    return metadata.sorted_tables


SCHEMA: Final = Schema(
    version_table="reconcile_revision",
    revisions=("0001", "0002", "0003", "0004", "0005", "0006", "0007"),
    migrations="reconcile.platforms.sql:migrations",
    tables=_tables,
    setting="platform.url",
    on_mysql=False,
)
REMOVALS: Final = "0003"
"""The first with `history_runs.removed` and `files`, and with `workspaces.history_hash`."""
SIGNATURES: Final = "0005"
"""The first with `history_runs.plan_file` and `signatures`."""
PACKS: Final = "0006"
"""The first with `history_packs`."""
MEMOS: Final = "0007"
"""The first with `quiet_memos`."""
