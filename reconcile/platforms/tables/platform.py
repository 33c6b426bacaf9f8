"""The adapter: every call is one transaction in the database of the application."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property, partial
from typing import TYPE_CHECKING

from reconcile.errors import PlatformUnreadable, ReconcileError
from reconcile.model import desired
from reconcile.model.book import Call
from reconcile.model.platform import Abilities, Contents, LinkKind, ObjectKind, Pair, Row
from reconcile.platforms.managed import DEFAULT_STATE
from reconcile.platforms.tables.declared.problems import problems
from reconcile.platforms.tables.declared.settings import tables_settings
from reconcile.ports import Check, Fault, Progress, Rejected, Unclear, no_progress

if TYPE_CHECKING:  # at run time they are imported on first use
    import sqlalchemy as sa

    from reconcile.platforms.database.database import Database
    from reconcile.platforms.tables.mapping import Mapped
    from reconcile.platforms.tables.write.references import Reference


class TablesPlatform:
    """The tables of an application; see `reconcile.ports.Platform` for what each method does."""

    def __init__(self, settings: desired.Platform, progress: Progress = no_progress) -> None:
        """Takes the settings; connects when first used."""
        self._settings = settings
        self._progress = progress
        self._own = tables_settings(settings)
        self._hinders: dict[ObjectKind, list[Reference]] = {}

    @staticmethod
    def problems(settings: desired.Platform) -> Iterable[Fault]:
        """What is wrong with the mapping in itself; no table is looked at."""
        return problems(settings)

    @cached_property
    def database(self) -> "Database":
        """The database of the application. Raises UsageError for its URL."""
        return self._connect("platform.url")

    def _connect(self, setting: str) -> "Database":
        from reconcile.platforms.database.urls import connect

        return connect(self._settings.url, self._settings.folder, setting)

    @cached_property
    def abilities(self) -> Abilities:
        """What the tables can hold. Raises PlatformUnreadable."""
        from reconcile.platforms.tables.abilities import abilities

        mapped = self._mapped
        with self._reading() as connection:
            return abilities(connection, mapped)

    @cached_property
    def _mapped(self) -> "Mapped":
        """The mapping over the real tables. Raises PlatformUnreadable where it does not fit."""
        from reconcile.platforms.tables.catalog import fault_line
        from reconcile.platforms.tables.resolving import resolve

        with self._reading() as connection:
            mapped, faults = resolve(connection, self._own)
        if mapped is None:
            more = f" (and {len(faults) - 1} more, see `reconcile test`)" if faults[1:] else ""
            raise PlatformUnreadable(f"{fault_line(faults[0])}{more}")
        return mapped

    @contextmanager
    def _reading(self) -> "Iterator[sa.Connection]":
        """A transaction to read in. Raises PlatformUnreadable where there is no database."""
        from reconcile.platforms.tables.sessions import settle_reading

        if not self.database.exists():
            raise PlatformUnreadable(
                f"the {self.database} does not exist: "
                "name the database of the application in `platform.url`"
            )
        with self.database.reading() as connection:
            settle_reading(connection)
            yield connection

    def read(self, workspace: str, connection: "sa.Connection | None" = None) -> Contents:
        """Everything, in one snapshot, or as an open transaction has it."""
        from reconcile.platforms.tables import reading

        del workspace
        mapped = self._mapped
        with self._reading() if connection is None else nullcontext(connection) as within:
            return reading.read(within, mapped)

    def create(self, workspace: str, kind: ObjectKind, fields: Row) -> str:
        """Makes a user, group or department, and returns its id."""
        return self._call(workspace, Call("create", kind, fields=fields))

    def update(self, workspace: str, kind: ObjectKind, object_id: str, fields: Row) -> None:
        """Sets these fields and no others."""
        self._call(workspace, Call("update", kind, object_id, fields))

    def delete(self, workspace: str, kind: ObjectKind, object_id: str) -> None:
        """Removes an object with its links, unless other rows of the application refer to it."""
        self._call(workspace, Call("delete", kind, object_id))

    def link(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Makes links, all of them or none."""
        self._call(workspace, Call("link", kind, pairs=tuple(pairs)))

    def unlink(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Removes links, all of them or none."""
        self._call(workspace, Call("unlink", kind, pairs=tuple(pairs)))

    def _call(self, workspace: str, call: Call) -> str:
        """One call in a transaction of its own."""
        from reconcile.platforms.database.database import CommitLost

        try:
            with self.database.writing() as connection:
                (answer,) = self.make(workspace, [call], connection)
        except CommitLost as lost:
            raise Unclear(lost.what) from lost
        if isinstance(answer, Rejected):
            raise answer
        return answer

    # With the ledger in the same database

    default_state = DEFAULT_STATE
    one_transaction = True
    calls_together = 1000

    def ledger_database(self) -> "Database":
        """The database of the application, by a connection of the ledger's own."""
        return self._connect("state")

    def make(
        self, workspace: str, calls: Sequence[Call], connection: "sa.Connection"
    ) -> list[str | Rejected]:
        """Makes calls in an open transaction; those that are alike go out together."""
        from reconcile.platforms.tables.sessions import settle_writing
        from reconcile.platforms.tables.write.calls import make

        del workspace
        settle_writing(connection)

        hinders = partial(self._hindering, connection)
        return make(connection, self._mapped, hinders, calls)

    def _hindering(self, connection: "sa.Connection", kind: ObjectKind) -> "list[Reference]":
        """What keeps objects of a kind from being deleted; looked up once."""
        from reconcile.platforms.tables.write.references import references

        if kind not in self._hinders:
            keys = references(connection, self._mapped, self._mapped.of(kind))
            self._hinders[kind] = [key for key in keys if key.hinders]
        return self._hinders[kind]

    def kept(self, workspace: str, calls: Sequence[Call]) -> None:
        """A transaction is all there is."""

    def check(self) -> Iterable[Check]:
        """Connects, and says what the tables are and where the mapping does not fit them."""
        from reconcile.platforms.tables import check

        try:
            with self._reading() as connection:
                yield from check.checks(connection, self.database, self._own)
        except ReconcileError as error:
            yield Check("platform", False, str(error))

    def close(self) -> None:
        """Lets go of the connection; may be called at any time, more than once."""
        if "database" in self.__dict__:
            self.database.close()
