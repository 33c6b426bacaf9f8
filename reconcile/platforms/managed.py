"""A platform as planning and applying see it.

It has its own ledger, or is driven over one: in its own database, or beside the files.
"""

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
    from reconcile.platforms.ledger.joint import JointSqlLedger
    from reconcile.platforms.ledger.ledger import SqlLedger

    url = settings.state or _Default(getattr(adapter, "default_state", DEFAULT_STATE))
    if hasattr(adapter, "ledger_database") and url.reveal() == IN_PLATFORM:
        return DrivenPlatform(adapter, JointSqlLedger(adapter.ledger_database), progress)
    ledger = SqlLedger(lambda: connect(url, settings.state_folder, "state", make_folder=True))
    return DrivenPlatform(adapter, ledger, progress)
