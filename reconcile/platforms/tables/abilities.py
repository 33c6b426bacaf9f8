"""What the mapped tables can hold, for the plan."""

from collections.abc import Iterable, Iterator
from typing import Final, cast

import sqlalchemy as sa

from reconcile.model.platform import ALL_STATUSES, Abilities, ObjectKind, Status
from reconcile.model.text.folding import fold_name
from reconcile.platforms.tables import columns
from reconcile.platforms.tables.mapping import NAMES, Mapped, Objects, RoleColumn, RoleTable
from reconcile.platforms.tables.texts import charset, names_ignore

LINKS: Final = 200
"""So many links go in one statement."""
_WITHOUT_LENGTH: Final = frozenset({"user", "manager", "external_id"})


def abilities(connection: sa.Connection, mapped: Mapped) -> Abilities:
    """What this application is able to have, read from its columns."""
    kinds = frozenset(objects.kind for objects in mapped.objects())
    return Abilities(
        lengths=_lengths(mapped),
        charset=charset(connection, mapped),
        names_ignore=names_ignore(connection, mapped),
        reserved_usernames=hidden_usernames(connection, mapped.users),
        lacks=frozenset(_lacks(mapped, kinds)),  # type: ignore[arg-type] # of the kinds there are
        fields={objects.kind: _fields(objects) for objects in mapped.objects()},
        fixed=_fixed(mapped),
        statuses=_statuses(mapped.users),
        deletes=kinds,
        any_role=_takes_any_role(mapped),
        several_roles=not isinstance(mapped.roles, RoleColumn),
        needs=frozenset(_needs(mapped)),  # type: ignore[arg-type] # role and department
        nested_groups=mapped.nesting is not None,
        links_per_call=LINKS,
        one_workspace=True,
        attributes=frozenset(mapped.users.attributes),
    )


def _lacks(mapped: Mapped, kinds: frozenset[ObjectKind]) -> set[str]:
    """The kinds of objects and links that the mapping leaves out."""
    lacks = {"group", "department"} - kinds
    if mapped.roles is None:
        lacks.add("grant")
    return lacks


def _fixed(mapped: Mapped) -> dict[ObjectKind, frozenset[str]]:
    """Kind → its name, where the name is the id: a row that has another name is another row."""
    return {
        objects.kind: frozenset({NAMES[objects.kind]})
        for objects in mapped.objects()
        if objects.name.name == objects.id.name
    }


def _lengths(mapped: Mapped) -> dict[str, int]:
    """The lengths of columns; a group's name and a department's title by the names of kinds."""
    named = mapped.users.columns
    for objects in mapped.objects():
        named[objects.kind] = objects.name
    for name in _WITHOUT_LENGTH:
        named.pop(name, None)
    return columns.lengths(named)


def _fields(objects: Objects) -> frozenset[str]:
    """The fields that the tables keep; the attributes of a user are one of them."""
    fields = set(objects.fields)
    if objects.status is not None:
        fields.add("status")
    if objects.attributes:
        fields.add("attributes")
    return frozenset(fields)


def _statuses(users: Objects) -> frozenset[Status]:
    """The statuses that have a value; without a column every user is active."""
    if users.status is None:
        return frozenset({"active"})
    return frozenset(cast("Iterable[Status]", users.status.stored.keys() & ALL_STATUSES))


def _takes_any_role(mapped: Mapped) -> bool:
    """Whether a role that does not exist can be granted: as text, or it is made first."""
    roles = mapped.roles
    return isinstance(roles, RoleTable) and (roles.names is None or roles.names.create)


def _needs(mapped: Mapped) -> Iterable[str]:
    """What a user cannot be without, because its column takes no null."""
    roles, department = mapped.roles, mapped.users.fields.get("department")
    if isinstance(roles, RoleColumn) and not roles.can_be_none:
        yield "role"
    if department is not None and columns.is_required(department):
        yield "department"


def hidden_usernames(connection: sa.Connection, users: Objects) -> frozenset[str]:
    """The names, folded, of users that `where` leaves out, where a name exists only once."""
    name = users.fields["username"]
    if not users.part.where or not is_unique(connection, users, name):
        return frozenset()
    inside = sa.and_(*users.part.where)
    hidden = sa.or_(sa.not_(inside), inside.is_(None))
    names = connection.execute(sa.select(name).where(hidden)).scalars()
    return frozenset(fold_name(columns.as_text(text)) for text in names if text is not None)


def is_unique(connection: sa.Connection, objects: Objects, column: columns.Column) -> bool:
    """Whether no two rows of a table can have one value of the column."""
    key: list[str | None] = [column.name]
    return key in _unique_keys(connection, objects.part.table)


def _unique_keys(connection: sa.Connection, table: sa.Table) -> Iterator[list[str | None]]:
    """The columns of each unique key; the primary key comes first, without a query."""
    yield list(table.primary_key.columns.keys())
    inspector = sa.inspect(connection)
    # SQLite keeps a rule UNIQUE as an index that SQLAlchemy lists only when it is asked to.
    indexes = inspector.get_indexes(table.name, table.schema, include_auto_indexes=True)
    for index in indexes:
        if index["unique"]:
            yield index["column_names"]
    for constraint in inspector.get_unique_constraints(table.name, table.schema):
        yield list(constraint["column_names"])
