"""What can be wrong with a mapping in itself, before any table is looked at."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeVar, get_args

import msgspec

from reconcile.model import desired
from reconcile.model.platform import Status
from reconcile.platforms.tables.declared import conditions, values
from reconcile.platforms.tables.declared.conditions import Value
from reconcile.platforms.tables.declared.settings import (
    ATTRIBUTE,
    USER_FIELDS,
    Choices,
    Objects,
    Part,
    Roles,
    TablesSettings,
    choices,
    tables_settings,
)
from reconcile.ports import Fault

Text = TypeVar("Text")
_NEEDS_GROUPS: Final = "needs `groups`: the table with the groups"


def problems(settings: desired.Platform) -> Iterator[Fault]:
    """What is wrong with the mapping in itself; the tables are looked at by `reconcile test`."""
    if settings.url is None:
        yield ("url",), "is missing: it names the application's database, as in sqlite:///app.db"
    if len(settings.workspaces) > 1:
        yield (
            ("workspaces",),
            "the tables are one workspace: name one, and write a file for each application",
        )
    try:
        mapping = tables_settings(settings)
    except msgspec.ValidationError as error:
        yield (), str(error)
        return
    yield from _user_problems(mapping)
    yield from _group_problems(mapping)
    if mapping.departments is not None:
        yield from _department_problems(mapping.departments)
    if mapping.roles is not None:
        yield from _role_problems(mapping.roles, mapping)
    for path, part in parts(mapping):
        yield from _part_problems(path, part.where, part.insert)


def parts(mapping: TablesSettings) -> Iterator[tuple[tuple[str, ...], Part | Roles]]:
    """Every block that is about a table of its own, with its path."""
    for name in ("users", "groups", "departments", "memberships", "nesting"):
        part = getattr(mapping, name)
        if part is not None:
            yield (name,), part
    if mapping.roles is not None and mapping.roles.table:
        yield ("roles",), mapping.roles
        if mapping.roles.names is not None:
            yield ("roles", "names"), mapping.roles.names


def _user_problems(mapping: TablesSettings) -> Iterator[Fault]:
    """Users have a name, and a department exactly where departments are mapped."""
    users, path = mapping.users, ("users", "fields")
    yield from _field_problems(path, users.fields, USER_FIELDS, ("username",))
    if "department" in users.fields and mapping.departments is None:
        message = "holds the id of a department: add `departments`, or write attributes.department"
        yield (*path, "department"), message
    if mapping.departments is not None and "department" not in users.fields:
        yield path, "`department` is missing: the column with the id of a user's department"
    if users.status:
        yield from _status_problems(users.status)


def _status_problems(status: Mapping[str, Choices]) -> Iterator[Fault]:
    """A status has a column and a value for active, and no value means two statuses."""
    path = ("users", "status")
    if not isinstance(status.get("column"), str):
        yield path, "`column` is missing: the column that says whether a user is active"
    if "active" not in status:
        yield path, "`active` is missing: the value of an active user"
    seen: dict[tuple[type, Value], str] = {}
    for name in status.keys() - {"column"} & set(get_args(Status)):
        for value in choices(status[name]):
            other = seen.setdefault((type(value), value), name)
            if other != name:
                yield (*path, name), f"the value {value!r} means {other} as well"


def _group_problems(mapping: TablesSettings) -> Iterator[Fault]:
    """Groups go with memberships; neither memberships nor nesting goes without groups."""
    if mapping.groups is None:
        for name in ("memberships", "nesting"):
            if getattr(mapping, name) is not None:
                yield (name,), _NEEDS_GROUPS
        return
    fields = mapping.groups.fields
    yield from _field_problems(("groups", "fields"), fields, ("name", "external_id"), ("name",))
    if mapping.memberships is None:
        yield ("memberships",), "is missing: the table that says who is in which group"


def _department_problems(departments: Objects) -> Iterator[Fault]:
    known, needed = ("title", "parent", "external_id"), ("title", "parent")
    yield from _field_problems(("departments", "fields"), departments.fields, known, needed)


def _field_problems(
    path: tuple[str, ...],
    fields: Mapping[str, str],
    known: Iterable[str],
    needed: Iterable[str],
) -> Iterator[Fault]:
    """Needed fields have columns, and no other than known ones; users have attributes besides."""
    attributes = "username" in needed
    for name in needed:
        if name not in fields:
            yield path, f"`{name}` is missing: the column that holds it"
    names = ", ".join(known) + (f" and {ATTRIBUTE}NAME" if attributes else "")
    for name in fields:
        if name not in known and not (attributes and name.startswith(ATTRIBUTE)):
            yield (*path, name), f"is no field: there are {names}"


def _role_problems(roles: Roles, mapping: TablesSettings) -> Iterator[Fault]:
    """Roles have one shape of three, and only the settings of that shape."""
    path = ("roles",)
    shapes = [bool(roles.column), bool(roles.table), roles.groups]
    if shapes.count(True) != 1:
        message = "needs one of: `column` with `values`; `table` with `user` and `role`; `groups`"
        yield path, message
    yield from _role_column_problems(path, roles)
    if roles.names is not None and not roles.table:
        yield (*path, "names"), "belongs to `table`"
    if roles.groups:
        yield from _groups_as_roles_problems(path, mapping)


def _role_column_problems(path: tuple[str, ...], roles: Roles) -> Iterator[Fault]:
    """A column needs `values`; without a column neither `values` nor `none` means anything."""
    if roles.column:
        if not roles.values:
            yield path, "`values` is missing: role → value of the column"
    elif roles.values or roles.none is not msgspec.UNSET:
        yield path, "`values` and `none` belong to `column`"


def _groups_as_roles_problems(path: tuple[str, ...], mapping: TablesSettings) -> Iterator[Fault]:
    """Groups that are roles have to be mapped, and roles cannot be nested."""
    if mapping.groups is None:
        yield (*path, "groups"), _NEEDS_GROUPS
    if mapping.nesting is not None:
        yield ("nesting",), "is about groups, and here the groups are roles: remove it"


def _part_problems(
    path: tuple[str, ...], where: str, insert: Mapping[str, Value]
) -> Iterator[Fault]:
    """`where` is a condition, and each value of `insert` a literal or a known template."""
    if where:
        yield from _unreadable((*path, "where"), conditions.parse, where)
    for column, value in insert.items():
        yield from _unreadable((*path, "insert", column), values.parse, value)


def _unreadable(
    path: tuple[str, ...], parse: Callable[[Text], object], text: Text
) -> Iterator[Fault]:
    """What `parse` says of a text that it cannot read."""
    try:
        parse(text)
    except (conditions.ConditionWrong, values.ValueWrong) as error:
        yield path, str(error)
