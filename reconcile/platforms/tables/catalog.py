"""The tables and columns of the database by their names, and what is wrong with those."""

import difflib
import warnings
from collections.abc import Iterable
from typing import Final

import sqlalchemy as sa

from reconcile.platforms.tables import literals
from reconcile.platforms.tables.columns import Column
from reconcile.platforms.tables.declared.conditions import Value
from reconcile.ports import Fault

Path = tuple[str, ...]
_LACKING: Final = "lacking"
"""The mark of a column that stands in for one that does not exist."""
_WITHOUT_TRANSACTIONS: Final = frozenset({"MYISAM", "ARIA", "MEMORY", "ARCHIVE", "CSV"})
"""Engines of MariaDB that keep a statement at once, whatever becomes of its transaction."""


def fault_line(fault: Fault) -> str:
    """A fault with its place, in one line."""
    path, message = fault
    return f"platform.{'.'.join(map(str, path))}: {message}"


class Catalog:
    """The tables of the database; collects what is wrong."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self._metadata = sa.MetaData()
        self.faults: list[Fault] = []

    def add(self, path: Path, message: str) -> None:
        """Notes a fault."""
        self.faults.append((path, message))

    def table(self, path: Path, name: str) -> sa.Table:
        """A table or view by its name; an empty one stands in for one that does not exist."""
        schema, _, plain = name.rpartition(".")
        try:
            table = self._reflected(plain, schema or None)
        except sa.exc.NoSuchTableError:
            inspector = sa.inspect(self._connection)
            known = [*inspector.get_table_names(), *inspector.get_view_names()]
            near = _near(name, known)
            self.add((*path, "table"), f"the database has no table {name!r}{near}")
            return sa.Table(plain, sa.MetaData())
        engine = str(table.kwargs.get("mariadb_engine") or "")
        if engine.upper() in _WITHOUT_TRANSACTIONS:
            self.add(
                (*path, "table"),
                f"{name!r} has the engine {engine}, which cannot undo what fails: "
                f"ALTER TABLE {name} ENGINE=InnoDB",
            )
        return table

    def _reflected(self, name: str, schema: str | None) -> sa.Table:
        with warnings.catch_warnings():  # of types that SQLAlchemy does not know
            warnings.simplefilter("ignore", sa.exc.SAWarning)
            return sa.Table(
                name,
                self._metadata,
                schema=schema,
                autoload_with=self._connection,
                resolve_fks=False,
            )

    def column(self, path: Path, table: sa.Table, name: str) -> Column:
        """A column by its name; of a table that does not exist one fault is enough."""
        if name in table.columns:
            return table.columns[name]
        if len(table.columns):
            near = _near(name, table.columns.keys())
            self.add(path, f"the table {table.name!r} has no column {name!r}{near}")
        lacking: Column = sa.Column(name, sa.Text, info={_LACKING: True})
        sa.Table(table.name, sa.MetaData(), lacking)
        return lacking

    def literal(self, path: Path, column: Column, value: Value) -> object:
        """A literal as the column takes it."""
        try:
            return None if _LACKING in column.info else literals.literal(column, value)
        except ValueError as error:
            self.add(path, str(error))
            return None


def _near(name: str, known: Iterable[str]) -> str:
    """What is probably meant, otherwise what there is."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; it has {', '.join(names[:10])}{' …' if len(names) > 10 else ''}"
