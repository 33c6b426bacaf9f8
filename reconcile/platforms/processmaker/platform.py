"""The adapter: reads a workspace; makes calls in the ledger's transaction, or in one of its own."""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import cached_property
from typing import TYPE_CHECKING

from reconcile.errors import PlatformUnreadable, ReconcileError
from reconcile.model import desired
from reconcile.model.book import Call, Operation
from reconcile.model.platform import Abilities, Contents, LinkKind, ObjectKind, Pair, Row
from reconcile.platforms.processmaker.settings import abilities, problems, site_settings
from reconcile.ports import (
    IN_PLATFORM,
    Check,
    Fault,
    Progress,
    Rejected,
    Unclear,
    no_progress,
)

if TYPE_CHECKING:  # at run time they are imported on first use
    import sqlalchemy as sa

    from reconcile.platforms.processmaker.database import SiteDatabase
    from reconcile.platforms.processmaker.site import Site

_log = logging.getLogger(__name__)


class ProcessMaker:
    """The workspaces of one site; see `reconcile.ports.Platform` and `Joint` for the methods."""

    default_state = IN_PLATFORM
    one_transaction = True
    calls_together = 5000

    def __init__(self, settings: desired.Platform, progress: Progress = no_progress) -> None:
        """Takes the settings; connects when first used."""
        self._settings = settings
        self._progress = progress
        self._own = site_settings(settings)
        self._databases: dict[str, SiteDatabase] = {}
        self._sites: dict[str, Site] = {}
        self._unsettled: dict[str, bool] = {}
        """Whether DNs have to move, as each workspace was last read."""
        self._settled: set[str] = set()
        """Workspaces in which DNs are where the settings want them, if what was made is kept."""

    @staticmethod
    def problems(settings: desired.Platform) -> Iterable[Fault]:
        """What is wrong with the settings, as far as can be seen without I/O."""
        return problems(settings)

    @cached_property
    def abilities(self) -> Abilities:
        """What the product can hold, which is the same at every site."""
        return abilities()

    def workspace_database(self, workspace: str) -> "SiteDatabase":
        """The database of a workspace, which holds its ledger too. Raises UsageError."""
        from reconcile.platforms.processmaker.database import site_database

        return site_database(self._settings.url, workspace)

    def _database(self, workspace: str) -> "SiteDatabase":
        if workspace not in self._databases:
            self._databases[workspace] = self.workspace_database(workspace)
        return self._databases[workspace]

    def _site(self, workspace: str, connection: "sa.Connection") -> "Site":
        """What tables the workspace has, looked up once."""
        from reconcile.platforms.processmaker.site import site

        if workspace not in self._sites:
            self._sites[workspace] = site(connection)
        return self._sites[workspace]

    def read(self, workspace: str, connection: "sa.Connection | None" = None) -> Contents:
        """Everything, in one snapshot, or as an open transaction has it."""
        from reconcile.platforms.processmaker import reading

        self._sites.pop(workspace, None)
        self._settled.discard(workspace)
        database = self._database(workspace)
        with database.reading() if connection is None else nullcontext(connection) as within:
            site = self._site(workspace, within)
            contents = reading.read(within, site, self._own, self._settings.sources)
        self._unsettled[workspace] = contents.unsettled
        return contents

    def make(
        self, workspace: str, calls: Sequence[Call], connection: "sa.Connection"
    ) -> list[str | Rejected]:
        """Makes calls in an open transaction; those that are alike go out together."""
        from reconcile.platforms.processmaker.write.calls import make
        from reconcile.platforms.processmaker.write.work import begin

        self._database(workspace).guard(connection)
        site = self._prepared(workspace, connection)
        if workspace not in self._settled:
            self._move_entries(workspace, connection, site)
        return make(begin(connection, site, self._own), calls)

    def settle(self, workspace: str, connection: "sa.Connection | None" = None) -> None:
        """Moves DNs to where the settings want them, if no call has done so."""
        if workspace in self._settled or not self._unsettled.get(workspace):
            return
        with self._writing(workspace, connection) as writing:
            self._move_entries(workspace, writing, self._prepared(workspace, writing))

    def _move_entries(self, workspace: str, connection: "sa.Connection", site: "Site") -> None:
        from reconcile.platforms.processmaker import takeover

        moved = takeover.settle(connection, site, takeover=self._own.takeover)
        if moved:
            where = "out of" if self._own.takeover else "back to"
            _log.info("DNs of %d groups and departments moved %s their columns", moved, where)
        self._settled.add(workspace)

    def _prepared(self, workspace: str, connection: "sa.Connection") -> "Site":
        """The site with the side table: what creates a table ends any transaction it is in."""
        from reconcile.platforms.processmaker import tables

        site = self._site(workspace, connection)
        if site.keeps:
            return site
        with self._database(workspace).writing() as own:
            tables.kept.create(own, checkfirst=True)
        del self._sites[workspace]
        return self._site(workspace, connection)

    def kept(self, workspace: str, calls: Sequence[Call]) -> None:
        """A transaction is all there is."""

    def put_source(
        self,
        workspace: str,
        name: str,
        fields: Mapping[str, str],
        new_name: str,
        connection: "sa.Connection | None" = None,
    ) -> None:
        """Makes or renames the authentication source of a source. Raises Rejected."""
        from reconcile.platforms.processmaker import sources

        with self._writing(workspace, connection) as writing:
            sources.put(writing, self._own, name, fields, new_name)

    @contextmanager
    def _writing(
        self, workspace: str, within: "sa.Connection | None" = None
    ) -> "Iterator[sa.Connection]":
        """The open transaction, or one of the adapter's own, under the server's lock."""
        from reconcile.platforms.database.database import CommitLost

        database = self._database(workspace)
        if within is not None:
            database.guard(within)
            yield within
            return
        try:
            with database.writing() as connection:
                database.guard(connection)
                yield connection
        except BaseException as error:
            self._settled.discard(workspace)
            if isinstance(error, CommitLost):
                raise Unclear(error.what) from error
            raise

    def create(self, workspace: str, kind: ObjectKind, fields: Row) -> str:
        """Makes a user, group or department, and returns its id."""
        return self._alone(workspace, Call("create", kind, fields=fields))

    def update(self, workspace: str, kind: ObjectKind, object_id: str, fields: Row) -> None:
        """Sets these fields and no others."""
        self._alone(workspace, Call("update", kind, object_id, fields))

    def delete(self, workspace: str, kind: ObjectKind, object_id: str) -> None:
        """Removes an object with all of its links, unless the site's processes use it."""
        self._alone(workspace, Call("delete", kind, object_id))

    def link(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Makes links, all of them or none."""
        self._linked(workspace, "link", kind, pairs)

    def unlink(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Removes links, all of them or none."""
        self._linked(workspace, "unlink", kind, pairs)

    def _linked(
        self, workspace: str, operation: Operation, kind: LinkKind, pairs: Sequence[Pair]
    ) -> None:
        self._alone(workspace, Call(operation, kind, pairs=tuple(pairs)))

    def _alone(self, workspace: str, call: Call) -> str:
        """Makes a call in a transaction of its own, for a ledger elsewhere."""
        with self._writing(workspace) as connection:
            (answer,) = self.make(workspace, [call], connection)
        if isinstance(answer, Rejected):
            raise answer
        return answer

    def check(self) -> Iterable[Check]:
        """Looks at every workspace: what is connected, and where the site's tables disagree."""
        from reconcile.platforms.processmaker.checking import check

        for workspace in self._settings.workspaces:
            try:
                database = self._database(workspace)
                with database.reading() as connection:
                    self._sites.pop(workspace, None)
                    site = self._site(workspace, connection)
                    yield from check.checks(connection, database, site, self._settings, self._own)
            except (ReconcileError, PlatformUnreadable) as error:
                yield Check("platform", False, str(error))
                return

    def close(self) -> None:
        """Lets go of the connections; may be called at any time, more than once."""
        for database in self._databases.values():
            database.close()
