"""Which revision of the schema a database has, and bringing it to the newest.

The name of the revision stands in a table of our own, so that an application may keep an
`alembic_version` beside it. Alembic takes long to import and is only asked when there is something
to do.
"""

import hashlib
from typing import Final

import sqlalchemy as sa

from reconcile.errors import PlatformUnreadable

TABLE: Final = "reconcile_revision"
REVISIONS: Final = ("0001", "0002", "0003", "0004")
"""All of them, the newest last; a test holds them to the files in `migrations/versions`."""
_REMOVALS: Final = "0003"
"""The first with `history_runs.removed` and `files`, and with `workspaces.history_hash`."""
MARK: Final = "made by reconcile"
"""The comment of our tables on MariaDB."""
_PATIENCE: Final = 60
"""Seconds to wait for another run that does so."""
_LOCK: Final = int.from_bytes(hashlib.sha256(TABLE.encode()).digest()[:7])
"""Who creates or changes tables on a server holds the lock of this number."""


def revision(connection: sa.Connection, database: str) -> str:
    """The database's revision; "" where nothing was ever applied.

    Raises PlatformUnreadable for a revision that is not known here, and for somebody else's tables
    of our names.
    """
    if not sa.inspect(connection).has_table(TABLE):
        if (
            connection.dialect.name != "mariadb"
        ):  # there it may be an unfinished creation: `upgrade` looks closer
            _refuse_strangers(connection, database)
        return ""
    found = connection.execute(sa.text(f"SELECT version_num FROM {TABLE}")).scalars().all()  # noqa: S608 - a constant
    if not found and connection.dialect.name == "mariadb" and not _is_used(connection):
        return ""  # an interrupted creation: `upgrade` starts it over
    if len(found) != 1 or found[0] not in REVISIONS:
        raise PlatformUnreadable(
            f"the schema of the {database} has revision {', '.join(map(repr, found)) or 'none'}, "
            f"this version of reconcile knows up to {REVISIONS[-1]!r}: "
            "use the version that made it or a newer one, or restore a backup from before that"
        )
    return str(found[0])


def has_removals(found: str) -> bool:
    """Whether a database of this revision, which is only read, records what runs removed from the history."""
    return REVISIONS.index(found) >= REVISIONS.index(_REMOVALS)


def upgrade(connection: sa.Connection, database: str) -> None:
    """Creates the tables, or brings them to the newest revision, inside the connection's transaction.

    MariaDB keeps every single statement of it at once. What an interrupted creation left there is
    removed first.
    """
    _wait_for_others(connection, database)
    found = revision(connection, database)
    if found == REVISIONS[-1]:
        return
    if not found:
        _refuse_encoding(connection, database)
        _remove_unfinished(connection)
        _refuse_strangers(connection, database)

    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "reconcile.platforms.sql:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _wait_for_others(connection: sa.Connection, database: str) -> None:
    """Of several first runs one creates the tables. SQLite has let in only one anyway."""
    if connection.dialect.name == "postgresql":
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
    elif (
        connection.dialect.name == "mariadb"
    ):  # the lock is the whole server's, and ends with the connection
        name = sa.func.concat(f"{_LOCK} ", sa.func.sha1(sa.func.database()))
        if connection.execute(sa.select(sa.func.get_lock(name, _PATIENCE))).scalar() != 1:
            raise PlatformUnreadable(
                f"another run has been creating the tables of the {database} for too long"
            )


def _refuse_encoding(connection: sa.Connection, database: str) -> None:
    """A PostgreSQL database has one encoding for ever, and most of them cannot hold every name."""
    if connection.dialect.name == "postgresql":
        encoding = connection.execute(sa.text("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            raise PlatformUnreadable(
                f"the {database} has the encoding {encoding}, which cannot hold every name: "
                "create one with ENCODING 'UTF8'"
            )


def _is_used(connection: sa.Connection) -> bool:
    """Whether anything was ever applied: a workspace is the first row to come."""
    there = sa.inspect(connection).has_table("workspaces")
    return (
        there
        and connection.execute(sa.text("SELECT 1 FROM workspaces LIMIT 1")).scalar() is not None
    )


def _remove_unfinished(connection: sa.Connection) -> None:
    """On MariaDB, the empty tables of a creation that was interrupted; nothing that somebody else made."""
    if connection.dialect.name != "mariadb" or not sa.inspect(connection).has_table(TABLE):
        return
    from reconcile.platforms.sql.tables.tables import metadata

    marked = sa.text(
        "SELECT table_name FROM information_schema.tables WHERE table_schema = database() AND table_comment = :mark"
    )
    ours = set(connection.execute(marked, {"mark": MARK}).scalars())
    for table in reversed(metadata.sorted_tables):
        if table.name in ours:
            table.drop(connection)


def _refuse_strangers(connection: sa.Connection, database: str) -> None:
    """Tables of the same names that somebody else made are not ours to use."""
    from reconcile.platforms.sql.tables.tables import metadata

    there = sorted(set(metadata.tables) & set(sa.inspect(connection).get_table_names()))
    if there:
        raise PlatformUnreadable(
            f"the {database} has tables that reconcile did not make: {', '.join(there)}. "
            "Name another database in `platform.url`"
        )
