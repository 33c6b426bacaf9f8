"""What is wrong with a database URL before anything connects."""

import os
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from reconcile.errors import ReconcileError
from reconcile.platforms.database import urls

_LAST_PORT: Final = 65535


class _Text:
    """A URL with a letter in the place of what is fetched later."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text."""
        return self._text


def fault(text: str, folder: str, *, made: bool = False) -> str:
    """Why no database can be meant; "" if one can.

    `made`: the folder of an SQLite file is made with it.
    """
    try:
        urls.connect(_Text(text), folder, "the URL", make_folder=made).close()
        url = sa.make_url(text)
    except ReconcileError as error:
        return str(error)
    if url.drivername.startswith("sqlite"):
        return "" if made else _sqlite(url.database or "", folder)
    if url.port is not None and not 0 < url.port <= _LAST_PORT:
        return f"the port {url.port} is not between 1 and {_LAST_PORT}"
    return ""


def _sqlite(name: str, folder: str) -> str:
    """A file of SQLite, whose folder has to exist and be writable."""
    if not name or name == ":memory:" or name.startswith("file:"):
        return ""
    file = Path(folder, name)
    if not file.parent.is_dir():
        return f"there is no folder {file.parent} for the database {file.name}: make it first"
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        return f"{file if file.exists() else file.parent} cannot be written by this account"
    return ""
