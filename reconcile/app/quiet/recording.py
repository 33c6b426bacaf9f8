"""A full run that writes down what it was made from."""

import logging
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, cast

import msgspec

from reconcile.app import adapters, inputs, notices
from reconcile.app.quiet import memo
from reconcile.app.quiet.memo import Answer, Counted, Said
from reconcile.app.quiet.parts import Parts, add_history, add_settings, part_of
from reconcile.config import Loaded
from reconcile.model import desired
from reconcile.model.change import Plan, Scope
from reconcile.model.directory import DirectorySnapshot, Query
from reconcile.model.platform import PlatformState
from reconcile.model.quiet.trace import Trace, without
from reconcile.model.report import Trouble
from reconcile.planning.grace_periods import next_end
from reconcile.planning.selection.query import query
from reconcile.ports import (
    Directory,
    ManagedPlatform,
    Outlined,
    Progress,
    Remembering,
    Traced,
    outlined_to_nobody,
)

_DIRECTORIES = "reconcile.directories"


class Recorded(msgspec.Struct, frozen=True):
    """A plan, and if the same run can be quiet another time, what for that is known."""

    plan: Plan
    troubles: tuple[Trouble, ...]
    parts: Parts | None = None
    answer: Answer | None = None
    until: float | None = None
    why_not: str = ""
    """Why no run can follow it, in words."""

    @property
    def memo(self) -> str:
        """What the ledger may keep of it; "" if there is something to do."""
        if self.parts is None or self.answer is None or has_work(self.plan):
            return ""
        return memo.written(self.answer, self.parts, self.plan.created, self.until)


def has_work(plan: Plan) -> bool:
    """Whether applying the plan would write anything, or be refused."""
    return bool(plan.changes or plan.violations or plan.to_remember)


class Recording:
    """One full run."""

    def __init__(
        self,
        key: bytes,
        loaded: Loaded,
        scope: Scope,
        variables: Collection[str],
        target: Remembering,
        directory: inputs.Opener = adapters.directory,
    ) -> None:
        self._key = key
        self._loaded = loaded
        self._scope = scope
        self._variables = variables
        self._platform = _Platform(target, key, loaded.desired.lifecycle)
        self._target = target
        self._open = directory
        self._sources: dict[str, _Source] = {}
        self._said: list[Said] = []
        self._why_not: list[str] = []

    def run(self, progress: Progress) -> Recorded:
        """Makes the plan. Raises what planning raises."""
        workspaces = inputs.chosen_workspaces(self._loaded.desired, self._scope.workspaces)
        before = [self._target.history.last(name) for name in workspaces]
        with self._listening():
            made, troubles = inputs.plan(
                self._loaded,
                self._scope,
                self._variables,
                cast("ManagedPlatform", self._platform),
                progress,
                self._opened,
            )
        if [self._target.history.last(name) for name in workspaces] != before:
            self._why_not.append("another run has written meanwhile")
        if why := self._why_none(troubles):
            return Recorded(made, troubles, why_not=why)
        parts = self._parts(made, workspaces)
        return Recorded(made, troubles, parts, self._answer(made), self._until(made))

    def _opened(self, source: desired.Source, progress: Progress) -> Directory:
        """The adapter of a source, watched."""
        watched = _Source(self._open(source, progress), Trace(self._key))
        self._sources[source.name] = watched
        return cast("Directory", watched)

    @contextmanager
    def _listening(self) -> Iterator[None]:
        """Takes in the warnings that are logged in the block."""
        listener = _Listener(self._said, self._why_not)
        logger = logging.getLogger("reconcile")
        logger.addHandler(listener)
        try:
            yield
        finally:
            logger.removeHandler(listener)

    def _why_none(self, troubles: Sequence[Trouble]) -> str:
        """Why this run cannot be repeated by asking the same again; "" if it can."""
        if troubles:
            return f"workspace {troubles[0].workspace} cannot be read"
        for name, watched in self._sources.items():
            if not watched.is_traced:
                return f"the adapter of source {name} cannot ask the same again"
        whys = [watched.trace.why_not for watched in self._sources.values()]
        if not logging.getLogger(_DIRECTORIES).isEnabledFor(logging.WARNING):
            return "warnings are not logged"
        return next(filter(None, (*self._why_not, *whys)), "")

    def _parts(self, made: Plan, workspaces: Sequence[str]) -> Parts:
        parts = Parts(self._key)
        add_settings(parts, self._loaded, self._scope, self._variables)
        add_history(parts, self._loaded, self._target, workspaces, made.created)
        for workspace, digest in self._platform.digests.items():
            parts.add(f"workspace {workspace}", digest)
        for source in inputs.chosen_sources(self._loaded.desired, self._scope.sources):
            watched = self._sources[source.name]
            answers = dict(reversed(watched.trace.answers()))
            for what, question in watched.first(query(self._loaded.desired, source)):
                parts.add(part_of(source.name, what, question), answers.get(question, b""))
        return parts

    def _answer(self, made: Plan) -> Answer:
        asked = {}
        for source in inputs.chosen_sources(self._loaded.desired, self._scope.sources):
            watched = self._sources[source.name]
            first = [one for _, one in watched.first(query(self._loaded.desired, source))]
            asked[source.name] = without(watched.trace.answers(), first)
        counts = tuple(Counted(name, *watched.counts) for name, watched in self._sources.items())
        return Answer(made, counts, tuple(self._said), asked)

    def _until(self, made: Plan) -> float | None:
        """The earliest moment at which time alone may make another plan."""
        grace = self._platform.grace_ends(made.created)
        moments = [watched.trace.until for watched in self._sources.values()]
        return min((moment for moment in (grace, *moments) if moment is not None), default=None)


