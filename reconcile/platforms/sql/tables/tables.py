"""The tables of the sql platform, which docs/sql-platform.md explains to programmers.

Made for being read and written by hand: standard names, `id` everywhere, defaults for whatever can
be left out. NULL means "none"; in `origin` and `status_origin` it means "a person did it".
Migrations create the tables (`reconcile.platforms.sql.migrations`); a test holds the two to each
other.
"""

from typing import Final, get_args

import sqlalchemy as sa

from reconcile.model.platform import Cause, Departed, Status
from reconcile.platforms.database.columns import (
    NAME,
    id_column,
    name_column,
    text_column,
    time_column,
    utc_now,
    workspace_column,
)
from reconcile.platforms.ledger.tables import metadata, readings, sources, supplied, workspaces
from reconcile.platforms.sql.tables.limits import EMAIL

__all__ = [
    "RELATIONS",
    "departments",
    "grants",
    "groups",
    "memberships",
    "metadata",
    "nested_groups",
    "readings",
    "responsibilities",
    "roles",
    "sources",
    "supplied",
    "users",
    "utc_now",
    "workspaces",
]

RELATIONS: Final = ("owner", "open_work", "permission", "supervisor")
"""How a user may be related to a thing; what an erase does about it is in `erasing`."""


def _mirrored() -> list[sa.Column[object]]:
    """Where in which directory an object comes from; all NULL for one made by a person."""
    return [
        sa.Column("source_id", sa.ForeignKey("sources.id")),
        sa.Column("external_id", sa.String(NAME)),
        sa.Column("dn", sa.Text),
    ]


def _fits(table: str, **lengths: int) -> list[sa.CheckConstraint]:
    """SQLite alone takes any text into a column of any length; there the lengths are checked."""
    return [
        sa.CheckConstraint(f"length({column}) <= {length}", name=f"{table}_{column}_length").ddl_if(
            dialect="sqlite"
        )
        for column, length in lengths.items()
    ]


def _one_of(table: str, column: str, values: tuple[str, ...]) -> sa.CheckConstraint:
    # Not `IN`: SQLite builds a tree of the list for every row, which doubles the time of an import.
    listed = " OR ".join(f"{column} = '{value}'" for value in values if value)
    return sa.CheckConstraint(listed, name=f"{table}_{column}")


departments = sa.Table(
    "departments",
    metadata,
    id_column(),
    workspace_column(),
    sa.Column("parent_id", sa.ForeignKey("departments.id"), index=True),
    name_column("title"),
    *_mirrored(),
    time_column("created_at"),
    time_column("updated_at"),
    sa.UniqueConstraint("workspace_id", "source_id", "external_id", name="departments_external_id"),
    *_fits("departments", title=NAME),
    sqlite_autoincrement=True,
)
sa.Index(
    "departments_title",
    departments.c.workspace_id,
    sa.text("coalesce(parent_id, 0)"),
    departments.c.title,
    unique=True,
)

groups = sa.Table(
    "groups",
    metadata,
    id_column(),
    workspace_column(),
    name_column("name"),
    *_mirrored(),
    time_column("created_at"),
    time_column("updated_at"),
    sa.UniqueConstraint("workspace_id", "source_id", "external_id", name="groups_external_id"),
    *_fits("groups", name=NAME),
    sqlite_autoincrement=True,
)
sa.Index("groups_name", groups.c.workspace_id, sa.text("lower(name)"), unique=True)

roles = sa.Table(
    "roles",
    metadata,
    id_column(),
    workspace_column(),
    name_column("name"),
    sa.UniqueConstraint("workspace_id", "name", name="roles_name"),
    sqlite_autoincrement=True,
)

users = sa.Table(
    "users",
    metadata,
    id_column(),
    workspace_column(),
    name_column("username"),
    text_column("first_name"),
    text_column("last_name"),
    text_column("email", EMAIL),
    sa.Column("status", sa.String(32), nullable=False, server_default="active"),
    sa.Column("status_origin", sa.String(NAME)),
    sa.Column("status_cause", sa.String(32)),
    sa.Column("status_before", sa.String(32)),
    sa.Column("departed", sa.String(32)),
    sa.Column("departed_at", sa.String(32)),
    *_mirrored(),
    sa.Column("department_id", sa.ForeignKey("departments.id", ondelete="SET NULL"), index=True),
    sa.Column("manager_id", sa.ForeignKey("users.id", ondelete="SET NULL"), index=True),
    sa.Column("attributes", sa.JSON, nullable=False, server_default="{}"),
    sa.Column("password_hash", sa.String(NAME)),
    time_column("created_at"),
    time_column("updated_at"),
    _one_of("users", "status", get_args(Status)),
    _one_of("users", "status_cause", get_args(Cause)),
    _one_of("users", "status_before", ("vacation",)),
    _one_of("users", "departed", get_args(Departed)),
    sa.CheckConstraint("source_id IS NULL OR password_hash IS NULL", name="users_password"),
    sa.UniqueConstraint("workspace_id", "source_id", "external_id", name="users_external_id"),
    *_fits("users", username=NAME, first_name=NAME, last_name=NAME, email=EMAIL),
    sqlite_autoincrement=True,
)
sa.Index("users_username", users.c.workspace_id, sa.text("lower(username)"), unique=True)

memberships = sa.Table(
    "memberships",
    metadata,
    id_column(),
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column(
        "group_id", sa.ForeignKey("groups.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("origin", sa.String(NAME)),
    time_column("created_at"),
    sa.UniqueConstraint("user_id", "group_id", name="memberships_once"),
)

nested_groups = sa.Table(
    "nested_groups",
    metadata,
    id_column(),
    sa.Column("group_id", sa.ForeignKey("groups.id", ondelete="CASCADE"), nullable=False),
    sa.Column(
        "member_group_id",
        sa.ForeignKey("groups.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("origin", sa.String(NAME)),
    time_column("created_at"),
    sa.UniqueConstraint("group_id", "member_group_id", name="nested_groups_once"),
    sa.CheckConstraint("group_id <> member_group_id", name="nested_groups_not_itself"),
)

grants = sa.Table(
    "grants",
    metadata,
    id_column(),
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("role_id", sa.ForeignKey("roles.id"), nullable=False, index=True),
    sa.Column("origin", sa.String(NAME)),
    time_column("created_at"),
    sa.UniqueConstraint("user_id", "role_id", name="grants_once"),
)

responsibilities = sa.Table(
    "responsibilities",
    metadata,
    id_column(),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    name_column("kind"),
    name_column("reference"),
    sa.Column("relation", sa.String(32), nullable=False, server_default="owner"),
    _one_of("responsibilities", "relation", RELATIONS),
    sa.UniqueConstraint("kind", "reference", "user_id", "relation", name="responsibilities_once"),
)
