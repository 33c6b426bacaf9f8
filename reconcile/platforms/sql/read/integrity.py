"""Rows that no application should leave behind, but SQLite allows.

They refer to nothing, or have numbers where text belongs. SQLite checks references only if a
program asks for it (`PRAGMA foreign_keys`), and types hardly at all. A plan made from such rows
would be wrong, so the workspace counts as unreadable, and the message names the row.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from itertools import chain
from typing import Any

import sqlalchemy as sa

from reconcile.errors import PlatformUnreadable
from reconcile.model.platform import Department, Group, Reading, User
from reconcile.platforms.database.json_values import quoted
from reconcile.platforms.sql.tables.tables import metadata


def references(connection: sa.Connection) -> None:
    """Raises PlatformUnreadable for a row that refers to nothing.

    Other databases see to that by themselves.
    """
    if connection.dialect.name != "sqlite":
        return
    for table, row, parent, number in connection.exec_driver_sql("PRAGMA foreign_key_check"):
        if table in metadata.tables:
            keys = connection.exec_driver_sql(f'PRAGMA foreign_key_list("{table}")').all()
            column = next((key[3] for key in keys if key[0] == number), "?")
            raise PlatformUnreadable(
                f"table {table}, row {row}: {column} refers to a row of {parent} "
                "that does not exist: correct or delete the row "
                "(and let the program that wrote it use PRAGMA foreign_keys = ON)"
            )


def texts(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Raises PlatformUnreadable for a value that is not text.

    The first column of a row says which one it is.
    """
    if set(map(type, chain.from_iterable(rows))) <= {str}:
        return
    for row in rows:
        for column, value in zip(columns, row, strict=True):
            if not isinstance(value, str):
                raise PlatformUnreadable(
                    f"table {table}, row {quoted(row[0])}: {column} is {quoted(value)}, "
                    "not text: correct the value"
                )


def times(users: Iterable[User]) -> None:
    """Raises PlatformUnreadable for a grace period with no start, or one without a zone."""
    for user in users:
        if not user.departed_at:
            continue
        try:
            fine = datetime.fromisoformat(user.departed_at).tzinfo is not None
        except ValueError:
            fine = False
        if not fine:
            raise PlatformUnreadable(
                f"table users, row {user.id}: departed_at is {quoted(user.departed_at)}, "
                "not an RFC 3339 time: correct the value, "
                "or set departed and departed_at to NULL, which restarts the grace period"
            )


def readings(rows: Sequence[tuple[Any, ...]]) -> tuple[Reading, ...]:
    """How much each source had. Raises PlatformUnreadable for what is not a count."""
    for source, *numbers in rows:
        for number in numbers:
            if number is not None and not (isinstance(number, int) and number >= 0):
                raise PlatformUnreadable(
                    f"table readings, source {quoted(source)}: {quoted(number)} is not a count: "
                    "delete the row"
                )
    return tuple([Reading(*row) for row in rows])


def nested(
    groups: Sequence[tuple[Any, ...]], nestings: Sequence[tuple[Any, ...]]
) -> tuple[Group, ...]:
    """The groups, each with those it is in; they may contain each other.

    `groups` are rows in the order of a group's fields, `nestings` of inner group, outer group and
    origin. Raises PlatformUnreadable for groups of two workspaces.
    """
    above: dict[str, dict[str, str]] = {row[0]: {} for row in groups}
    for inner, outer, origin in nestings:
        if outer not in above:
            raise PlatformUnreadable(
                f"table nested_groups, member_group_id {inner}: "
                f"group_id {outer} is a group of another workspace: "
                "delete the row"
            )
        above[inner][outer] = origin
    return tuple([Group(*(*row, above[row[0]])) for row in groups])


def tree(departments: Sequence[Department]) -> tuple[Department, ...]:
    """The departments. Raises PlatformUnreadable for those that are below each other."""
    parents = {department.id: department for department in departments}
    fine: set[str] = {""}
    for department in parents.values():
        above: list[str] = []
        at = department.id
        while at not in fine:
            if at in above:
                raise PlatformUnreadable(
                    f"table departments, row {at}: {quoted(parents[at].title)} "
                    "is below itself: correct its parent_id"
                )
            above.append(at)
            at = parents[at].parent
        fine.update(above)
    return tuple(departments)
