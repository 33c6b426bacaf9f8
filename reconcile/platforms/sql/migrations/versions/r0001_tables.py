"""The first tables.

Where the databases differ: PostgreSQL has identities that cannot be set by hand, times with their
zone and JSONB. MariaDB compares text like the others do (case, accents and spaces at the end
matter) only with a collation that says so; it has no index over an expression, so a column of the
table holds it; and its tables carry a comment by which an interrupted creation is known again
(`reconcile.platforms.database.schema`).
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from reconcile.platforms.database.columns import LONG_TEXT
from reconcile.platforms.database.schema import MARK

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_MARIADB: dict[str, Any] = {
    "mariadb_engine": "InnoDB",
    "mariadb_default_charset": "utf8mb4",
    "mariadb_collate": "utf8mb4_nopad_bin",
    "mariadb_comment": MARK,
}


def _dialect() -> str:
    return op.get_bind().dialect.name


def _create(name: str, *elements: Any, **options: Any) -> None:
    op.create_table(name, *elements, **_MARIADB, **options)


def _id() -> sa.Column[int]:
    identity = [sa.Identity(always=True)] if _dialect() == "postgresql" else []
    return sa.Column("id", sa.Integer(), *identity, nullable=False)


def _time(name: str) -> sa.Column[Any]:
    now = sa.text("utc_timestamp()" if _dialect() == "mariadb" else "CURRENT_TIMESTAMP")
    kind = sa.DateTime(timezone=_dialect() == "postgresql")
    return sa.Column(name, kind, server_default=now, nullable=False)


def _json() -> sa.types.TypeEngine[Any]:
    if _dialect() != "postgresql":
        return sa.JSON()
    from sqlalchemy.dialects.postgresql import JSONB

    return JSONB()


def _unique(
    name: str, table: str, columns: list[str], expression: str, generated: str, kind: str
) -> None:
    """A unique index over columns, one of them an expression.

    `generated` is its name if it has to be a column.
    """
    if _dialect() == "mariadb":
        op.execute(
            f"ALTER TABLE `{table}` ADD COLUMN {generated} {kind} "
            f"GENERATED ALWAYS AS ({expression}) STORED"
        )
        op.create_index(
            name,
            table,
            [generated if column == expression else column for column in columns],
            unique=True,
        )
        return
    op.create_index(
        name,
        table,
        [sa.text(column) if column == expression else column for column in columns],
        unique=True,
    )


def _fits(name: str, column: str, length: int) -> sa.CheckConstraint:
    return sa.CheckConstraint(f"length({column}) <= {length}", name=name).ddl_if(dialect="sqlite")


def _one_of(name: str, column: str, *values: str) -> sa.CheckConstraint:
    return sa.CheckConstraint(" OR ".join(f"{column} = '{value}'" for value in values), name=name)


def upgrade() -> None:
    """Creates every table."""
    _workspaces_and_logins()
    _roles_and_sources()
    _departments_and_groups()
    _users()
    _links()
    _what_is_remembered()
    _history()
    _unique_names()


def _workspaces_and_logins() -> None:
    """Creates the workspaces, their locks and failed logins."""
    _create(
        "workspaces",
        _id(),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("name"),
    )
    _create(
        "locks",
        sa.Column("workspace_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("token", sa.String(length=255), nullable=False),
        sa.Column("login", sa.String(length=255), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("pid", sa.Integer(), nullable=False),
        sa.Column("process_started", sa.String(length=255), nullable=True),
        sa.Column("started_at", sa.String(length=255), nullable=False),
        _time("heartbeat_at"),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("workspace_id"),
    )
    _create(
        "login_failures",
        sa.Column("workspace", sa.String(length=255), nullable=False),
        sa.Column("key_sha256", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        _time("last_failed_at"),
        _time("locked_until"),
        sa.PrimaryKeyConstraint("workspace", "key_sha256"),
    )


def _roles_and_sources() -> None:
    """Creates objects that have little more than a name."""
    _create(
        "roles",
        _id(),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "name", name="roles_name"),
        sqlite_autoincrement=True,
    )
    _create(
        "sources",
        _id(),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=255), server_default="", nullable=False),
        sa.Column("base_dn", sa.Text(), server_default="", nullable=False),
        sa.Column("domain", sa.String(length=255), server_default="", nullable=False),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "name", name="sources_name"),
    )


def _departments_and_groups() -> None:
    """Creates what users are in."""
    _create(
        "departments",
        _id(),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("parent_id", sa.Integer(), nullable=True),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("dn", sa.Text(), nullable=True),
        _time("created_at"),
        _time("updated_at"),
        _fits("departments_title_length", "title", 255),
        sa.ForeignKeyConstraint(["parent_id"], ["departments.id"]),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "workspace_id", "source_id", "external_id", name="departments_external_id"
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_departments_parent_id", "departments", ["parent_id"])
    _create(
        "groups",
        _id(),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("dn", sa.Text(), nullable=True),
        _time("created_at"),
        _time("updated_at"),
        _fits("groups_name_length", "name", 255),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "source_id", "external_id", name="groups_external_id"),
        sqlite_autoincrement=True,
    )


def _users() -> None:
    """Creates the users."""
    _create(
        "users",
        _id(),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=255), nullable=False),
        sa.Column("first_name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("last_name", sa.String(length=255), server_default="", nullable=False),
        sa.Column("email", sa.String(length=320), server_default="", nullable=False),
        sa.Column("status", sa.String(length=32), server_default="active", nullable=False),
        sa.Column("status_origin", sa.String(length=255), nullable=True),
        sa.Column("status_cause", sa.String(length=32), nullable=True),
        sa.Column("status_before", sa.String(length=32), nullable=True),
        sa.Column("departed", sa.String(length=32), nullable=True),
        sa.Column("departed_at", sa.String(length=32), nullable=True),
        sa.Column("source_id", sa.Integer(), nullable=True),
        sa.Column("external_id", sa.String(length=255), nullable=True),
        sa.Column("dn", sa.Text(), nullable=True),
        sa.Column("department_id", sa.Integer(), nullable=True),
        sa.Column("manager_id", sa.Integer(), nullable=True),
        sa.Column("attributes", _json(), server_default="{}", nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=True),
        _time("created_at"),
        _time("updated_at"),
        *_user_checks(),
        sa.ForeignKeyConstraint(["department_id"], ["departments.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["manager_id"], ["users.id"], ondelete="SET NULL"),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("workspace_id", "source_id", "external_id", name="users_external_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_users_department_id", "users", ["department_id"])
    op.create_index("ix_users_manager_id", "users", ["manager_id"])


def _user_checks() -> list[sa.CheckConstraint]:
    """The values that a user's columns may have."""
    return [
        _one_of(
            "users_status",
            "status",
            "active",
            "inactive",
            "vacation",
            "blocked",
            "blocked_in_directory",
            "erased",
        ),
        _one_of(
            "users_status_cause",
            "status_cause",
            "missing",
            "out_of_scope",
            "disabled",
            "source_removed",
        ),
        _one_of("users_status_before", "status_before", "vacation"),
        _one_of("users_departed", "departed", "missing", "out_of_scope"),
        sa.CheckConstraint("source_id IS NULL OR password_hash IS NULL", name="users_password"),
        _fits("users_email_length", "email", 320),
        _fits("users_first_name_length", "first_name", 255),
        _fits("users_last_name_length", "last_name", 255),
        _fits("users_username_length", "username", 255),
    ]


