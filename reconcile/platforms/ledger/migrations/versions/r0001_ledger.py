"""The first tables of a ledger.

Those that the sql platform has too are as its own migrations leave them.
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
_PARTS = ("persons", "groups", "units", "members")


def _dialect() -> str:
    return op.get_bind().dialect.name


def _create(name: str, *elements: Any, **options: Any) -> None:
    op.create_table(name, *elements, **_MARIADB, **options)


def _id() -> sa.Column[int]:
    identity = [sa.Identity(always=True)] if _dialect() == "postgresql" else []
    return sa.Column("id", sa.Integer(), *identity, primary_key=True)


def _number(name: str, **options: Any) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), **{"nullable": False, **options})


def _refers(name: str, to: str, **options: Any) -> sa.Column[int]:
    """A number that is the id of a row elsewhere."""
    return sa.Column(
        name, sa.Integer(), sa.ForeignKey(f"{to}.id"), **{"nullable": False, **options}
    )


def _text(name: str, length: int = 255, **options: Any) -> sa.Column[str]:
    return sa.Column(name, sa.String(length=length), **{"nullable": False, **options})


def _long(name: str, **options: Any) -> sa.Column[str]:
    return sa.Column(name, LONG_TEXT, **{"nullable": False, **options})


def _time(name: str) -> sa.Column[Any]:
    now = sa.text("utc_timestamp()" if _dialect() == "mariadb" else "CURRENT_TIMESTAMP")
    kind = sa.DateTime(timezone=_dialect() == "postgresql")
    return sa.Column(name, kind, server_default=now, nullable=False)


def upgrade() -> None:
    """Creates every table."""
    _workspaces_and_sources()
    _locks_and_logins()
    _history()
    _book()
    _journal()


def _workspaces_and_sources() -> None:
    _create(
        "workspaces", _id(), _text("name", unique=True), _text("history_hash", 64, nullable=True)
    )
    _create(
        "sources",
        _id(),
        _refers("workspace_id", "workspaces"),
        _text("name"),
        _text("type", server_default=""),
        sa.Column("base_dn", sa.Text(), server_default="", nullable=False),
        _text("domain", server_default=""),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.UniqueConstraint("workspace_id", "name", name="sources_name"),
    )
    _create(
        "supplied",
        _refers("source_id", "sources", primary_key=True, autoincrement=False),
        _text("external_id", primary_key=True),
    )
    _create(
        "readings",
        _refers("source_id", "sources", primary_key=True, autoincrement=False),
        *(_number(part, nullable=True) for part in _PARTS),
    )


def _locks_and_logins() -> None:
    _create(
        "locks",
        _refers("workspace_id", "workspaces", primary_key=True, autoincrement=False),
        _text("token"),
        _text("login"),
        _text("host"),
        _number("pid"),
        _text("process_started", nullable=True),
        _text("started_at"),
        _time("heartbeat_at"),
    )
    _create(
        "login_failures",
        _text("workspace", primary_key=True),
        _text("key_sha256", 64, primary_key=True),
        _number("failures"),
        _time("last_failed_at"),
        _time("locked_until"),
    )
    zone = _dialect() == "postgresql"
    _create(
        "login_origins",
        _text("workspace", primary_key=True),
        _text("key_sha256", 64, primary_key=True),
        _text("origin_sha256", 64, primary_key=True),
        _number("failures"),
        _time("last_failed_at"),
        _time("locked_until"),
        sa.Column("last_login_at", sa.DateTime(timezone=zone), nullable=True),
    )


def _history() -> None:
    _create(
        "history_runs",
        _id(),
        _refers("workspace_id", "workspaces"),
        _text("run"),
        _text("plan", 64),
        _text("configuration", 64),
        _text("git_commit", 64, server_default=""),
        _number("dirty", server_default="0"),
        _text("undoes", server_default=""),
        sa.Column("accepted", sa.Text(), server_default="", nullable=False),
        sa.Column("lost", sa.Text(), server_default="", nullable=False),
        _text("login"),
        _text("host"),
        _text("started", 32),
        _text("finished", 32),
        _text("outcome", 32),
        *(_number(count) for count in ("applied", "failed", "skipped")),
        _text("previous_hash", 64),
        _text("hash", 64),
        _long("removed", server_default=""),
        _long("files", server_default=""),
    )
    op.create_index("ix_history_runs_workspace_id", "history_runs", ["workspace_id"])
    _create(
        "history_changes",
        _refers("run_id", "history_runs", primary_key=True, autoincrement=False),
        _number("position", primary_key=True, autoincrement=False),
        *(_text(name, 32) for name in ("kind", "action", "result")),
        *(
            _number(name, nullable=True)
            for name in ("user_id", "object_id", "manager_before_id", "manager_after_id")
        ),
        _number("unresolved", server_default="0"),
        _text("salt", 32, nullable=True),
        _long("payload", nullable=True),
        _text("commitment", 64),
    )
    op.create_index("ix_history_changes_user_id", "history_changes", ["user_id"])


def _book() -> None:
    _create(
        "objects",
        _id(),
        _refers("workspace_id", "workspaces"),
        _text("kind", 32),
        _text("platform_id"),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        _refers("source_id", "sources", nullable=True),
        _text("external_id", nullable=True),
        sa.Column("dn", sa.Text(), nullable=True),
        _text("status", 32, nullable=True),
        _text("status_origin", nullable=True),
        _text("status_cause", 32, nullable=True),
        _text("status_before", 32, nullable=True),
        _text("departed", 32, nullable=True),
        _text("departed_at", 32, nullable=True),
        sa.UniqueConstraint("workspace_id", "kind", "platform_id", name="objects_platform_id"),
        sqlite_autoincrement=True,
    )
    _create(
        "links",
        _refers("workspace_id", "workspaces", primary_key=True, autoincrement=False),
        _text("kind", 32, primary_key=True),
        _number("member_id", primary_key=True, autoincrement=False),
        _text("holder", primary_key=True),
        _text("origin"),
    )


def _journal() -> None:
    _create(
        "journal",
        _id(),
        _refers("workspace_id", "workspaces"),
        _text("state", 32),
        _long("body"),
        _text("platform_id", nullable=True),
        sa.Column("detail", sa.Text(), server_default="", nullable=False),
    )
    op.create_index("ix_journal_workspace_id", "journal", ["workspace_id"])
