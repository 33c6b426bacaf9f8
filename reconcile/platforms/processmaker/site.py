"""How one site's database differs from another: which tables it has, and how ids are compared."""

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

import sqlalchemy as sa

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.processmaker import tables as t

_OWN: Final = t.kept.name
_LENGTH: Final = 32


class Site(NamedTuple):
    """What is known of one database without reading a row."""

    columns: Mapping[str, frozenset[str]]
    """Table → its columns, both in capitals."""
    uid: sa.String
    """The type of ids, with the collation of the product's columns."""

    @property
    def keeps(self) -> bool:
        """Whether the side table exists."""
        return _OWN in self.columns

    def has(self, table: str, *columns: str) -> bool:
        """Whether the database has a table with these columns."""
        return self.columns.get(table, frozenset()).issuperset(columns) and table in self.columns


def site(connection: sa.Connection) -> Site:
    """Looks at the tables. Raises PlatformUnreadable where they are none of ProcessMaker 3."""
    listed = sa.text(
        "SELECT table_name, column_name, collation_name FROM information_schema.columns "
        "WHERE table_schema = database()"
    )
    columns: dict[str, set[str]] = {}
    collation = ""
    for table, column, collated in connection.execute(listed):
        columns.setdefault(table.upper(), set()).add(column.upper())
        if (table.upper(), column.upper()) == (t.users.name, "USR_UID"):
            collation = str(collated or "")
    _expect(connection, columns)
    uid = sa.String(_LENGTH, collation=collation)
    return Site({table: frozenset(names) for table, names in columns.items()}, uid)


def _expect(connection: sa.Connection, columns: Mapping[str, set[str]]) -> None:
    """Raises PlatformUnreadable where the database lacks what every site of 3.2 or later has."""
    lacking = list(_lacking(columns))
    if not lacking:
        return
    database = connection.engine.url.database
    if t.users.name not in columns:
        raise PlatformUnreadable(
            f"the database {database} is no workspace of ProcessMaker 3: it has no table USERS. "
            "Name the workspace's database in `platform.url`, as in wf_{workspace}"
        )
    raise PlatformUnreadable(
        f"the database {database} lacks {', '.join(lacking[:3])}: "
        "reconcile writes to ProcessMaker 3.2 to 3.8"
    )


def _lacking(columns: Mapping[str, set[str]]) -> Iterable[str]:
    """The tables and columns that do not exist."""
    for table in t.REQUIRED:
        if table.name not in columns:
            yield f"the table {table.name}"
            continue
        for column in table.columns:
            if column.name not in columns[table.name]:
                yield f"the column {column.name} of {table.name}"