class _Platform:
    """The platform, whose reads are digested."""

    def __init__(self, target: Remembering, key: bytes, lifecycle: desired.Lifecycle) -> None:
        self._target = target
        self._key = key
        self._lifecycle = lifecycle
        self._departed: list[PlatformState] = []
        self.digests: dict[str, bytes] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._target, name)

    def read(self, workspace: str) -> PlatformState:
        """As the platform's own."""
        state, self.digests[workspace] = self._target.read_and_digest(workspace, self._key)
        users = tuple(user for user in state.users if user.departed_at)
        self._departed.append(PlatformState(workspace, users=users))
        return state

    def grace_ends(self, moment: str) -> float | None:
        """When the next grace period ends, in seconds since 1970."""
        return next_end(self._lifecycle, self._departed, moment)


class _Source:
    """The adapter of a source, whose reads are traced and counted."""

    def __init__(self, adapter: Directory, trace: Trace) -> None:
        self._adapter = adapter
        self.trace = trace
        self.counts = (0, 0, 0)
        self.is_traced = getattr(adapter, "ask", None) is not None
        if self.is_traced:
            cast("Traced", adapter).trace = trace

    def __getattr__(self, name: str) -> Any:
        return getattr(self._adapter, name)

    def read(self, asked: Query, outlined: Outlined = outlined_to_nobody) -> DirectorySnapshot:
        """As the adapter's own."""
        read = self._adapter.read(asked, outlined)
        self.counts = (len(read.persons), len(read.groups), len(read.units))
        return read

    def first(self, asked: Query) -> tuple[tuple[str, Any], ...]:
        """What the adapter asks whatever the answers are."""
        return cast("Traced", self._adapter).first_questions(asked)


class _Listener(logging.Handler):
    """Takes in the warnings of directories and of planning."""

    def __init__(self, said: list[Said], why_not: list[str]) -> None:
        super().__init__(logging.WARNING)
        self._said = said
        self._why_not = why_not

    def emit(self, record: logging.LogRecord) -> None:
        """A quiet run reads the platform, too, and reports the plan's notices itself."""
        said_of = getattr(record, "said_of", "")
        itself = record.name.startswith("reconcile.platforms") or record.name == notices.__name__
        if itself or said_of == "connection":
            return
        if said_of == "answers":
            self._said.append(Said(record.name, record.levelno, record.getMessage()))
        else:
            self._why_not.append("it logged a warning that belongs to it alone")
