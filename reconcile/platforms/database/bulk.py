"""One statement for many rows, which come and go as the driver's own tuples.

How many go at once is the driver's business: psycopg sends on without waiting for answers, PyMySQL
joins the rows of an INSERT. Of an UPDATE and a DELETE it does neither: see `given`.

SQLAlchemy writes the statement; the rows go past it, because looking at each value of each row
costs it as much time as the database needs to store them. So values must be what the driver takes:
text, numbers, None; JSON as text.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any, cast

import sqlalchemy as sa

from reconcile.platforms.database import mariadb_bulk


class Prepared:
    """A statement, written once, that runs as often as needed."""

    def __init__(
        self,
        connection: sa.Connection,
        statement: sa.Insert | sa.Update | sa.Delete,
        names: Sequence[str],
    ) -> None:
        """Takes the statement and the names of its parameters.

        For an insert they are the columns, in the order of a row's values.
        """
        columns = list(names) if isinstance(statement, sa.Insert) else None
        if isinstance(statement, sa.Insert):
            statement = statement.inline()  # or PostgreSQL would answer with every new id
        compiled = statement.compile(dialect=connection.dialect, column_keys=columns)
        self._connection = connection
        self._text = str(compiled)
        order = [names.index(name) for name in compiled.positiontup or ()]
        self._sort = itemgetter(*order) if order != list(range(len(names))) else None
        self._given = columns is None and connection.dialect.name == "mariadb"
        if self._given:
            kinds = [mariadb_bulk.kind_of(compiled.binds[name].type) for name in names]
            self._text = mariadb_bulk.as_join(self._text, order, kinds)

    def run(self, rows: Iterable[tuple[Any, ...]]) -> int:
        """Runs the statement for every row, at least one; returns how many rows it met."""
        if self._given:
            results = (
                self._connection.exec_driver_sql(self._text, (text,))
                for text in mariadb_bulk.texts(rows)
            )
            return sum(result.rowcount for result in results)
        parameters = list(map(self._sort, rows)) if self._sort else list(rows)
        return self._connection.exec_driver_sql(self._text, parameters).rowcount


def insert(
    connection: sa.Connection,
    table: sa.Table,
    names: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
) -> None:
    """Inserts rows of which none is expected to be refused; `names` are the columns.

    PostgreSQL takes them as one COPY, which costs a fifth of as many statements.
    """
    if not rows:
        return
    if connection.dialect.name not in ("postgresql", "mariadb"):
        Prepared(connection, table.insert(), names).run(rows)
        return
    quote = connection.dialect.identifier_preparer.quote
    columns = ", ".join(map(quote, names))
    if connection.dialect.name == "mariadb":
        begin = ("INSERT INTO", quote(table.name), f"({columns})", "VALUES")
        for values in mariadb_bulk.value_lists(rows):
            text = " ".join((*begin, values))
            connection.exec_driver_sql(text, execution_options={"no_parameters": True})
        return
    statement = f"COPY {quote(table.name)} ({columns}) FROM STDIN"
    driver: Any = connection.connection.driver_connection
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except connection.dialect.loaded_dbapi.Error as error:  # past SQLAlchemy
        raise sa.exc.DBAPIError(statement, None, error) from error


def chunks(
    connection: sa.Connection,
    statement: sa.Executable,
    parameters: Mapping[str, object],
    size: int,
) -> Iterator[list[tuple[Any, ...]]]:
    """The rows of a SELECT as the driver gives them, so many at a time; the last may be fewer."""
    cursor = connection.execute(statement, parameters).cursor
    if cursor is None:
        raise TypeError("the statement gives no rows")
    try:
        while some := cursor.fetchmany(size):
            yield list(some)
    except connection.dialect.loaded_dbapi.Error as error:  # past SQLAlchemy
        raise sa.exc.DBAPIError(str(statement), None, error) from error
    finally:
        cursor.close()


def rows(
    connection: sa.Connection, statement: sa.Executable, parameters: Mapping[str, object]
) -> list[tuple[Any, ...]]:
    """All rows of a SELECT as the driver gives them."""
    cursor = connection.execute(statement, parameters).cursor
    if cursor is None:
        raise TypeError("the statement gives no rows")
    try:
        return cast("list[tuple[Any, ...]]", cursor.fetchall())
    except (
        connection.dialect.loaded_dbapi.Error
    ) as error:  # past SQLAlchemy, which would have noted that
        raise sa.exc.DBAPIError(str(statement), None, error) from error
    finally:
        cursor.close()
