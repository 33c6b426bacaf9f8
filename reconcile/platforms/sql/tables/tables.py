"""The tables of the sql platform, as docs/sql-platform.md explains them to the application's programmers.

Made for being read and written by hand: standard names, `id` everywhere, defaults for whatever can
be left out. NULL means "none"; in `origin` and `status_origin` it means "a person did it".
Migrations create the tables (`reconcile.platforms.sql.migrations`); a test holds the two to each
other.
"""

from datetime import datetime
from typing import Final, get_args

import sqlalchemy as sa
from sqlalchemy.dialects import mysql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from reconcile.model.platform import Cause, Departed, Status
from reconcile.platforms.sql.tables.limits import EMAIL, NAME


class utc_now(FunctionElement[datetime]):  # noqa: N801 - SQLAlchemy's functions are written as SQL writes them
    """The database's clock, in UTC; on PostgreSQL with its zone."""

    type = sa.DateTime()
    inherit_cache = True


@compiles(utc_now)
def _utc_now(_element: utc_now, _compiler: SQLCompiler, **_options: object) -> str:
    return "CURRENT_TIMESTAMP"  # in UTC on SQLite, and in our sessions on MariaDB


@compiles(utc_now, "postgresql")
def _utc_now_moving(_element: utc_now, _compiler: SQLCompiler, **_options: object) -> str:
    return "clock_timestamp()"  # the other one stands still while a transaction lasts


metadata = sa.MetaData()

LONG_TEXT: Final = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
"""On MariaDB a text is 65,535 bytes at most, unless it is a long one."""

RELATIONS: Final = ("owner", "open_work", "permission", "supervisor")
"""How a user may be related to a thing; what an erase does about it is in `erasing`."""


def _id() -> sa.Column[int]:
    return sa.Column("id", sa.Integer, primary_key=True)


def _workspace() -> sa.Column[int]:
    return sa.Column("workspace_id", sa.ForeignKey("workspaces.id"), nullable=False)


def _name(column: str, length: int = NAME) -> sa.Column[str]:
    return sa.Column(column, sa.String(length), nullable=False)


def _text(column: str, length: int = NAME) -> sa.Column[str]:
    return sa.Column(column, sa.String(length), nullable=False, server_default="")


def _time(column: str) -> sa.Column[datetime]:
    return sa.Column(
        column, sa.DateTime, nullable=False, server_default=sa.text("CURRENT_TIMESTAMP")
    )


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


workspaces = sa.Table(
    "workspaces",
    metadata,
    _id(),
    sa.Column("name", sa.String(NAME), nullable=False, unique=True),
    sa.Column("history_hash", sa.String(64)),
)

sources = sa.Table(
    "sources",
    metadata,
    _id(),
    _workspace(),
    _name("name"),
    _text("type"),
    sa.Column("base_dn", sa.Text, nullable=False, server_default=""),
    _text("domain"),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("workspace_id", "name", name="sources_name"),
)

departments = sa.Table(
    "departments",
    metadata,
    _id(),
    _workspace(),
    sa.Column("parent_id", sa.ForeignKey("departments.id"), index=True),
    _name("title"),
    *_mirrored(),
    _time("created_at"),
    _time("updated_at"),
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
    _id(),
    _workspace(),
    _name("name"),
    *_mirrored(),
    _time("created_at"),
    _time("updated_at"),
    sa.UniqueConstraint("workspace_id", "source_id", "external_id", name="groups_external_id"),
    *_fits("groups", name=NAME),
    sqlite_autoincrement=True,
)
sa.Index("groups_name", groups.c.workspace_id, sa.text("lower(name)"), unique=True)

roles = sa.Table(
    "roles",
    metadata,
    _id(),
    _workspace(),
    _name("name"),
    sa.UniqueConstraint("workspace_id", "name", name="roles_name"),
    sqlite_autoincrement=True,
)

users = sa.Table(
    "users",
    metadata,
    _id(),
    _workspace(),
    _name("username"),
    _text("first_name"),
    _text("last_name"),
    _text("email", EMAIL),
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
    _time("created_at"),
    _time("updated_at"),
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
    _id(),
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column(
        "group_id", sa.ForeignKey("groups.id", ondelete="CASCADE"), nullable=False, index=True
    ),
    sa.Column("origin", sa.String(NAME)),
    _time("created_at"),
    sa.UniqueConstraint("user_id", "group_id", name="memberships_once"),
)

nested_groups = sa.Table(
    "nested_groups",
    metadata,
    _id(),
    sa.Column("group_id", sa.ForeignKey("groups.id", ondelete="CASCADE"), nullable=False),
    sa.Column(
        "member_group_id",
        sa.ForeignKey("groups.id", ondelete="CASCADE"),
        nullable=False,
        index=True,
    ),
    sa.Column("origin", sa.String(NAME)),
    _time("created_at"),
    sa.UniqueConstraint("group_id", "member_group_id", name="nested_groups_once"),
    sa.CheckConstraint("group_id <> member_group_id", name="nested_groups_not_itself"),
)

