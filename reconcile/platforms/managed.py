"""A platform as planning and applying see it.

It has its own ledger, or is driven over one: in its own database, or beside the files.
"""

from functools import partial
from typing import Any, Final

from reconcile.model import desired
from reconcile.ports import IN_PLATFORM, ManagedPlatform, Progress

DEFAULT_STATE: Final = "sqlite:///.reconcile/state.db"
"""Beside the file that declares the platform."""


class _Default:
    """The default ledger, as a secret is given."""

    def __init__(self, state: str) -> None:
        self._state = state

    def reveal(self) -> str:
        return self._state


def managed(adapter: Any, settings: desired.Platform, progress: Progress) -> ManagedPlatform:
    """The adapter itself if it is Transactional; otherwise driven, with the ledger of `state`."""
    if hasattr(adapter, "transaction"):
        transactional: ManagedPlatform = adapter
        return transactional
    from reconcile.platforms.database.urls import connect
    from reconcile.platforms.driver.platform import DrivenPlatform
    from reconcile.platforms.ledger.by_workspace import LedgerByWorkspace
    from reconcile.platforms.ledger.joint import JointSqlLedger
    from reconcile.platforms.ledger.ledger import SqlLedger

    url = settings.state or _Default(getattr(adapter, "default_state", DEFAULT_STATE))
    if url.reveal() == IN_PLATFORM and hasattr(adapter, "workspace_database"):
        by_workspace = LedgerByWorkspace(partial(_of_workspace, adapter), settings.workspaces)
        return DrivenPlatform(adapter, by_workspace, progress)
    if url.reveal() == IN_PLATFORM and hasattr(adapter, "ledger_database"):
        return DrivenPlatform(adapter, JointSqlLedger(adapter.ledger_database), progress)
    ledger = SqlLedger(lambda: connect(url, settings.state_folder, "state", make_folder=True))
    return DrivenPlatform(adapter, ledger, progress)


def _of_workspace(adapter: Any, workspace: str) -> Any:
    """The ledger in the database of a workspace."""
    from reconcile.platforms.ledger.joint import JointSqlLedger

    return JointSqlLedger(partial(adapter.workspace_database, workspace))
