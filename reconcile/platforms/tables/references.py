"""Foreign keys of the application that lead to a mapped table: what they do to a delete."""

from collections.abc import Iterator
from typing import NamedTuple

import sqlalchemy as sa

from reconcile.platforms.tables.mapping import Mapped, Objects


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
        found = sa.select(sa.literal(1)).select_from(table).where(column == own).limit(1)
        return connection.execute(found).first() is not None


def references(connection: sa.Connection, mapped: Mapped, objects: Objects) -> list[Reference]:
    """What refers to these objects, but for what the mapping itself is about."""
    handled = set(_handled(mapped))
    own = objects.part.table
    keys = sa.inspect(connection).get_multi_foreign_keys(schema=own.schema)
    return sorted(
        Reference(table, key["constrained_columns"][0], schema, _on_delete(key))
        for (schema, table), of_table in keys.items()
        for key in of_table
        if key["referred_table"] == own.name
        and key["referred_columns"] in ([objects.id.name], [])
        and len(key["constrained_columns"]) == 1
        and (table, key["constrained_columns"][0]) not in handled
    )


def _on_delete(key: object) -> str:
    options = key.get("options") if isinstance(key, dict) else None
    rule = str((options or {}).get("ondelete") or "").upper()
    return "" if rule in ("NO ACTION", "RESTRICT") else rule


def _handled(mapped: Mapped) -> Iterator[tuple[str, str]]:
    """Tables and columns that a delete clears by itself."""
    for links in mapped.links():
        yield links.part.table.name, links.member.name
        yield links.part.table.name, links.holder.name
    for objects in mapped.objects():
        for name in ("department", "manager", "parent"):
            if name in objects.fields:
                yield objects.part.table.name, objects.fields[name].name
