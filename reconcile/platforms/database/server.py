"""A database on a server: what PostgreSQL and MariaDB have in common.

Writers of one workspace are kept apart by the workspace's row: a writer holds it to the end of
the transaction (`locking.claim`). Every insert into the workspace refers to that row and waits
as well; what was read for writing is locked row by row (`reading.read`). So READ COMMITTED is
enough, and the only level at which what was waited for is seen.
"""

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, ClassVar, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError, InvalidRequestError

from reconcile.errors import PlatformUnreadable, UsageError
from reconcile.platforms.database import database
from reconcile.platforms.database.database import Busy, CommitLost, Database
from reconcile.platforms.database.json_values import brief, encode
from reconcile.platforms.database.row_errors import refusal

CONNECT: Final = 10
"""Seconds to wait for the server to answer."""
SILENT: float = 600
"""Seconds without a byte from the server after which a connection counts as broken."""
COMMIT: float = 60
"""Like SILENT, for the answer to COMMIT: then the server is asked again, over another
connection."""
IDLE: Final = 300
"""Seconds after which the server ends a transaction that says nothing: its machine sleeps or the
network is gone."""
BROKEN: Final = (
    "the connection broke, and what was not committed is undone; "
    "a new plan shows the current state ({text})"
)
LOST: Final = "the connection broke during the commit ({text})"
DEFERRED: Final = (
    "a rule that is checked at the commit refuses the changes, "
    "so nothing was changed: {text} ({rule}). "
    "Correct the data, or make the rule NOT DEFERRABLE: "
    "then the change that breaks it fails alone"
)
CLASH: Final = (
    "another program changed the same rows at the same time; "
    "all of this is undone, try again ({text})"
)
RIGHTS: Final = "the account lacks a right, see docs/sql-platform.md for those it needs ({text})"
FULL: Final = "its disk is full; nothing was changed ({text})"
REFUSED: Final = "it refuses the account and its password ({text})"
NO_DATABASE: Final = (
    "the server has no such database; create it, or name another one in `platform.url` ({text})"
)
WAITED: Final = (
    "another program has kept it busy for more than {busy:g} s; try again when it is done ({text})"
)


class ServerDatabase(Database):
    """One database on a server."""

    title: ClassVar[str]
    """What people call the server."""
    extra: ClassVar[str]
    """What to install together with reconcile to get the driver."""
    scheme: ClassVar[str]
    """How a URL of one begins."""
    driver: ClassVar[str]
    """As SQLAlchemy names dialect and driver."""
    options: ClassVar[Mapping[str, Any]] = {}
    """Arguments of the driver, whatever the url says."""

    def __init__(self, url: sa.URL) -> None:
        """Raises UsageError for a url that names no database, or a driver that is not installed."""
        if not url.database:
            raise UsageError(
                "platform.url does not name a database; "
                f"write it as in {self.scheme}://account@host/database"
            )
        port = f":{url.port}" if url.port else ""
        place = f" on {url.host}{port}" if url.host else ""
        self._name = f"{self.title} database {url.database}{place}"
        self._secret = str(url.password or "")
        try:
            self._engine = sa.create_engine(
                url.set(drivername=self.driver),
                poolclass=sa.NullPool,
                connect_args=dict(self._arguments()),
                json_serializer=encode,
                paramstyle="format",
                isolation_level="READ COMMITTED",
                hide_parameters=True,
            )
        except ImportError as error:
            raise UsageError(
                f"platform.url: {self.title} needs a driver that is not installed: "
                f"pip install 'reconcile-identity[{self.extra}]' ({error})"
            ) from None

    def __str__(self) -> str:
        return self._name

    def _arguments(self) -> Mapping[str, Any]:
        """What the driver gets when it connects."""
        return {"connect_timeout": CONNECT}

    @contextmanager
    def _connected(self) -> Iterator[sa.Connection]:
        with self.explained():
            try:
                connection = self._engine.connect()
            except InvalidRequestError as error:  # SQLAlchemy asks the server what it is
                raise UsageError(f"platform.url: the server cannot be used ({error})") from None
            except (
                TypeError,
                ValueError,
                RuntimeError,
            ) as error:  # the driver does not know an option of the url
                raise UsageError(f"platform.url: {self._without_secret(str(error))}") from None
            with connection:
                yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """A transaction that may write; kept when the block ends, undone when it raises."""
        with self._connected() as connection, connection.begin() as transaction:
            yield connection
            self._commit(connection, transaction)

    def _commit(self, connection: sa.Connection, transaction: sa.RootTransaction) -> None:
        """Raises CommitLost if the server did not answer, or not clearly."""
        self._expect_within(connection, COMMIT)
        try:
            transaction.commit()
        except DBAPIError as error:
            text = self._one_line(error)
            if self._is_open(error):
                raise CommitLost(f"the {self}: {LOST.format(text=text)}") from error
            if refusal(error) is not None:
                said = DEFERRED.format(text=text, rule=self._rule(error))
                raise PlatformUnreadable(f"the {self}: {said}") from error
            raise

    def version(self, connection: sa.Connection) -> str:
        """Name and version of the server."""
        numbers = connection.dialect.server_version_info or ()
        return f"{self.title} {'.'.join(map(str, numbers[: self._numbers]))}"

    _numbers: ClassVar[int] = 3

    def close(self) -> None:
        """Lets go of whatever is open."""
        self._engine.dispose()

    def _explain(self, error: DBAPIError) -> PlatformUnreadable:
        text = self._one_line(error)
        meaning = self._meaning(error, text)
        said = meaning.format(busy=database.BUSY, text=text)
        return (Busy if meaning == WAITED else PlatformUnreadable)(f"the {self}: {said}")

    def _one_line(self, error: DBAPIError) -> str:
        return brief(self._without_secret(self._text(error)))

    def _without_secret(self, text: str) -> str:
        return text.replace(self._secret, "***") if len(self._secret) > 3 else text

    @abstractmethod
    def _expect_within(self, connection: sa.Connection, seconds: float) -> None:
        """From now on the connection counts as broken after so long without a byte."""

    def _rule(self, error: DBAPIError) -> str:
        """The rule of the database that an error is about."""
        del error
        return "unnamed"

    @abstractmethod
    def _is_open(self, error: DBAPIError) -> bool:
        """Whether a transaction may have been kept though its COMMIT ended with this error."""

    @abstractmethod
    def _text(self, error: DBAPIError) -> str:
        """What the server or the driver says."""

    @abstractmethod
    def _meaning(self, error: DBAPIError, text: str) -> str:
        """What that means, with a place for `text`."""
