"""The database of one workspace, in which the tables of reconcile have a prefix."""

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError

from reconcile.errors import UsageError
from reconcile.model.desired import Secret
from reconcile.platforms.database import database, server
from reconcile.platforms.database.database import Busy
from reconcile.platforms.database.mariadb import MariadbDatabase
from reconcile.platforms.database.urls import connect
from reconcile.platforms.ledger.schema import SCHEMA
from reconcile.platforms.processmaker.settings import WORKSPACE

_RIGHTS: Final = (
    "the account lacks a right, see docs/platforms/processmaker.md for those it needs ({text})"
)
_COLLATIONS: Final = (
    "its tables have different collations, so that their ids and names cannot be compared "
    "({text}). Give all tables of the site the collation that most of them have: "
    "ALTER TABLE … CONVERT TO CHARACTER SET … COLLATE …"
)
_MIXED: Final = (1267, 1270, 1271)
"""What MariaDB says where two collations meet."""
PREFIX: Final = "RECONCILE_"
_STORED: Final = {
    **{table.name: PREFIX + table.name.upper() for table in SCHEMA.tables()},
    SCHEMA.version_table: SCHEMA.version_table.upper(),
}
"""Table of the ledger → what it is called here. No column of it has the name of a table."""


class SiteDatabase(MariadbDatabase):
    """One workspace's database: the product's tables, and those of the ledger."""

    def __init__(self, url: sa.URL) -> None:
        """Connects when it is first used."""
        super().__init__(url)
        dialect: Any = self._engine.dialect
        dialect.preparer = _prefixed(dialect.preparer)
        dialect.identifier_preparer = dialect.preparer(dialect)

    def _meaning(self, error: DBAPIError, text: str) -> str:
        if error.orig is not None and error.orig.args and error.orig.args[0] in _MIXED:
            return _COLLATIONS
        meaning = super()._meaning(error, text)
        return _RIGHTS if meaning == server.RIGHTS else meaning

    def guard(self, connection: sa.Connection) -> None:
        """Keeps other runs of reconcile out of the database until the connection ends.

        No name, title or DN is unique in the product's tables, so what is new is looked for first.
        """
        name = sa.func.concat("reconcile ", sa.func.left(sa.func.sha2(sa.func.database(), 256), 40))
        lock = sa.select(sa.func.get_lock(name, round(database.BUSY)))
        if connection.execute(lock).scalar() != 1:
            raise Busy(f"the {self}: another run of reconcile is writing to it; try again")


def _prefixed(base: type) -> type:
    """A preparer of identifiers that writes the prefix before the names of the ledger's tables."""

    class Prefixed(base):  # type: ignore[misc] # whatever the dialect has
        stored_names = _STORED

        def quote(self, ident: str) -> Any:
            return super().quote(_STORED.get(ident, ident))

    return Prefixed


def site_database(secret: Secret | None, workspace: str) -> SiteDatabase:
    """The database of a workspace; connects when it is first used. Raises UsageError."""
    named = connect(secret, ".")
    if secret is None or not isinstance(named, MariadbDatabase):
        raise UsageError(
            "platform.url: a platform of type processmaker needs a MariaDB server, "
            f"as in mariadb+pymysql://reconcile@db.example.com/wf_{WORKSPACE}"
        )
    url = sa.make_url(secret.reveal())
    return SiteDatabase(url.set(database=(url.database or "").replace(WORKSPACE, workspace)))
