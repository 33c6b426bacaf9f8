"""The writer: one workspace in its transaction; each kind and action has its module."""

from collections.abc import Callable, Collection, Mapping, Sequence

import sqlalchemy as sa

from reconcile.errors import PlatformUnreadable
from reconcile.model.change import Change
from reconcile.model.history import Run
from reconcile.model.platform import PlatformState, Reading
from reconcile.model.report import APPLIED, Outcome, Written
from reconcile.platforms.ledger.history.entries import ids_before, ids_now
from reconcile.platforms.ledger.history.record import Writing, record
from reconcile.platforms.ledger.workspaces import workspace_id
from reconcile.platforms.resolve import Names
from reconcile.platforms.sql.context import Work
from reconcile.platforms.sql.read import state as reading
from reconcile.platforms.sql.settings import SqlSettings
from reconcile.platforms.sql.tables import tables as t
from reconcile.platforms.sql.write import (
    departments,
    erase,
    known_persons,
    memberships_and_grants,
    users,
)
from reconcile.platforms.sql.write import sources_and_groups as named
from reconcile.ports import Progress

_STEPS: Mapping[tuple[str, str], Callable[[Work, Sequence[Change]], list[str]]] = {
    ("source", "create"): named.create_sources,
    ("source", "update"): named.update_sources,
    ("department", "create"): departments.create,
    ("department", "update"): departments.update,
    ("department", "relink"): departments.update,
    ("department", "delete"): departments.delete,
    ("group", "create"): named.create_groups,
    ("group", "update"): named.update_groups,
    ("group", "relink"): named.update_groups,
    ("group", "delete"): named.delete_groups,
    ("user", "create"): users.create,
    ("user", "update"): users.update,
    ("user", "adopt"): users.update,
    ("user", "relink"): users.update,
    ("user", "activate"): users.update,
    ("user", "deactivate"): users.update,
    ("user", "block"): users.update,
    ("user", "erase"): erase.erase,
    ("user", "delete"): users.delete,
    ("grant", "create"): memberships_and_grants.create_grants,
    ("grant", "update"): memberships_and_grants.update,
    ("grant", "delete"): memberships_and_grants.delete,
    ("membership", "create"): memberships_and_grants.create_memberships,
    ("membership", "update"): memberships_and_grants.update,
    ("membership", "delete"): memberships_and_grants.delete,
}

_PARTS = ("persons", "groups", "units", "members")
_SUPPLYING = frozenset({"create", "update", "adopt", "relink"})


class SqlWriter:
    """One workspace inside its transaction; see `reconcile.ports.Writer`."""

    def __init__(
        self,
        connection: sa.Connection,
        workspace: str,
        settings: SqlSettings,
        now: str,
        progress: Progress,
    ) -> None:
        """Takes a connection inside a transaction that may write; `now` is when the run began."""
        self._settings = settings
        self._now = now
        self._connection = connection
        self._workspace = workspace
        self._progress = progress
        self._work: Work | None = None
        self._written = 0
        self._supplies = False
        self.recorded = ""
        """The hash of the run in the history; "" before there is one."""
        self.erased: list[Change] = []
        """By which changes persons were erased."""

    def finish(self) -> None:
        """Records whom the sources now supply; the last step before the commit."""
        if self._supplies and self._work is not None:
            known_persons.record(self._connection, self._work.workspace_id)

    def read(self) -> PlatformState:
        """The workspace as it is now."""
        number = workspace_id(self._connection, self._workspace)
        if number is None:
            raise PlatformUnreadable(f"the workspace {self._workspace!r} no longer exists")
        state = reading.read(self._connection, self._workspace, self._progress, lock=True)
        sources, roles = (self._ids(table, number) for table in (t.sources, t.roles))
        self._work = Work(
            self._connection, number, Names(state), sources, roles, self._settings, self._now
        )
        return state

    def _ids(self, table: sa.Table, workspace: int) -> dict[str, int]:
        named = sa.select(table.c.name, table.c.id).where(table.c.workspace_id == workspace)
        return dict(self._connection.execute(named).all())

    kept_at_once = False
    broken = None

    def begin(self, run: Run) -> None:
        """Nothing: a transaction that is not kept leaves nothing to remember."""

    def write(self, changes: Sequence[Change]) -> Sequence[Written]:
        """Carries out changes of one kind and action; returns what became of each."""
        return [Written("failed", reason) if reason else APPLIED for reason in self._write(changes)]

    def _write(self, changes: Sequence[Change]) -> list[str]:
        if not changes:
            return []
        if self._work is None:
            self.read()
        assert self._work is not None  # noqa: S101 - read just set it
        step = _STEPS.get((changes[0].kind, changes[0].action))
        if step is None:
            return [f"{changes[0].action} of a {changes[0].kind} is not supported yet"] * len(
                changes
            )
        reasons = step(self._work, changes)
        if changes[0].action == "erase":
            self.erased += (change for change, why in zip(changes, reasons, strict=True) if not why)
        self._supplies = self._supplies or (
            changes[0].kind == "user" and changes[0].action in _SUPPLYING
        )
        self._written += len(changes)
        self._progress("changes written", self._written)
        return reasons

    def remember(self, readings: Collection[Reading]) -> None:
        """Records how much each source had, replacing earlier readings; without unknown sources."""
        if self._work is None:
            self.read()
        assert self._work is not None  # noqa: S101 - read just set it
        numbers = self._ids(t.sources, self._work.workspace_id)
        rows = [
            {
                "source_id": numbers[held.source],
                **{part: getattr(held, part) for part in _PARTS},
            }
            for held in readings
            if held.source in numbers
        ]
        if rows:
            former = t.readings.c.source_id.in_([row["source_id"] for row in rows])
            self._connection.execute(sa.delete(t.readings).where(former))
            self._connection.execute(t.readings.insert(), rows)

    def record(self, run: Run, outcomes: Sequence[Outcome]) -> None:
        """Adds the run to the history of the workspace, with every change."""
        if self._work is None:
            self.read()
        assert self._work is not None  # noqa: S101 - read just set it
        work = self._work
        before, now = ids_before(work.names), ids_now(work.names)
        writing = Writing(work.connection, work.workspace_id, before, now, work.now)
        self.recorded = record(writing, reading.USERS, run, outcomes)