grants = sa.Table(
    "grants",
    metadata,
    _id(),
    sa.Column("user_id", sa.ForeignKey("users.id", ondelete="CASCADE"), nullable=False),
    sa.Column("role_id", sa.ForeignKey("roles.id"), nullable=False, index=True),
    sa.Column("origin", sa.String(NAME)),
    _time("created_at"),
    sa.UniqueConstraint("user_id", "role_id", name="grants_once"),
)

responsibilities = sa.Table(
    "responsibilities",
    metadata,
    _id(),
    sa.Column("user_id", sa.ForeignKey("users.id"), nullable=False, index=True),
    _name("kind"),
    _name("reference"),
    sa.Column("relation", sa.String(32), nullable=False, server_default="owner"),
    _one_of("responsibilities", "relation", RELATIONS),
    sa.UniqueConstraint("kind", "reference", "user_id", "relation", name="responsibilities_once"),
)

supplied = sa.Table(
    "supplied",
    metadata,
    sa.Column("source_id", sa.ForeignKey("sources.id"), primary_key=True, autoincrement=False),
    sa.Column("external_id", sa.String(NAME), primary_key=True),
)

readings = sa.Table(
    "readings",
    metadata,
    sa.Column("source_id", sa.ForeignKey("sources.id"), primary_key=True, autoincrement=False),
    *(sa.Column(part, sa.Integer) for part in ("persons", "groups", "units", "members")),
)

locks = sa.Table(
    "locks",
    metadata,
    sa.Column(
        "workspace_id", sa.ForeignKey("workspaces.id"), primary_key=True, autoincrement=False
    ),
    _name("token"),
    _name("login"),
    _name("host"),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("process_started", sa.String(NAME)),
    _name("started_at"),
    _time("heartbeat_at"),
)

login_failures = sa.Table(
    "login_failures",
    metadata,
    # By its name: a reference would wait for a run that is writing to the workspace.
    sa.Column("workspace", sa.String(NAME), primary_key=True),
    sa.Column("key_sha256", sa.String(64), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    _time("last_failed_at"),
    _time("locked_until"),
)

login_origins = sa.Table(
    "login_origins",
    metadata,
    sa.Column("workspace", sa.String(NAME), primary_key=True),
    sa.Column("key_sha256", sa.String(64), primary_key=True),
    sa.Column("origin_sha256", sa.String(64), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    _time("last_failed_at"),
    _time("locked_until"),
    sa.Column("last_login_at", sa.DateTime),
)

history_runs = sa.Table(
    "history_runs",
    metadata,
    _id(),
    sa.Column("workspace_id", sa.ForeignKey("workspaces.id"), nullable=False, index=True),
    _name("run"),
    sa.Column("plan", sa.String(64), nullable=False),
    sa.Column("configuration", sa.String(64), nullable=False),
    sa.Column("git_commit", sa.String(64), nullable=False, server_default=""),
    sa.Column("dirty", sa.Integer, nullable=False, server_default="0"),
    _text("undoes"),
    sa.Column("accepted", sa.Text, nullable=False, server_default=""),
    sa.Column("lost", sa.Text, nullable=False, server_default=""),
    _name("login"),
    _name("host"),
    sa.Column("started", sa.String(32), nullable=False),
    sa.Column("finished", sa.String(32), nullable=False),
    sa.Column("outcome", sa.String(32), nullable=False),
    sa.Column("applied", sa.Integer, nullable=False),
    sa.Column("failed", sa.Integer, nullable=False),
    sa.Column("skipped", sa.Integer, nullable=False),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Column("hash", sa.String(64), nullable=False),
    sa.Column("removed", LONG_TEXT, nullable=False, server_default=""),
    sa.Column("files", LONG_TEXT, nullable=False, server_default=""),
)

history_changes = sa.Table(
    "history_changes",
    metadata,
    sa.Column("run_id", sa.ForeignKey("history_runs.id"), primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("result", sa.String(32), nullable=False),
    # Numbers and no references: what they tell of may be gone.
    sa.Column("user_id", sa.Integer, index=True),
    sa.Column("object_id", sa.Integer),
    sa.Column("manager_before_id", sa.Integer),
    sa.Column("manager_after_id", sa.Integer),
    sa.Column("unresolved", sa.Integer, nullable=False, server_default="0"),
    sa.Column("salt", sa.String(32)),
    sa.Column("payload", LONG_TEXT),
    sa.Column("commitment", sa.String(64), nullable=False),
)
