"""Memberships, grants and nested groups: made and removed, several in one call."""

from collections.abc import Iterable, Sequence

import sqlalchemy as sa

from reconcile.model.platform import LinkKind, Pair
from reconcile.platforms.tables import columns
from reconcile.platforms.tables.mapping import (
    Expression,
    Links,
    Mapped,
    Objects,
    RoleColumn,
    RoleNames,
    RoleTable,
)
from reconcile.platforms.tables.reading import role_names
from reconcile.platforms.tables.write.objects import chunks, expect_all, insert, selected_texts
from reconcile.platforms.tables.write.rows import Values, new_row
from reconcile.ports import Rejected


def link(connection: sa.Connection, mapped: Mapped, kind: LinkKind, pairs: Sequence[Pair]) -> None:
    """Makes links, all of them or none; those that exist stay as they are."""
    members = mapped.of("group" if kind == "nesting" else "user")
    expect_all(connection, members, {member for member, _ in pairs})
    if kind == "grant":
        _grant(connection, mapped, pairs)
        return
    expect_all(connection, mapped.of("group"), _by_holder(pairs))
    _make(connection, _table(mapped, kind), pairs)


def unlink(
    connection: sa.Connection, mapped: Mapped, kind: LinkKind, pairs: Sequence[Pair]
) -> None:
    """Removes links, all of them or none; one that does not exist is no error."""
    if kind != "grant":
        _remove(connection, _table(mapped, kind), pairs)
    elif isinstance(mapped.roles, RoleColumn):
        _empty_column(connection, mapped, mapped.roles, pairs)
    elif isinstance(mapped.roles, RoleTable):
        _remove(connection, mapped.roles.links, _with_ids(connection, mapped.roles, pairs))


def _table(mapped: Mapped, kind: LinkKind) -> Links:
    """The table of memberships or nesting. Raises Rejected where the mapping leaves it out."""
    links = mapped.memberships if kind == "membership" else mapped.nesting
    if links is None:
        raise Rejected(f"the application has no {kind}s")
    return links


def _make(connection: sa.Connection, links: Links, pairs: Iterable[Pair]) -> None:
    """Inserts the links that do not exist, in one statement."""
    rows: list[Values] = []
    for holder, members in _by_holder(pairs).items():
        present = _present(connection, links, holder, members)
        rows += _new_rows(links, holder, [member for member in members if member not in present])
    if rows:
        connection.execute(sa.insert(links.part.table), rows)


def _new_rows(links: Links, holder: str, members: Iterable[str]) -> Iterable[Values]:
    """The rows that link each of the members with the holder."""
    to = columns.from_text(links.holder, holder)
    for member in columns.from_texts(links.member, members):
        yield {**new_row(links.part), links.member.name: member, links.holder.name: to}


def _present(
    connection: sa.Connection, links: Links, holder: str, members: Sequence[str]
) -> set[str]:
    """The members that the holder already has."""
    present: set[str] = set()
    for condition in _between(links, holder, members):
        present |= selected_texts(connection, sa.select(links.member).where(*condition))
    return present


def _remove(connection: sa.Connection, links: Links, pairs: Iterable[Pair]) -> None:
    for holder, members in _by_holder(pairs).items():
        for condition in _between(links, holder, members):
            connection.execute(sa.delete(links.part.table).where(*condition))


def _by_holder(pairs: Iterable[Pair]) -> dict[str, list[str]]:
    """What links lead to → who is in them, each once."""
    by_holder: dict[str, list[str]] = {}
    for member, holder in dict.fromkeys(pairs):
        by_holder.setdefault(holder, []).append(member)
    return by_holder


def _between(links: Links, holder: str, members: Sequence[str]) -> Iterable[Sequence[Expression]]:
    """The rows that link members with the holder; as many at a time as a statement can name."""
    to = links.holder == columns.from_text(links.holder, holder)
    for some in chunks(columns.from_texts(links.member, members)):
        yield to, links.member.in_(some), *links.part.where


def _grant(connection: sa.Connection, mapped: Mapped, pairs: Sequence[Pair]) -> None:
    """Grants roles. Raises Rejected where the mapping has none."""
    if isinstance(mapped.roles, RoleTable):
        _make(
            connection,
            mapped.roles.links,
            _with_ids(connection, mapped.roles, pairs, making=True),
        )
    elif isinstance(mapped.roles, RoleColumn):
        _fill_column(connection, mapped, mapped.roles, pairs)
    else:
        raise Rejected("the application has no roles")


def _with_ids(
    connection: sa.Connection, roles: RoleTable, pairs: Sequence[Pair], *, making: bool = False
) -> list[Pair]:
    """The links with the ids of roles in place of their names; roles that are lacking are made."""
    if roles.names is None:
        return list(pairs)
    ids = {name: own for own, name in role_names(connection, roles.names).items()}
    if making:
        for name in _by_holder(pairs).keys() - ids.keys():
            ids[name] = _new_role(connection, roles.names, name)
    return [(user, ids[role]) for user, role in pairs if role in ids]


def _new_role(connection: sa.Connection, names: RoleNames, name: str) -> str:
    """Makes a role and returns its id. Raises Rejected unless the mapping says `create`."""
    if not names.create:
        raise Rejected(f"there is no role {name!r}")
    row = {**new_row(names.part), names.name.name: columns.from_text(names.name, name)}
    return columns.as_text(insert(connection, names.part, [row], names.id, names.name)[0])


def _value(roles: RoleColumn, role: str) -> object:
    """What the column holds for a role; one that is not mapped is named by its value."""
    if role in roles.stored:
        return roles.stored[role]
    return columns.from_text(roles.column, role)


def _fill_column(
    connection: sa.Connection, mapped: Mapped, roles: RoleColumn, pairs: Iterable[Pair]
) -> None:
    """Gives each user its role in place of the one it has."""
    for role, members in _by_holder(pairs).items():
        _set_column(connection, mapped.users, roles, members, _value(roles, role))


def _empty_column(
    connection: sa.Connection, mapped: Mapped, roles: RoleColumn, pairs: Iterable[Pair]
) -> None:
    """Takes a role from users who have it; a user who got another one meanwhile keeps that."""
    if not roles.can_be_none:
        raise Rejected(f"{columns.named(roles.column)} has to hold a role: say what is `none`")
    for role, members in _by_holder(pairs).items():
        held = roles.column == _value(roles, role)
        _set_column(connection, mapped.users, roles, members, roles.none, held)


def _set_column(
    connection: sa.Connection,
    users: Objects,
    roles: RoleColumn,
    members: Sequence[str],
    value: object,
    *conditions: Expression,
) -> None:
    own = users.id.in_(columns.from_texts(users.id, members))
    statement = sa.update(users.part.table).where(own, *conditions, *users.part.where)
    connection.execute(statement.values({roles.column.name: value}))