def _links() -> None:
    """Creates who has which role and is in which group, and groups within groups."""
    _create(
        "grants",
        _id(),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("role_id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=True),
        _time("created_at"),
        sa.ForeignKeyConstraint(["role_id"], ["roles.id"]),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "role_id", name="grants_once"),
    )
    op.create_index("ix_grants_role_id", "grants", ["role_id"])
    _create(
        "memberships",
        _id(),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=True),
        _time("created_at"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("user_id", "group_id", name="memberships_once"),
    )
    op.create_index("ix_memberships_group_id", "memberships", ["group_id"])
    _create(
        "nested_groups",
        _id(),
        sa.Column("group_id", sa.Integer(), nullable=False),
        sa.Column("member_group_id", sa.Integer(), nullable=False),
        sa.Column("origin", sa.String(length=255), nullable=True),
        _time("created_at"),
        sa.CheckConstraint("group_id <> member_group_id", name="nested_groups_not_itself"),
        sa.ForeignKeyConstraint(["group_id"], ["groups.id"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["member_group_id"], ["groups.id"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("group_id", "member_group_id", name="nested_groups_once"),
    )
    op.create_index("ix_nested_groups_member_group_id", "nested_groups", ["member_group_id"])


def _what_is_remembered() -> None:
    """Creates what users answer for, and what was read of sources."""
    _create(
        "responsibilities",
        _id(),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=255), nullable=False),
        sa.Column("reference", sa.String(length=255), nullable=False),
        sa.Column("relation", sa.String(length=32), server_default="owner", nullable=False),
        _one_of(
            "responsibilities_relation",
            "relation",
            "owner",
            "open_work",
            "permission",
            "supervisor",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint(
            "kind", "reference", "user_id", "relation", name="responsibilities_once"
        ),
    )
    _create(
        "supplied",
        sa.Column("source_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("external_id", sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.PrimaryKeyConstraint("source_id", "external_id"),
    )
    _create(
        "readings",
        sa.Column("source_id", sa.Integer(), autoincrement=False, nullable=False),
        *(
            sa.Column(part, sa.Integer(), nullable=True)
            for part in ("persons", "groups", "units", "members")
        ),
        sa.ForeignKeyConstraint(["source_id"], ["sources.id"]),
        sa.PrimaryKeyConstraint("source_id"),
    )
    op.create_index("ix_responsibilities_user_id", "responsibilities", ["user_id"])


def _history() -> None:
    """Creates the runs and their changes."""
    _create(
        "history_runs",
        _id(),
        sa.Column("workspace_id", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(length=255), nullable=False),
        sa.Column("plan", sa.String(length=64), nullable=False),
        sa.Column("configuration", sa.String(length=64), nullable=False),
        sa.Column("git_commit", sa.String(length=64), server_default="", nullable=False),
        sa.Column("dirty", sa.Integer(), server_default="0", nullable=False),
        sa.Column("undoes", sa.String(length=255), server_default="", nullable=False),
        sa.Column("accepted", sa.Text(), server_default="", nullable=False),
        sa.Column("lost", sa.Text(), server_default="", nullable=False),
        sa.Column("login", sa.String(length=255), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("started", sa.String(length=32), nullable=False),
        sa.Column("finished", sa.String(length=32), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=False),
        sa.Column("applied", sa.Integer(), nullable=False),
        sa.Column("failed", sa.Integer(), nullable=False),
        sa.Column("skipped", sa.Integer(), nullable=False),
        sa.Column("previous_hash", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["workspace_id"], ["workspaces.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_history_runs_workspace_id", "history_runs", ["workspace_id"])
    _create(
        "history_changes",
        sa.Column("run_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("result", sa.String(length=32), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("object_id", sa.Integer(), nullable=True),
        sa.Column("manager_before_id", sa.Integer(), nullable=True),
        sa.Column("manager_after_id", sa.Integer(), nullable=True),
        sa.Column("unresolved", sa.Integer(), server_default="0", nullable=False),
        sa.Column("salt", sa.String(length=32), nullable=True),
        sa.Column("payload", LONG_TEXT, nullable=True),
        sa.Column("commitment", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["history_runs.id"]),
        sa.PrimaryKeyConstraint("run_id", "position"),
    )
    op.create_index("ix_history_changes_user_id", "history_changes", ["user_id"])


def _unique_names() -> None:
    """Creates the unique indexes over expressions."""
    above = "coalesce(parent_id, 0)"
    _unique(
        "departments_title",
        "departments",
        ["workspace_id", above, "title"],
        above,
        "parent_or_0",
        "INTEGER",
    )
    name, username = "lower(name)", "lower(username)"
    _unique("groups_name", "groups", ["workspace_id", name], name, "name_lower", "VARCHAR(255)")
    _unique(
        "users_username",
        "users",
        ["workspace_id", username],
        username,
        "username_lower",
        "VARCHAR(255)",
    )
