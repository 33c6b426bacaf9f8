"""Which revision of the schema a database has, and bringing it to the newest.

The name of the revision stands in a table of our own, so that an application may keep an `alembic_version` beside it.
Alembic takes long to import and is only asked when there is something to do.
"""

from typing import Final

import sqlalchemy as sa

from reconcile.errors import PlatformUnreadable

TABLE: Final = "reconcile_revision"
REVISIONS: Final = ("0001",)
"""All of them, the newest last; a test holds them to the files in `migrations/versions`."""


def revision(connection: sa.Connection, database: str) -> str:
    """The database's revision; "" where nothing was ever applied.

    Raises PlatformUnreadable for a revision that is not known here.
    """
    if not sa.inspect(connection).has_table(TABLE):
        return ""
    found = connection.execute(sa.text(f"SELECT version_num FROM {TABLE}")).scalars().all()  # noqa: S608 - a constant
    if len(found) != 1 or found[0] not in REVISIONS:
        raise PlatformUnreadable(
            f"the schema of the {database} has revision {', '.join(map(repr, found)) or 'none'}, "
            f"this version of reconcile knows up to {REVISIONS[-1]!r}: "
            "use the version that made it or a newer one, or restore a backup from before that"
        )
    return str(found[0])


def upgrade(connection: sa.Connection, database: str) -> None:
    """Creates the tables, or brings them to the newest revision, inside the connection's transaction."""
    found = revision(connection, database)
    if found == REVISIONS[-1]:
        return
    if not found:
        _refuse_strangers(connection, database)

    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "reconcile.platforms.sql:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _refuse_strangers(connection: sa.Connection, database: str) -> None:
    """Tables of the same names that somebody else made are not ours to use."""
    from reconcile.platforms.sql.tables import metadata

    there = sorted(set(metadata.tables) & set(sa.inspect(connection).get_table_names()))
    if there:
        raise PlatformUnreadable(
            f"the {database} has tables that reconcile did not make: {', '.join(there)}. "
            "Name another database in `platform.url`"
        )
