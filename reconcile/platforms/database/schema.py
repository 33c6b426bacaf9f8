"""Which revision of its schema a database has, and bringing it to the newest.

The name of the revision is kept in a separate table, so that an application may have its own
`alembic_version`. Alembic takes long to import and is used only when there is something to do that
cannot be done at once: a new SQLite database gets the newest tables as they are.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NamedTuple

import sqlalchemy as sa

from reconcile.errors import PlatformUnreadable

MARK: Final = "made by reconcile"
"""The comment of reconcile's tables on MariaDB."""
_PATIENCE: Final = 60
"""Seconds to wait for another run that creates or changes the tables."""


class Schema(NamedTuple):
    """The tables of one kind of database, and the migrations that make them."""

    version_table: str
    """The table with the name of the revision."""
    revisions: tuple[str, ...]
    """All of them, the newest last; tests hold them to the files of `migrations`."""
    migrations: str
    """Package and folder of the migrations, as Alembic writes them: `package.name:folder`."""
    tables: Callable[[], Sequence[sa.Table]]
    """All tables, those that others refer to first."""
    setting: str
    """The setting whose value is the URL of the database."""
    on_mysql: bool = True
    """Whether the tables can be made on MySQL, too, and not only on MariaDB."""

    @property
    def newest(self) -> str:
        """The revision that this version of reconcile works with."""
        return self.revisions[-1]

    def has(self, current: str, revision: str) -> bool:
        """Whether a database of the revision `current` has what came with `revision`."""
        return self.revisions.index(current) >= self.revisions.index(revision)

    def revision(self, connection: sa.Connection, database: str) -> str:
        """The database's revision; "" if nothing was ever applied.

        Raises PlatformUnreadable for an unknown revision, and for tables with reconcile's names
        that another program made.
        """
        self._refuse_mysql(connection, database)
        version_table = stored_name(connection, self.version_table)
        if not sa.inspect(connection).has_table(version_table):
            # On MariaDB it may be an unfinished creation: `upgrade` looks closer.
            if connection.dialect.name != "mariadb":
                self._refuse_strangers(connection, database)
            return ""
        version: sa.ColumnClause[str] = sa.column("version_num")
        versions = sa.select(version).select_from(sa.table(version_table))
        revisions = connection.execute(versions).scalars().all()
        if not revisions and connection.dialect.name == "mariadb" and not _is_used(connection):
            return ""  # an interrupted creation: `upgrade` starts it over
        if len(revisions) != 1 or revisions[0] not in self.revisions:
            raise PlatformUnreadable(
                f"the schema of the {database} has revision "
                f"{', '.join(map(repr, revisions)) or 'none'}, "
                f"this version of reconcile knows up to {self.newest!r}: "
                "use the version that made it or a newer one, or restore a backup from before that"
            )
        return str(revisions[0])

    def upgrade(self, connection: sa.Connection, database: str) -> None:
        """Creates the tables, or brings them to the newest revision.

        Works inside the connection's transaction. MariaDB keeps every single statement of it at
        once; what an interrupted creation left there is removed first.
        """
        self._wait_for_others(connection, database)
        current = self.revision(connection, database)
        if current == self.newest:
            return
        if not current:
            _refuse_encoding(connection, database)
            self._remove_unfinished(connection)
            self._refuse_strangers(connection, database)
            if connection.dialect.name == "sqlite":
                self._create(connection)
                return
        self.migrate(connection)

    def _refuse_mysql(self, connection: sa.Connection, database: str) -> None:
        if connection.dialect.name != "mariadb" or self.on_mysql:
            return
        if not getattr(connection.dialect, "is_mariadb", False):
            raise PlatformUnreadable(
                f"the {database} is on MySQL, which cannot have these tables: "
                f"name a database of MariaDB, PostgreSQL or SQLite in `{self.setting}`"
            )

    def _create(self, connection: sa.Connection) -> None:
        """The newest tables, as all migrations together leave them; tests compare the two."""
        for table in self.tables():
            table.create(connection)
        versions = sa.Table(
            self.version_table,
            sa.MetaData(),
            sa.Column("version_num", sa.String(32), nullable=False),
            sa.PrimaryKeyConstraint("version_num", name=f"{self.version_table}_pkc"),
        )
        versions.create(connection)
        connection.execute(versions.insert().values(version_num=self.newest))

    def migrate(self, connection: sa.Connection) -> None:
        """Runs the migrations that the database has not had, one after the other."""
        from alembic import command
        from alembic.config import Config

        config = Config()
        config.set_main_option("script_location", self.migrations)
        config.attributes["connection"] = connection
        config.attributes["version_table"] = stored_name(connection, self.version_table)
        command.upgrade(config, "head")

    def _wait_for_others(self, connection: sa.Connection, database: str) -> None:
        """Of several first runs one creates the tables. SQLite has let in only one anyway."""
        number = int.from_bytes(hashlib.sha256(self.version_table.encode()).digest()[:7])
        if connection.dialect.name == "postgresql":
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(number)))
        if connection.dialect.name != "mariadb":
            return
        # The lock is the whole server's, and ends with the connection.
        name = sa.func.concat(f"{number} ", sa.func.left(sa.func.sha2(sa.func.database(), 256), 40))
        if connection.execute(sa.select(sa.func.get_lock(name, _PATIENCE))).scalar() != 1:
            raise PlatformUnreadable(
                f"another run has been creating the tables of the {database} for too long"
            )

    def _remove_unfinished(self, connection: sa.Connection) -> None:
        """On MariaDB, the empty tables of an interrupted creation; none of another program."""
        if connection.dialect.name != "mariadb":
            return
        if not sa.inspect(connection).has_table(stored_name(connection, self.version_table)):
            return
        marked = sa.text(
            "SELECT table_name FROM information_schema.tables "
            "WHERE table_schema = database() AND table_comment = :mark"
        )
        ours = set(connection.execute(marked, {"mark": MARK}).scalars())
        for table in reversed(self.tables()):
            if stored_name(connection, table.name) in ours:
                table.drop(connection, checkfirst=False)

    def _refuse_strangers(self, connection: sa.Connection, database: str) -> None:
        """Tables with the same names that another program made must not be used."""
        ours = {stored_name(connection, table.name) for table in self.tables()}
        strange = sorted(ours & set(sa.inspect(connection).get_table_names()))
        if strange:
            raise PlatformUnreadable(
                f"the {database} has tables that reconcile did not make: {', '.join(strange)}. "
                f"Name another database in `{self.setting}`"
            )


def _refuse_encoding(connection: sa.Connection, database: str) -> None:
    """A PostgreSQL database has one encoding for ever, and most of them cannot hold every name."""
    if connection.dialect.name == "postgresql":
        encoding = connection.execute(sa.text("SHOW server_encoding")).scalar_one()
        if encoding != "UTF8":
            raise PlatformUnreadable(
                f"the {database} has the encoding {encoding}, which does not have all characters: "
                "create one with ENCODING 'UTF8'"
            )


def _is_used(connection: sa.Connection) -> bool:
    """Whether anything was ever applied: a workspace is the first row to come."""
    if not sa.inspect(connection).has_table(stored_name(connection, "workspaces")):
        return False
    row = sa.select(sa.literal(1)).select_from(sa.table("workspaces")).limit(1)
    return connection.execute(row).scalar() is not None


def stored_name(connection: sa.Connection, table: str) -> str:
    """What a table of reconcile is called in a database that gives its tables a prefix."""
    names: Mapping[str, str] = getattr(connection.dialect.identifier_preparer, "stored_names", {})
    return names.get(table, table)
