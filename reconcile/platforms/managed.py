"""A platform as planning and applying see it.

It has its own ledger, or is driven over one beside the files.
"""

from typing import Any, Final

from reconcile.model import desired
from reconcile.ports import ManagedPlatform, Progress

DEFAULT_STATE: Final = "sqlite:///.reconcile/state.db"
"""Beside the file that declares the platform."""


class _Default:
    """The URL of the default ledger, as a secret is given."""

    def reveal(self) -> str:
        return DEFAULT_STATE


def managed(adapter: Any, settings: desired.Platform, progress: Progress) -> ManagedPlatform:
    """The adapter itself if it is Transactional; otherwise driven, with the ledger of `state`."""
    if hasattr(adapter, "transaction"):
        transactional: ManagedPlatform = adapter
        return transactional
    from reconcile.platforms.database.urls import connect
    from reconcile.platforms.driver.platform import DrivenPlatform
    from reconcile.platforms.ledger.ledger import SqlLedger

    url = settings.state or _Default()
    ledger = SqlLedger(lambda: connect(url, settings.state_folder, "state", make_folder=True))
    return DrivenPlatform(adapter, ledger, progress)
