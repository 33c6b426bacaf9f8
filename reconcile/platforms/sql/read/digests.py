"""The rows of a workspace as a digest, without making anything of them."""

from typing import Any, Final

import sqlalchemy as sa

from reconcile.model.quiet.tally import CHUNK, RowTally, combined, digest
from reconcile.platforms.database import bulk
from reconcile.platforms.ledger.workspaces import workspace_id
from reconcile.platforms.sql.read import integrity, state

_MISSING: Final = "no such workspace"


class Digests:
    """The digests of all that is read of a workspace, statement by statement."""

    def __init__(self, connection: sa.Connection, key: bytes) -> None:
        self._key = key
        # Other databases return rows in another order once they have moved them.
        self._ordered = connection.dialect.name == "sqlite"
        self._parts: list[tuple[str, bytes]] = []

    def rows(self, name: str, rows: list[tuple[Any, ...]]) -> None:
        """Takes all rows of a statement."""
        tally = self._tally()
        for start in range(0, len(rows), CHUNK):
            tally.add(rows[start : start + CHUNK])
        self._parts.append((name, tally.digest()))

    def stream(self, connection: sa.Connection, name: str, number: int) -> None:
        """Fetches the rows of a statement, and takes them chunk by chunk."""
        tally = self._tally()
        parameters = {"workspace": number}
        for chunk in bulk.chunks(connection, state.STATEMENTS[name], parameters, CHUNK):
            tally.add(chunk)
        self._parts.append((name, tally.digest()))

    def digest(self) -> bytes:
        """64 bytes. Nothing taken means that there is no such workspace."""
        parts = sorted(self._parts) or [(_MISSING, b"")]
        return combined([(f"rows of {name}", part) for name, part in parts], self._key)

    def _tally(self) -> RowTally:
        return RowTally(self._key, ordered=self._ordered)


def of_nothing(key: bytes) -> bytes:
    """The digest of a database in which nothing was ever applied."""
    return digest("nothing", key)


def of_workspace(connection: sa.Connection, workspace: str, key: bytes) -> bytes:
    """The digest of a workspace. Raises PlatformUnreadable for rows that refer to nothing."""
    taken = Digests(connection, key)
    number = workspace_id(connection, workspace)
    if number is not None:
        integrity.references(connection)
        for name in state.STATEMENTS:
            taken.stream(connection, name, number)
    return taken.digest()
