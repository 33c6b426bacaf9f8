"""Which rows count: `where` as SQL, and whether rows that are written meet it."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from reconcile.platforms.tables.columns import Column
from reconcile.platforms.tables.declared.conditions import Condition, Operator
from reconcile.platforms.tables.mapping import Expression, Part

_COMPARISONS: Final[Mapping[Operator, Callable[[Column, list[Any]], Expression]]] = {
    "=": lambda column, literals: column == literals[0],
    "!=": lambda column, literals: column != literals[0],
    "<": lambda column, literals: column < literals[0],
    "<=": lambda column, literals: column <= literals[0],
    ">": lambda column, literals: column > literals[0],
    ">=": lambda column, literals: column >= literals[0],
    "in": lambda column, literals: column.in_(literals),
    "not in": lambda column, literals: column.not_in(literals),
    "is null": lambda column, _literals: column.is_(None),
    "is not null": lambda column, _literals: column.is_not(None),
}


def compare(column: Column, operator: Operator, literals: list[Any]) -> Expression:
    """One comparison as SQL. The literals are as the column takes them."""
    return _COMPARISONS[operator](column, literals)


def fulfil(part: Part, condition: Condition, literals: list[object]) -> None:
    """New rows get what `where` demands by =, unless `insert` says something of the column."""
    if condition.operator == "=" and condition.column not in part.insert:
        part.insert[condition.column] = literals[0]
    else:
        part.surely_inside = False


def may_move(part: Part, column: Column) -> None:
    """A column that is written and that `where` is about can move a row out of it."""
    part.surely_inside &= column.name not in part.compared
