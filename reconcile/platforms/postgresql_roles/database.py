"""The database that a URL names: the ledger is in a schema of it, the roles are the server's."""

from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError

from reconcile.errors import UsageError
from reconcile.model.desired import Secret
from reconcile.platforms.database import server
from reconcile.platforms.database.postgresql import PostgresqlDatabase
from reconcile.platforms.database.urls import connect

PAGE: Final = "docs/platforms/postgresql_roles.md"
LOCKS: Final = (
    "it has no room for more locks; nothing of this transaction was kept. Set `platform.chunk` to "
    "a smaller number, or the server's max_locks_per_transaction to a larger one ({text})"
)
_RIGHTS: Final = f"the account lacks a right, see {PAGE} for those it needs ({{text}})"


class RolesDatabase(PostgresqlDatabase):
    """One database of the server; its ledger is in a schema of that name alone."""

    def __init__(self, url: sa.URL, schema: str) -> None:
        """The schema is made on the first apply."""
        super().__init__(url)
        self.schema = schema
        self.url = url
        sa.event.listen(self._engine, "connect", self._settle_schema)

    def _settle_schema(self, connection: object, _record: object) -> None:
        quoted = self._engine.dialect.identifier_preparer.quote_identifier(self.schema)
        connection.execute(f"SET search_path = {quoted}")  # type: ignore[attr-defined] # psycopg's
        connection.commit()  # type: ignore[attr-defined] # psycopg's

    def exists(self) -> bool:
        """Whether the schema does."""
        with self.reading() as connection:
            return self.has_schema(connection)

    def has_schema(self, connection: sa.Connection) -> bool:
        """Whether the schema of the ledger exists."""
        named = sa.text("SELECT 1 FROM pg_namespace WHERE nspname = :name")
        return connection.execute(named, {"name": self.schema}).first() is not None

    def create(self) -> None:
        """Makes the schema."""
        with self.writing() as connection:
            connection.execute(sa.schema.CreateSchema(self.schema, if_not_exists=True))

    def other(self, name: str) -> PostgresqlDatabase:
        """Another database of the server, with the same account."""
        return PostgresqlDatabase(self.url.set(database=name))

    def _meaning(self, error: DBAPIError, text: str) -> str:
        if str(getattr(error.orig, "sqlstate", None) or "") == "53200":
            return LOCKS
        meaning = super()._meaning(error, text)
        return _RIGHTS if meaning == server.RIGHTS else meaning


def roles_database(secret: Secret | None, schema: str) -> RolesDatabase:
    """The database of a URL; connects when it is first used. Raises UsageError for another URL."""
    database = connect(secret, ".")
    if secret is None or not isinstance(database, PostgresqlDatabase):
        raise UsageError(
            "platform.url: a platform of type postgresql_roles needs a PostgreSQL server, "
            "as in postgresql+psycopg://reconcile@db.example.com/reconcile"
        )
    return RolesDatabase(sa.make_url(secret.reveal()), schema)


def account(secret: Secret | None) -> str:
    """The account that a URL names; "" where it names none that can be seen."""
    try:
        return (sa.make_url(secret.reveal()).username or "") if secret is not None else ""
    except (ArgumentError, ValueError):
        return ""
