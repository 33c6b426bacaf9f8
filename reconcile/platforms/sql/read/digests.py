"""The rows of a workspace as a digest, without making anything of them."""

from contextlib import closing
from typing import Final

import sqlalchemy as sa

from reconcile.model.quiet.tally import RowTally, combined, digest
from reconcile.platforms.database import bulk
from reconcile.platforms.ledger.workspaces import workspace_id
from reconcile.platforms.sql.read import integrity, state
from reconcile.platforms.sql.read.state import Taking

_MISSING: Final = "no such workspace"


class Digests:
    """The digests of all that is read of a workspace, statement by statement."""

    def __init__(self, connection: sa.Connection, key: bytes) -> None:
        self._key = key
        # Other databases return rows in another order once they have moved them.
        self._ordered = connection.dialect.name == "sqlite"
        self._parts: list[tuple[str, RowTally]] = []

    def taking(self, name: str) -> Taking:
        """What takes the rows of a statement, chunk by chunk."""
        tally = RowTally(self._key, ordered=self._ordered)
        self._parts.append((name, tally))
        return tally.add

    def stream(self, connection: sa.Connection, name: str, number: int) -> None:
        """Fetches the rows of a statement, and takes them."""
        take, statement = self.taking(name), state.STATEMENTS[name]
        with closing(bulk.chunks(connection, statement, {"workspace": number})) as chunks:
            for chunk in chunks:
                take(chunk)

    def digest(self) -> bytes:
        """64 bytes. Nothing taken means that there is no such workspace."""
        taken = sorted((name, tally.digest()) for name, tally in self._parts)
        parts = taken or [(_MISSING, b"")]
        return combined([(f"rows of {name}", part) for name, part in parts], self._key)


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
