"""A platform and its ledger as one."""

import logging
from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import cast

from reconcile.errors import ReconcileError
from reconcile.model.book import Book
from reconcile.model.platform import Abilities, Contents, PlatformState
from reconcile.model.quiet.contents import of_book, of_contents
from reconcile.model.quiet.tally import combined
from reconcile.platforms.driver.completeness import refuse_incomplete
from reconcile.platforms.driver.merge import merge
from reconcile.platforms.driver.running.replay import as_it_is, replay
from reconcile.platforms.driver.running.together import keeps_whole
from reconcile.platforms.driver.writer import DrivenWriter
from reconcile.ports import (
    Attempts,
    Check,
    History,
    Holder,
    Joint,
    JointLedger,
    Ledger,
    Platform,
    Progress,
    no_progress,
)

_log = logging.getLogger(__name__)


class DrivenPlatform:
    """Any Platform with its Ledger; see `reconcile.ports.ManagedPlatform`."""

    def __init__(
        self, platform: Platform, ledger: Ledger, progress: Progress = no_progress
    ) -> None:
        """Connects to neither before it is used."""
        self._platform = platform
        self._ledger = ledger
        self._progress = progress

    @property
    def abilities(self) -> Abilities:
        """What the platform can do and hold; some have to look at it first."""
        return self._platform.abilities

    @property
    def attempts(self) -> Attempts:
        """The logins that failed."""
        return self._ledger.attempts

    @property
    def history(self) -> History:
        """What runs did."""
        return self._ledger.history

    def read(self, workspace: str) -> PlatformState:
        """The workspace as it is. Changes neither the platform nor the ledger."""
        contents, book = self._read(workspace)
        return self._merged(workspace, contents, book)

    def read_and_digest(self, workspace: str, key: bytes) -> tuple[PlatformState, bytes]:
        """What `read` returns, and the digest of the contents and the book that it was made from.

        An application may turn time into contents, so they are read anew for each digest.
        """
        contents, book = self._read(workspace)
        return self._merged(workspace, contents, book), _digest(contents, book, key)

    def digest(self, workspace: str, key: bytes) -> bytes:
        """That digest alone; whether the contents can be all there is is checked as for `read`."""
        contents, book = self._read(workspace)
        refuse_incomplete(contents, book)
        return _digest(contents, book, key)

    def memo(self, workspace: str, scope: str) -> str:
        """The memo that was kept last; "" for none."""
        return self._ledger.memo(workspace, scope)

    def keep_memo(self, workspace: str, scope: str, memo: str, holder: Holder) -> None:
        """Keeps a memo in place of the last, or "" for none."""
        self._ledger.keep_memo(workspace, scope, memo, holder)

    def _read(self, workspace: str) -> tuple[Contents, Book]:
        contents = self._platform.read(workspace)
        return contents, as_it_is(workspace, contents, self._ledger)

    def _merged(self, workspace: str, contents: Contents, book: Book) -> PlatformState:
        state = merge(workspace, contents, book, learn=False).state
        self._progress("users read", len(state.users))
        return state

    def lock(
        self, workspaces: Collection[str], holder: Holder, *, force: bool = False
    ) -> AbstractContextManager[None]:
        """Keeps every other run out that has the same ledger."""
        return self._ledger.lock(workspaces, holder, force=force)

    def unlock(self, workspace: str, host: str) -> Holder | None:
        """Removes the lock of a dead run and returns its holder; None if there is no lock."""
        return self._ledger.unlock(workspace, host)

    @contextmanager
    def transaction(self, workspace: str) -> Iterator[DrivenWriter]:
        """A writer whose every change is kept at once, or together with all others of the block.

        First, what a dead run left is settled. However the block ends, the history says what was
        done.
        """
        self._ledger.started(workspace)
        replay(self._platform, self._ledger, workspace)
        writing = self._whole if keeps_whole(self._platform, self._ledger) else self._by_change
        with writing(workspace) as writer:
            yield writer

    @contextmanager
    def _whole(self, workspace: str) -> Iterator[DrivenWriter]:
        """All in one transaction of the ledger's."""
        joint, ledger = cast("Joint", self._platform), cast("JointLedger", self._ledger)
        with ledger.whole(workspace) as connection:
            yield DrivenWriter(joint, ledger, workspace, self._progress, connection)
            settle = getattr(joint, "settle", None)
            if settle is not None:
                settle(workspace, connection)
        try:
            joint.kept(workspace, ())
        except ReconcileError as error:
            _log.warning("everything is kept, but not all of it is done: %s", error)

    @contextmanager
    def _by_change(self, workspace: str) -> Iterator[DrivenWriter]:
        """Each change, or some together, at once."""
        writer = DrivenWriter(self._platform, self._ledger, workspace, self._progress)
        try:
            yield writer
        except BaseException:
            if writer.begun:
                self._settle(workspace)
            raise
        # An application may have rows of its own to put where its settings want them.
        settle = getattr(self._platform, "settle", None)
        if settle is not None:
            settle(workspace)

    def _settle(self, workspace: str) -> None:
        """Records an interrupted run; if that fails, the next run does it."""
        try:
            replay(self._platform, self._ledger, workspace)
        except ReconcileError as error:
            _log.warning(
                "the history does not have this run yet: %s. The next run records it", error
            )

    def check(self) -> Iterable[Check]:
        """Connects to the platform, then opens the ledger."""
        for check in self._platform.check():
            yield check
            if not check.ok:
                return
        yield from self._ledger.check()

    def close(self) -> None:
        """Lets go of both connections; may be called at any time, more than once."""
        self._platform.close()
        self._ledger.close()


def _digest(contents: Contents, book: Book, key: bytes) -> bytes:
    parts = [("contents", of_contents(contents, key)), ("book", of_book(book, key))]
    return combined(parts, key)
