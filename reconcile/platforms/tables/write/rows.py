"""Fields of a call as the columns of a row take them, and what every new row gets."""

from collections.abc import Mapping

from reconcile.model.platform import Row
from reconcile.platforms.tables import columns, literals
from reconcile.platforms.tables.columns import Column
from reconcile.platforms.tables.declared.values import Made
from reconcile.platforms.tables.mapping import REFERENCES, Objects, Part
from reconcile.ports import Rejected

Values = dict[str, object]
"""Column → value."""


def new_row(part: Part) -> Values:
    """What every new row of a table gets."""
    now = columns.now()
    row = dict(part.insert)
    for name, value in part.insert.items():
        if isinstance(value, Made):
            row[name] = literals.made(part.table.columns[name], value, now)
    return row


def empty_fields(objects: Objects) -> Values:
    """Nothing, in each column of a field that takes no null and has no default."""
    return {
        column.name: nothing_in(name, column)
        for name, column in objects.columns.items()
        if columns.is_required(column) and takes_nothing(name, column)
    }


def takes_nothing(name: str, column: Column) -> bool:
    """Whether a column that takes no null has a value that stands for nothing."""
    kind = columns.kind(column)
    return kind == "text" or (kind == "integer" and name in REFERENCES)


def stored_fields(objects: Objects, fields: Row) -> Values:
    """The fields of a call as their columns take them. Raises Rejected for one that does not fit.

    A field that the application does not keep is left out.
    """
    row: Values = {}
    for name, value in fields.items():
        if name == "attributes":
            row |= _attributes(objects, value)
        elif name == "status" and objects.status is not None:
            row[objects.status.column.name] = _status(objects.status.stored, value)
        elif name in objects.fields:
            column = objects.fields[name]
            row[column.name] = _field(name, column, value)
    return row


def _status(stored: Mapping[str, object], status: str) -> object:
    """What the column holds for a status. Raises Rejected where the mapping has no value."""
    if status not in stored:
        raise Rejected(f"there is no value for the status {status!r}")
    return stored[status]


def _field(name: str, column: Column, text: str) -> object:
    """A text as a column takes it: nothing is null, or what the column takes in its place."""
    if not text:
        return emptied(name, column)
    length = columns.longest(column)
    if length and len(text) > length:
        raise Rejected(f"the {name} is too long")
    return columns.from_text(column, text)


def emptied(name: str, column: Column) -> object:
    """What a column holds once its value is gone: null, or `nothing_in` where it takes no null."""
    return None if column.nullable else nothing_in(name, column)


def nothing_in(name: str, column: Column) -> object:
    """What stands for nothing in a column that takes no null: "", or 0 for the id of another."""
    if not takes_nothing(name, column):
        raise Rejected(f"the column {columns.named(column)} cannot be empty")
    return "" if columns.kind(column) == "text" else 0


def _attributes(objects: Objects, attributes: Mapping[str, str | None] | None) -> Values:
    """The columns of attributes. One without a column may be taken away, but not set."""
    row: Values = {}
    for name, text in (attributes or {}).items():
        column = objects.attributes.get(name)
        if column is not None:
            row[column.name] = _attribute(name, column, text)
        elif text is not None:
            raise Rejected(f"there is no column for the attribute {name!r}")
    return row


def _attribute(name: str, column: Column, text: str | None) -> object:
    """An attribute as a column takes it. A column of text keeps "" apart from no value."""
    if text == "" and columns.kind(column) == "text":
        return ""
    return _field(f"attribute {name}", column, text or "")
