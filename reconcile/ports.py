"""What the core asks of a directory, of a platform and of a ledger.

Adapters are found by entry point.

A directory adapter is a class of the group `reconcile.directories`, named after the source type; a
platform adapter one of `reconcile.platforms`, named after the platform type. Both are made with
their settings and a `Progress`, and have a static `problems(settings)` that checks the settings
without any I/O; its paths start at the source or the platform, as in `("users", "filter")`. Opening
connections waits until something is read.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Any, Final, NamedTuple, Protocol, TypeAlias

from reconcile.model import desired
from reconcile.model.book import Book, Call, Edit, Ids, Logged, Settled, Step
from reconcile.model.change import Change
from reconcile.model.directory import DirectorySnapshot, Outline, Query
from reconcile.model.history import Entry, Link, Run
from reconcile.model.login import Names
from reconcile.model.platform import (
    Abilities,
    Contents,
    LinkKind,
    ObjectKind,
    Pair,
    PlatformState,
    Reading,
    Row,
)
from reconcile.model.report import Outcome, Written

Progress: TypeAlias = Callable[[str, int], None]
"""Called with what is being done and how many are done so far; may be called often and must return
at once."""

Fault: TypeAlias = tuple[tuple[str | int, ...], str]
"""Path below the settings, and what is wrong there."""


def no_progress(what: str, done: int) -> None:
    """A Progress that reports nothing."""


Outlined: TypeAlias = Callable[[Outline], None]
"""Called while a source is read: with its OUs, then with its groups too. A read that is tried again
calls it again."""


def outlined_to_nobody(outline: Outline) -> None:
    """An Outlined that reports nothing."""


class Check(NamedTuple):
    """One line of `reconcile test`."""

    what: str
    ok: bool
    detail: str


class Directory(Protocol):
    """A source of persons, groups and OUs. Reads are complete or raise SourceUnreadable."""

    def __init__(self, source: desired.Source, progress: Progress = no_progress) -> None: ...

    @staticmethod
    def problems(source: desired.Source) -> Iterable[Fault]:
        """What is wrong with the settings, as far as can be seen without I/O."""
        ...

    def read(self, query: Query, outlined: Outlined = outlined_to_nobody) -> DirectorySnapshot:
        """Everything the source's rules find, without strays.

        `outlined` gets what exists before the persons are read.
        """
        ...

    def find(self, external_ids: Collection[str], dns: Collection[str]) -> frozenset[str]:
        """Those of the ids, and of the DNs, that exist below the base DN, whatever the filters say.

        DNs are for users whose directory gave them no id. What is found comes back as it was asked
        for.
        """
        ...

    def read_person(self, names: Names, query: Query) -> DirectorySnapshot:
        """As `read`, but of the persons only those with one of the names.

        No other person's entry is read.
        """
        ...

    def refusal(self, dn: str, password: str) -> str:
        """Binds as a person, with nothing but this password.

        Returns "" where the directory lets them in, otherwise why not.

        What it says is for the administrator; the password is in none of it. Raises
        SourceUnreadable where no server could be asked, UsageError where logins are impossible.
        """
        ...

    def check(self) -> Iterable[Check]:
        """Connects step by step; ends with the first step that fails, as a Check with ok False."""
        ...

    def close(self) -> None:
        """Lets go of the connection; may be called at any time, more than once."""
        ...


class Holder(NamedTuple):
    """Who holds a lock."""

    user: str
    host: str
    pid: int
    started: str
    """RFC 3339, UTC."""
    heartbeat: str = ""
    """When it last said that it is alive, RFC 3339, UTC; "" where it does not say."""


class Rejected(Exception):
    """The application does not accept a call, and has changed nothing. The text says why."""


class Unclear(Exception):
    """A call was sent and not answered: the application may have done it.

    The text says what happened.
    """


class Platform(Protocol):
    """The application whose users are kept equal to the directories, and nothing of ours.

    Ids are the application's own, as text. Fields are those of `reconcile.model.kinds`, by the same
    names: a user's `department` and `manager` and a department's `parent` are ids, "" for none.
    A call is kept at once or raises: Rejected where the application refuses it, Unclear where it
    may have been done, PlatformUnreadable where the application cannot be reached. No call is ever
    repeated before its outcome has been looked up.
    """

    @property
    def abilities(self) -> Abilities:
        """What the application can do and hold. May look at it, and raise PlatformUnreadable."""
        ...

    def __init__(self, settings: desired.Platform, progress: Progress = no_progress) -> None: ...

    @staticmethod
    def problems(settings: desired.Platform) -> Iterable[Fault]:
        """What is wrong with the settings, as far as can be seen without I/O."""
        ...

    def read(self, workspace: str) -> Contents:
        """Everything of a workspace. Complete, or raises PlatformUnreadable; changes nothing."""
        ...

    def create(self, workspace: str, kind: ObjectKind, fields: Row) -> str:
        """Makes a user, group or department, and returns its id."""
        ...

    def update(self, workspace: str, kind: ObjectKind, object_id: str, fields: Row) -> None:
        """Sets these fields and no others; of `attributes` those given, where None removes one."""
        ...

    def delete(self, workspace: str, kind: ObjectKind, object_id: str) -> None:
        """Removes an object with all of its links. One that does not exist is no error."""
        ...

    def link(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Makes links: all of them, or none and raises. One that exists is no error."""
        ...

    def unlink(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Removes links: all of them, or none and raises. One that does not exist is no error."""
        ...

    def check(self) -> Iterable[Check]:
        """Connects; ends with the first step that fails, as one Check with ok False."""
        ...

    def close(self) -> None:
        """Lets go of the connection; may be called at any time, more than once."""
        ...


IN_PLATFORM: Final = "platform"
"""The value of `state` where the platform's own database holds the ledger."""


class Joint(Platform, Protocol):
    """Optional: a platform in a database that can hold the ledger as well (`state: platform`).

    One transaction then keeps many calls and what the ledger remembers of them, or none of it. The
    transaction is the ledger's; the platform makes its calls by the same connection. The calls of
    `Platform` are for a ledger elsewhere. An adapter that has `ledger_database` is taken for one.
    """

    default_state: str
    """The value of `state` where the file has none: IN_PLATFORM, or the URL of a database."""

    def ledger_database(self) -> Any:
        """The database, a `reconcile.platforms.database.database.Database`; connects later."""
        ...

    @property
    def calls_together(self) -> int:
        """How many calls one transaction may carry; asked before each transaction."""
        ...

    def make(
        self, workspace: str, calls: Sequence[Call], connection: Any
    ) -> Sequence[str | Rejected]:
        """Makes calls, in their order, in the transaction of an `sqlalchemy.Connection`.

        Returns for each the id of what it created, "" for any other call, or why it is refused. A
        call that is refused leaves no trace and does not hinder the others; of its links none is
        made. Whatever is raised undoes the transaction, PlatformUnreadable too. Neither commits nor
        rolls back, but for savepoints.
        """
        ...

    def kept(self, workspace: str, calls: Sequence[Call]) -> None:
        """Called once the transaction is kept, with those of its calls that were not refused.

        For what no transaction can undo, such as ending sessions. What fails here is logged.
        """
        ...


class Writer(Protocol):
    """One workspace while a run writes to it."""

    def read(self) -> PlatformState:
        """The workspace as it is now; no other run can change it until the block ends."""
        ...

    def begin(self, run: Run) -> None:
        """What the history will say of this run, as far as known, should the process die."""
        ...

    def write(self, changes: Sequence[Change]) -> Sequence[Written]:
        """Carries out changes of one kind and action; returns what became of each.

        A change that fails leaves no trace and does not hinder the others. Call `read` first: names
        in a change's `before` mean what they meant then, names in `after` include what was written
        since. Raises only where nothing of the workspace is kept.
        """
        ...

    @property
    def kept_at_once(self) -> bool:
        """Whether every change is kept as soon as it is written, and nothing is undone."""
        ...

    @property
    def broken(self) -> BaseException | None:
        """What broke off the writing, where what was written before is kept; None otherwise."""
        ...

    def remember(self, readings: Collection[Reading]) -> None:
        """Keeps how much sources held, each in the place of the former.

        Unknown sources are left out.
        """
        ...

    def record(self, run: Run, outcomes: Sequence[Outcome]) -> None:
        """Adds the run to the workspace's history, with every change; the block's last call.

        What earlier runs recorded of a user that this one erased is removed.
        """
        ...


class History(Protocol):
    """The runs of each workspace, as they were recorded.

    Raises PlatformUnreadable; changes nothing.
    """

    def runs(self, workspace: str, since: str = "") -> Sequence[Link]:
        """The oldest first; none where nothing has ever been applied.

        `since`: those that began then or later.
        """
        ...

    def last(self, workspace: str) -> str:
        """The hash of the last run, as it was noted beside the history; "" where none was."""
        ...

    def entries(self, workspace: str, run: str) -> Sequence[Entry]:
        """Every change of a run, in its order."""
        ...

    def concerning(self, workspace: str, name: str) -> Sequence[tuple[str, Entry]]:
        """Run and change of all that was done to users who have or had this name, oldest first.

        `name` is a username, DN or external id, in any case.
        """
        ...


class Attempts(Protocol):
    """Logins that failed, counted for each workspace and key across all processes.

    Needs no lock.
    """

    def begin(self, workspace: str, key: str, now: int, origin: str = "") -> int:
        """Counts an attempt as failed before it is made.

        So of many at once no more are made than allowed.

        Returns 0, or how many seconds to wait: then the attempt is not counted and must not be
        made. `now` is in seconds since 1970. `origin` is where the attempt comes from, such as an
        IP address, "" where that is not known: each origin has a count of its own. Raises Locked
        where it cannot be counted in time.
        """
        ...

    def passed(self, workspace: str, key: str, now: int, origin: str = "") -> None:
        """The attempt was a login: failures from this origin are forgotten; it is known."""
        ...

    def forget(self, workspace: str, key: str) -> None:
        """Forgets everything of this key, because the person is erased."""
        ...


class ManagedPlatform(Protocol):
    """A platform with its ledger, as planning and applying see it.

    Either the driver made it of a Platform and a Ledger, or it is Transactional. Reads are complete
    or raise PlatformUnreadable, and change nothing.
    """

    @property
    def abilities(self) -> Abilities:
        """What the platform can do and hold. Raises PlatformUnreadable."""
        ...

    @property
    def attempts(self) -> Attempts:
        """The logins that failed."""
        ...

    @property
    def history(self) -> History:
        """What runs did."""
        ...

    def read(self, workspace: str) -> PlatformState:
        """The workspace as it is; an empty state where nothing has ever been applied."""
        ...

    def lock(
        self, workspaces: Collection[str], holder: Holder, *, force: bool = False
    ) -> AbstractContextManager[None]:
        """Keeps every other run out, preparing the platform for its first apply where needed.

        Raises Locked, naming the holder. `force` takes over from a dead holder, never from a live
        one.
        """
        ...

    def unlock(self, workspace: str, host: str) -> Holder | None:
        """Removes the lock of a run that is dead, as seen from `host`, and returns its holder.

        None where there is no lock. Raises Locked for a run that is alive.
        """
        ...

    def transaction(self, workspace: str) -> AbstractContextManager[Writer]:
        """A writer for the workspace. Needs the lock.

        Where the platform is Transactional its work is kept when the block ends, and undone when it
        raises. Otherwise every change is kept at once.

        Raises OutcomeUnknown where the platform was asked to keep it and does not say whether it
        did.
        """
        ...

    def check(self) -> Iterable[Check]:
        """Connects; ends with the first step that fails, as one Check with ok False."""
        ...

    def close(self) -> None:
        """Lets go of the connection; may be called at any time, more than once."""
        ...


class Transactional(ManagedPlatform, Protocol):
    """A platform that keeps its own ledger and writes both in one transaction: `sql`.

    A run is kept as a whole or not at all; its writer is never `broken`.
    """

    def __init__(self, settings: desired.Platform, progress: Progress = no_progress) -> None: ...

    @staticmethod
    def problems(settings: desired.Platform) -> Iterable[Fault]:
        """What is wrong with the settings, as far as can be seen without I/O."""
        ...


class Ledger(Protocol):
    """What reconcile remembers of a Platform. Raises PlatformUnreadable and Locked."""

    @property
    def attempts(self) -> Attempts:
        """The logins that failed."""
        ...

    @property
    def history(self) -> History:
        """What runs did."""
        ...

    def book(self, workspace: str) -> Book:
        """What is remembered of a workspace; an empty book where nothing has ever been applied."""
        ...

    def lock(
        self, workspaces: Collection[str], holder: Holder, *, force: bool = False
    ) -> AbstractContextManager[None]:
        """Keeps every other run out; as for ManagedPlatform."""
        ...

    def unlock(self, workspace: str, host: str) -> Holder | None:
        """Removes the lock of a dead run, and returns its holder; as for ManagedPlatform."""
        ...

    def started(self, workspace: str) -> str:
        """When the run that holds the lock began. Raises RuntimeError without the lock."""
        ...

    def begin(self, workspace: str, run: Run) -> None:
        """Opens the journal of a run. Needs the lock, as does everything below that writes."""
        ...

    def write(
        self,
        workspace: str,
        *,
        settled: Sequence[Settled] = (),
        opened: Sequence[Step] = (),
        edits: Sequence[Edit] = (),
    ) -> tuple[list[int], dict[tuple[ObjectKind, str], str]]:
        """Keeps, all or nothing: what became of steps, edits of the book, steps about to be made.

        Returns the numbers of the opened steps, and our ids of objects that the book did not have,
        by kind and the platform's id.
        """
        ...

    def journal(self, workspace: str) -> tuple[Run | None, Sequence[Logged]]:
        """The run that died before it closed its journal, and the steps that are in it."""
        ...

    def forget_step(self, workspace: str, number: int) -> None:
        """Takes a step out of the journal."""
        ...

    def remember(self, workspace: str, readings: Collection[Reading]) -> None:
        """Keeps how much sources held, each in the place of the former.

        Unknown sources are left out.
        """
        ...

    def finish(
        self, workspace: str, run: Run, outcomes: Sequence[Outcome], before: Ids, now: Ids
    ) -> None:
        """Adds the run to the history and closes the journal; unclear steps stay in it."""
        ...

    def check(self) -> Iterable[Check]:
        """Connects; ends with the first step that fails, as one Check with ok False."""
        ...

    def close(self) -> None:
        """Lets go of the connection; may be called at any time, more than once."""
        ...


class JointLedger(Ledger, Protocol):
    """A ledger in the database of a Joint platform."""

    def together(
        self, workspace: str, steps: Sequence[Step], make: Callable[[Any], Sequence[Settled]]
    ) -> dict[tuple[ObjectKind, str], str]:
        """Makes steps and keeps what became of them in one transaction.

        `make` gets its connection, and returns for each step what became of it, in their order;
        the numbers of these are not looked at. Returns our ids of objects that the book did not
        have. Raises OutcomeUnknown where it cannot be found out whether the transaction was kept;
        after any other error nothing of it is.
        """
        ...
