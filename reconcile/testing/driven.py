"""An application in memory, driven, with its ledger in a file.

A platform that promises no transaction.
"""

from pathlib import Path

from reconcile.platforms.database.urls import connect
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.ledger.ledger import SqlLedger
from reconcile.platforms.memory.application import MemoryApplication


class _Text:
    """A secret that is none."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text


def ledger(folder: Path, url: str = "sqlite:///ledger.db") -> SqlLedger:
    """A ledger that connects when it is first used."""
    return SqlLedger(lambda: connect(_Text(url), str(folder), "state"))


def driven(folder: Path, application: MemoryApplication | None = None) -> DrivenPlatform:
    """The application with its ledger, as one more process would open it."""
    return DrivenPlatform(application or MemoryApplication(), ledger(folder))
