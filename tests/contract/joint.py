"""An application that lives in the database of its own ledger: the smallest Joint platform."""

import pickle
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from reconcile.model import desired
from reconcile.model.book import Call
from reconcile.model.platform import Contents
from reconcile.platforms.database.database import Database
from reconcile.platforms.database.urls import connect
from reconcile.platforms.managed import managed
from reconcile.platforms.memory.application import MemoryApplication
from reconcile.ports import IN_PLATFORM, ManagedPlatform, Rejected, no_progress
from tests.contract.platforms import Text

_STATE = ("_rows", "_links", "_roles", "_numbers")


class JointApplication(MemoryApplication):
    """Keeps all that it is in one row of a table."""

    default_state = IN_PLATFORM
    calls_together = 3

    def __init__(self, folder: Path, **hooks: Any) -> None:
        super().__init__(**hooks)
        self._folder = folder
        self.ended: list[Call] = []
        self.finished = 0
        """How often a transaction was kept."""
        self._empty = self._saved()

    def ledger_database(self) -> Database:
        return connect(Text("sqlite:///acme.db"), str(self._folder))

    def read(self, workspace: str, connection: sa.Connection | None = None) -> Contents:
        if connection is not None:
            self._load(connection)
            return super().read(workspace)
        database = self.ledger_database()
        if database.exists():
            with database.reading() as own:
                self._load(own)
        return super().read(workspace)

    def make(
        self, workspace: str, calls: Sequence[Call], connection: sa.Connection
    ) -> list[str | Rejected]:
        self._load(connection)
        answers = [self._answer(workspace, call) for call in calls]
        connection.execute(sa.text("CREATE TABLE IF NOT EXISTS application (state BLOB)"))
        connection.execute(sa.text("DELETE FROM application"))
        row = {"state": self._saved()}
        connection.execute(sa.text("INSERT INTO application VALUES (:state)"), row)
        return answers

    def _answer(self, workspace: str, call: Call) -> str | Rejected:
        before = self._saved()
        try:
            match call.operation:
                case "create":
                    return self.create(workspace, call.kind, dict(call.fields))
                case "update":
                    self.update(workspace, call.kind, call.platform_id, dict(call.fields))
                case "delete":
                    self.delete(workspace, call.kind, call.platform_id)
                case "link":
                    self.link(workspace, call.kind, call.pairs)
                case "unlink":
                    self.unlink(workspace, call.kind, call.pairs)
        except Rejected as rejected:
            self._take(before)
            return rejected
        return ""

    def kept(self, _workspace: str, calls: Sequence[Call]) -> None:
        self.ended += calls
        self.finished += 1

    def _saved(self) -> bytes:
        return pickle.dumps([getattr(self, name) for name in _STATE])

    def _take(self, saved: bytes) -> None:
        for name, value in zip(_STATE, pickle.loads(saved), strict=True):
            setattr(self, name, value)

    def _load(self, connection: sa.Connection) -> None:
        saved = None
        if sa.inspect(connection).has_table("application"):
            saved = connection.execute(sa.text("SELECT state FROM application")).scalar()
        self._take(saved or self._empty)


class WholeApplication(JointApplication):
    """Keeps a whole run in one transaction."""

    one_transaction = True


def joint(application: JointApplication) -> ManagedPlatform:
    return managed(application, desired.Platform("joint"), no_progress)
