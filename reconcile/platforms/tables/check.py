"""What `reconcile test` says of the tables."""

from collections.abc import Iterator

import sqlalchemy as sa

from reconcile.platforms.database.database import Database
from reconcile.platforms.tables import columns
from reconcile.platforms.tables.mapping import fault_line, resolve
from reconcile.platforms.tables.settings import TablesSettings
from reconcile.ports import Check


def checks(
    connection: sa.Connection, database: Database, mapping: TablesSettings
) -> Iterator[Check]:
    """Ends with the first thing that fails."""
    version = database.version(connection)
    named = f" ({version})" if version else ""
    yield Check("platform", True, f"the {database} can be read{named}")
    mapped, faults = resolve(connection, mapping)
    if mapped is None:
        lines = [fault_line(fault) for fault in faults]
        yield Check("mapping", False, "\n".join(lines))
        return
    yield Check("mapping", True, f"{columns.named(mapped.users.id)} and what belongs to it")
