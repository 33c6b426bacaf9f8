"""The tables of what reconcile remembers: sources, locks, history, failed logins.

The sql platform keeps them in its own database, beside its users; every other platform in the
database that `state` names, with the book and the journal (`docs/state.md`).
"""

import sqlalchemy as sa

from reconcile.platforms.database.columns import (
    LONG_BYTES,
    LONG_TEXT,
    NAME,
    id_column,
    name_column,
    text_column,
    time_column,
    workspace_column,
)

metadata = sa.MetaData()

workspaces = sa.Table(
    "workspaces",
    metadata,
    id_column(),
    sa.Column("name", sa.String(NAME), nullable=False, unique=True),
    sa.Column("history_hash", sa.String(64)),
)

sources = sa.Table(
    "sources",
    metadata,
    id_column(),
    workspace_column(),
    name_column("name"),
    text_column("type"),
    sa.Column("base_dn", sa.Text, nullable=False, server_default=""),
    text_column("domain"),
    sa.Column("note", sa.Text, nullable=False, server_default=""),
    sa.UniqueConstraint("workspace_id", "name", name="sources_name"),
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
    name_column("token"),
    name_column("login"),
    name_column("host"),
    sa.Column("pid", sa.Integer, nullable=False),
    sa.Column("process_started", sa.String(NAME)),
    name_column("started_at"),
    time_column("heartbeat_at"),
)

login_failures = sa.Table(
    "login_failures",
    metadata,
    # By its name: a reference would wait for a run that is writing to the workspace.
    sa.Column("workspace", sa.String(NAME), primary_key=True),
    sa.Column("key_sha256", sa.String(64), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    time_column("last_failed_at"),
    time_column("locked_until"),
)

login_origins = sa.Table(
    "login_origins",
    metadata,
    sa.Column("workspace", sa.String(NAME), primary_key=True),
    sa.Column("key_sha256", sa.String(64), primary_key=True),
    sa.Column("origin_sha256", sa.String(64), primary_key=True),
    sa.Column("failures", sa.Integer, nullable=False),
    time_column("last_failed_at"),
    time_column("locked_until"),
    sa.Column("last_login_at", sa.DateTime),
)

quiet_memos = sa.Table(
    "quiet_memos",
    metadata,
    # By its name, as above.
    sa.Column("workspace", sa.String(NAME), primary_key=True),
    sa.Column("scope_sha256", sa.String(64), primary_key=True),
    sa.Column("memo", LONG_TEXT, nullable=False),
)

history_runs = sa.Table(
    "history_runs",
    metadata,
    id_column(),
    sa.Column("workspace_id", sa.ForeignKey("workspaces.id"), nullable=False, index=True),
    name_column("run"),
    sa.Column("plan", sa.String(64), nullable=False),
    sa.Column("configuration", sa.String(64), nullable=False),
    sa.Column("git_commit", sa.String(64), nullable=False, server_default=""),
    sa.Column("dirty", sa.Integer, nullable=False, server_default="0"),
    text_column("undoes"),
    sa.Column("accepted", sa.Text, nullable=False, server_default=""),
    sa.Column("lost", sa.Text, nullable=False, server_default=""),
    name_column("login"),
    name_column("host"),
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
    text_column("plan_file", 64),
    sa.Column("signatures", LONG_TEXT, nullable=False, server_default="[]"),
)

history_changes = sa.Table(
    "history_changes",
    metadata,
    sa.Column("run_id", sa.ForeignKey("history_runs.id"), primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("kind", sa.String(32), nullable=False),
    sa.Column("action", sa.String(32), nullable=False),
    sa.Column("result", sa.String(32), nullable=False),
    # Numbers and no references: what they refer to may be gone.
    sa.Column("user_id", sa.Integer, index=True),
    sa.Column("object_id", sa.Integer),
    sa.Column("manager_before_id", sa.Integer),
    sa.Column("manager_after_id", sa.Integer),
    sa.Column("unresolved", sa.Integer, nullable=False, server_default="0"),
    sa.Column("salt", sa.String(32)),
    sa.Column("payload", LONG_TEXT),
    sa.Column("commitment", sa.String(64), nullable=False),
)

history_packs = sa.Table(
    "history_packs",
    metadata,
    sa.Column("run_id", sa.ForeignKey("history_runs.id"), primary_key=True, autoincrement=False),
    sa.Column("first", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("heads", LONG_BYTES, nullable=False),
    sa.Column("payloads", LONG_BYTES, nullable=False),
    sa.Column("seals", LONG_BYTES, nullable=False),
)
"""The changes of large runs; see `ledger.history.packs`."""

SHARED: tuple[sa.Table, ...] = (
    workspaces,
    sources,
    supplied,
    readings,
    locks,
    login_failures,
    login_origins,
    quiet_memos,
    history_runs,
    history_changes,
    history_packs,
)
"""Those that the sql platform has in its own database, and every other platform in its ledger."""

book_metadata = sa.MetaData()

objects = sa.Table(
    "objects",
    book_metadata,
    id_column(),
    sa.Column("workspace_id", sa.ForeignKey(workspaces.c.id), nullable=False),
    sa.Column("kind", sa.String(32), nullable=False),
    name_column("platform_id"),
    sa.Column("name", sa.Text, nullable=False, server_default=""),
    sa.Column("source_id", sa.ForeignKey(sources.c.id)),
    sa.Column("external_id", sa.String(NAME)),
    sa.Column("dn", sa.Text),
    sa.Column("status", sa.String(32)),
    sa.Column("status_origin", sa.String(NAME)),
    sa.Column("status_cause", sa.String(32)),
    sa.Column("status_before", sa.String(32)),
    sa.Column("departed", sa.String(32)),
    sa.Column("departed_at", sa.String(32)),
    sa.UniqueConstraint("workspace_id", "kind", "platform_id", name="objects_platform_id"),
    sqlite_autoincrement=True,
)
"""Every user, group and department that a run has seen on the platform."""

links = sa.Table(
    "links",
    book_metadata,
    sa.Column(
        "workspace_id", sa.ForeignKey(workspaces.c.id), primary_key=True, autoincrement=False
    ),
    sa.Column("kind", sa.String(32), primary_key=True),
    sa.Column("member_id", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("holder", sa.String(NAME), primary_key=True),
    name_column("origin"),
)
"""The links that a source put there. `holder` is the id of a group, or the name of a role."""

journal = sa.Table(
    "journal",
    book_metadata,
    id_column(),
    sa.Column("workspace_id", sa.ForeignKey(workspaces.c.id), nullable=False, index=True),
    sa.Column("state", sa.String(32), nullable=False),
    sa.Column("body", LONG_TEXT, nullable=False),
    sa.Column("platform_id", sa.String(NAME)),
    sa.Column("detail", sa.Text, nullable=False, server_default=""),
)
"""What the run under way is about to do, and what became of it; the first row is the run itself."""
