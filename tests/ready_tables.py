"""New databases get their tables by the statements that Alembic ran for the first one.

The statements are those of the migrations; Alembic itself takes ten times as long to find them. Each
process runs Alembic once for each kind of database.
"""

from typing import Any

import sqlalchemy as sa
from alembic import command
from alembic.config import Config

_GENUINE = command.upgrade
_made: dict[tuple[str, str, str], list[tuple[str, Any]]] = {}
"""Statements and their parameters, by dialect, place of the migrations and name of a table."""


def install() -> None:
    """From here on, in this process and those that it forks."""
    command.upgrade = _upgrade  # type: ignore[assignment] # with what the callers use


def learn() -> None:
    """The tables of SQLite, made once in memory before anything is forked."""
    from reconcile.platforms.ledger import schema as ledger
    from reconcile.platforms.sql import schema as sql

    for schema in (ledger.SCHEMA, sql.SCHEMA):
        engine = sa.create_engine("sqlite://")
        with engine.begin() as connection:
            schema.upgrade(connection, "memory")
        engine.dispose()


def _upgrade(config: Config, revision: str) -> None:
    connection: sa.Connection | None = config.attributes.get("connection")
    if revision != "head" or connection is None or _has_begun(connection, config):
        _GENUINE(config, revision)
        return
    # Some databases have other names for the tables, which their dialect knows.
    named = connection.dialect.identifier_preparer.quote("workspaces")
    kind = connection.dialect.name, str(config.get_main_option("script_location")), named
    if kind in _made:
        for statement, parameters in _made[kind]:
            connection.exec_driver_sql(statement, parameters)
        return
    seen: list[tuple[str, Any]] = []

    def keep(_c: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if not statement.lstrip().startswith(("SELECT", "PRAGMA", "SHOW", "DESCRIBE")):
            seen.append((statement, parameters))

    sa.event.listen(connection, "before_cursor_execute", keep)
    try:
        _GENUINE(config, revision)
    finally:
        sa.event.remove(connection, "before_cursor_execute", keep)
    _made[kind] = seen


def _has_begun(connection: sa.Connection, config: Config) -> bool:
    """Whether there are tables of an earlier revision, or a schema that statements name."""
    if connection.get_execution_options().get("schema_translate_map"):
        return True
    return sa.inspect(connection).has_table(
        config.attributes.get("version_table", "reconcile_revision")
    )
