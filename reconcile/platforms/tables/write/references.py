"""Foreign keys of the application that lead to a mapped table: what they do to a delete."""

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias

import sqlalchemy as sa

from reconcile.platforms.tables.mapping import REFERENCES, Mapped, Objects


class Reference(NamedTuple):
    """A column of another table that holds ids of a mapped one."""

    table: str
    column: str
    schema: str | None
    on_delete: str
    """CASCADE, SET NULL, …; "" where the database refuses the delete."""

    def __str__(self) -> str:
        return f"{self.table}.{self.column}"

    @property
    def hinders(self) -> bool:
        """Whether a row that refers to an object keeps it from being deleted."""
        return self.on_delete not in ("CASCADE", "SET NULL", "SET DEFAULT")

    def is_used(self, connection: sa.Connection, own: object) -> bool:
        """Whether a row refers to this object."""
        column: sa.ColumnClause[object] = sa.column(self.column)
        table = sa.table(self.table, column, schema=self.schema)
        rows = sa.select(sa.literal(1)).select_from(table).where(column == own).limit(1)
        return connection.execute(rows).first() is not None


def references(connection: sa.Connection, mapped: Mapped, objects: Objects) -> list[Reference]:
    """What refers to these objects, but for what the mapping itself is about."""
    handled = set(_handled(mapped))
    own, target = objects.part.table, (objects.part.table.name, objects.id.name)
    keys = _of_sqlite(connection) if connection.dialect.name == "sqlite" else _all(connection, own)
    return sorted(
        reference
        for referred, reference in keys
        if referred == target and (reference.table, reference.column) not in handled
    )


Referred: TypeAlias = tuple[str, str]
"""Table and column that a foreign key leads to."""


def _all(connection: sa.Connection, own: sa.Table) -> Iterator[tuple[Referred, Reference]]:
    """The foreign keys of one column in the schema of a table."""
    keys = sa.inspect(connection).get_multi_foreign_keys(schema=own.schema)
    for (schema, table), of_table in keys.items():
        for key in of_table:
            if len(key["constrained_columns"]) == 1:
                options = key.get("options") or {}
                rule = _refusing(str(options.get("ondelete") or ""))
                reference = Reference(table, key["constrained_columns"][0], schema, rule)
                yield (key["referred_table"], key["referred_columns"][0]), reference


def _of_sqlite(connection: sa.Connection) -> Iterator[tuple[Referred, Reference]]:
    """As SQLite itself has them: what SQLAlchemy reads from the text of a table lacks the rules."""
    asked = sa.text(
        'SELECT t.name, k."from", k."table", k."to", k.on_delete '
        "FROM sqlite_master t, pragma_foreign_key_list(t.name) k WHERE t.type = 'table'"
    )
    for table, column, referred, to, rule in connection.execute(asked).all():
        primary = to or _primary_key(connection, referred)
        yield (referred, primary), Reference(table, column, None, _refusing(rule))


def _primary_key(connection: sa.Connection, table: str) -> str:
    """The column that a foreign key leads to which names none."""
    columns = sa.inspect(connection).get_pk_constraint(table)["constrained_columns"]
    return columns[0] if columns else ""


def _refusing(rule: str) -> str:
    """The rule of a delete; "" for those that refuse it."""
    return "" if rule.upper() in ("NO ACTION", "RESTRICT") else rule.upper()


def _handled(mapped: Mapped) -> Iterator[tuple[str, str]]:
    """Tables and columns that a delete clears by itself."""
    for links in mapped.links():
        yield links.part.table.name, links.member.name
        yield links.part.table.name, links.holder.name
    for objects in mapped.objects():
        for name in REFERENCES.keys() & objects.fields.keys():
            yield objects.part.table.name, objects.fields[name].name
