"""Steps: carried out several at once, each journaled before and after it is made.

A step waits for those it is `after`, and fails with them. Of those in one `lane` one is made at a
time. What is not answered is looked up, never repeated: one read of the platform shows which of the
unclear steps it has done.
"""

import logging
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import Any, Final, Literal, NamedTuple, cast

import msgspec

from reconcile.errors import PlatformUnreadable, ReconcileError
from reconcile.model.book import Call, Edit, Put, Settled, Step, Tie
from reconcile.model.change import Change
from reconcile.model.platform import Contents, LinkKind, ObjectKind, Pair
from reconcile.platforms.driver.running.agenda import Agenda
from reconcile.platforms.driver.running.evidence import edits_of, look
from reconcile.ports import Ledger, Platform, Progress, Rejected, Unclear, no_progress

_log = logging.getLogger(__name__)

NOT_SEEN: Final = "the platform did not answer, and does not have it: the next run tries again"
State = Literal["kept", "refused", "unclear", "unknown", "not made"]
"""`unclear`: not answered, and not seen on the platform. `unknown`: nor could that be looked up.
`not made`: an earlier fault ended the run, or a step it waited for failed."""


ROUNDS: Final = 64
"""How many calls each of the threads makes for one entry of the journal."""


class New(NamedTuple):
    """In place of an id: the object that another planned step of the batch creates."""

    step: int


class Planned(msgspec.Struct):
    """A step to be made. Ids in it may be `New`."""

    place: int
    """Which change of the batch it carries out."""
    edits: tuple[Edit, ...] = ()
    operation: Literal["create", "update", "delete", "link", "unlink", ""] = ""
    """Empty if only the book changes."""
    kind: ObjectKind | LinkKind = "user"
    target: str | New = ""
    """The platform's id of the object."""
    fields: dict[str, object] = {}
    pairs: tuple[tuple[str | New, str | New], ...] = ()
    places: tuple[int, ...] = ()
    """For links, the change that each pair carries out."""
    origins: tuple[str, ...] = ()
    """For links, who puts each of them there; "" if it is removed."""
    after: tuple[int, ...] = ()
    """Planned steps that have to be kept first."""
    because: str = ""
    """Why it fails if one of those was not kept."""
    without: str = ""
    """The change is applied without this step; what it then lacks, in words."""
    lane: str = ""
    """Steps of one lane are made one after the other."""

    @property
    def carries(self) -> tuple[int, ...]:
        """The changes that it carries out."""
        return self.places or (self.place,)


class Result(NamedTuple):
    """What became of a planned step."""

    state: State
    detail: str = ""
    platform_id: str = ""
    done: tuple[bool, ...] = ()
    """For links that were looked up, which of them the platform has as they were to be."""

    def holds(self, at: int) -> bool:
        """Whether the platform has what the link at this place was to be."""
        return self.state == "kept" or (at < len(self.done) and self.done[at])


class Runner:
    """Carries out steps for one workspace."""

    def __init__(
        self, platform: Platform, ledger: Ledger, workspace: str, progress: Progress = no_progress
    ) -> None:
        """Nothing is called before `run`."""
        self._progress = progress
        self._platform = platform
        self._ledger = ledger
        self._workspace = workspace
        self._pending: list[Settled] = []
        self.broken: BaseException | None = None
        """What ended the run: from then on nothing is made."""
        self.known: set[tuple[str, str]] = set()
        """Kind and id of every object that the platform had, or was seen to have got."""
        self.new: dict[tuple[ObjectKind, str], str] = {}
        """Our ids of objects that the book learned."""
        self._one_by_one = threading.Lock()

    def run(
        self, planned: Sequence[Planned], changes: Mapping[int, Change], first: int
    ) -> list[Result]:
        """Makes the steps, and returns what became of each.

        `changes` are those of the batch by their place; `first` is how many came before in the run.
        """
        results: dict[int, Result] = {}
        carried = 0
        agenda = self._agenda(planned)
        while self.broken is None and (window := agenda.window(self._size())):
            made = self._make(window, planned, results, changes, first)
            results |= made
            carried += sum(len(planned[at].carries) for at in made)
            self._progress("changes written", first + min(carried, len(changes)))
            for at, result in made.items():
                for lost in agenda.end(at, kept=result.state == "kept"):
                    results[lost] = Result("not made", planned[lost].because)
        self._journal()
        why = first_line(self.broken)
        return [
            results.get(at) or Result("not made", step.because or why)
            for at, step in enumerate(planned)
        ]

    def _agenda(self, planned: Sequence[Planned]) -> Agenda:
        return Agenda(planned)

    def _size(self) -> int:
        """How many steps are journaled together; as many as allowed are made at once.

        Each journal entry waits for the disk, so there are several calls to one of them.
        """
        at_once = self._platform.abilities.concurrency
        return at_once * ROUNDS if at_once > 1 else 1

    def _make(
        self,
        window: Sequence[int],
        planned: Sequence[Planned],
        results: Mapping[int, Result],
        changes: Mapping[int, Change],
        first: int,
    ) -> dict[int, Result]:
        """Journals a window of steps, makes their calls, and settles them."""
        steps = [as_step(planned[at], results, changes, first) for at in window]
        numbers = self._journal(steps)
        if numbers is None:
            return {}
        made = self._look_up(steps, self._call_all(steps))
        for number, step, result in zip(numbers, steps, made, strict=True):
            state = _JOURNALED[result.state]
            if state != "open":
                edits = step.edits if state == "kept" else edits_of(step, result.done)
                settled = Settled(number, state, edits, result.platform_id, result.detail)
                self._pending.append(settled)
        return dict(zip(window, made, strict=True))

    def _journal(self, opened: Sequence[Step] = ()) -> list[int] | None:
        """Writes down what became of steps, and which are about to be made.

        Returns the numbers of these; None where that cannot be written, which ends the run.
        """
        try:
            numbers, new = self._ledger.write(self._workspace, settled=self._pending, opened=opened)
        except (ReconcileError, KeyboardInterrupt) as error:
            self._break(error)
            return None
        self._learn(new)
        self._pending = []
        return numbers

    def _learn(self, new: Mapping[tuple[ObjectKind, str], str]) -> None:
        """Takes in our ids of objects that the book did not have."""
        self.new |= new

    def _call_all(self, steps: Sequence[Step]) -> list[Result | None]:
        """The result of each call; None for one that was not answered."""
        if len(steps) == 1:
            return [self._call_one(steps[0])]
        at_once = min(len(steps), self._platform.abilities.concurrency)
        with ThreadPoolExecutor(max_workers=at_once) as pool:
            futures: list[Future[Result | None]] = [
                pool.submit(self._call_in_turn, step) for step in steps
            ]
            try:
                wait(futures)
            except KeyboardInterrupt as interrupt:
                self._break(interrupt)
        return [future.result() for future in futures]

    def _call_in_turn(self, step: Step) -> Result | None:
        """The result of a call, unless the run has ended since its window was opened."""
        if self.broken is not None:
            return Result("not made", first_line(self.broken))
        return self._call_one(step)

    def _call_one(self, step: Step) -> Result | None:
        try:
            return Result("kept", platform_id=self._call(step.call) if step.call else "")
        except Rejected as rejected:
            return Result("refused", str(rejected) or "the platform refuses it")
        except Unclear as unclear:
            _log.info("not answered: %s", unclear)
            return None
        except (PlatformUnreadable, KeyboardInterrupt) as error:
            self._break(error)
            return None
        except Exception as error:  # noqa: BLE001 - whatever is raised, the call may be done
            self._blame(error)
            return None

    def _call(self, call: Call) -> str:
        """Makes a call, and returns the id of what it created."""
        platform, workspace = self._platform, self._workspace
        if call.operation in ("link", "unlink"):
            make = platform.link if call.operation == "link" else platform.unlink
            make(workspace, cast("LinkKind", call.kind), call.pairs)
            return ""
        kind = cast("ObjectKind", call.kind)
        if call.operation == "create":
            return self._believed(kind, platform.create(workspace, kind, dict(call.fields)))
        if call.operation == "update":
            platform.update(workspace, kind, call.platform_id, dict(call.fields))
        else:
            platform.delete(workspace, kind, call.platform_id)
        return ""

    def _believed(self, kind: ObjectKind, answer: object) -> str:
        """The id of what was created. Raises Unclear for one that cannot be that of a new object.

        To believe it would be to take one person's account for another's.
        """
        with self._one_by_one:
            if not isinstance(answer, str) or not answer or (kind, answer) in self.known:
                raise Unclear(f"the platform says that a new {kind} has the id {answer!r}")
            self.known.add((kind, answer))
        return answer

    def _look_up(self, steps: Sequence[Step], made: Sequence[Result | None]) -> list[Result]:
        """Asks the platform what became of the calls that it did not answer."""
        if None not in made:
            return list(filter(None, made))
        try:
            contents = self._platform.read(self._workspace)
        except (ReconcileError, KeyboardInterrupt) as error:
            self._break(error)
            unknown = Result("unknown", f"the platform did not answer: {first_line(error)}")
            return [result or unknown for result in made]
        return [
            result or self._seen(step, contents) for step, result in zip(steps, made, strict=True)
        ]

    def _seen(self, step: Step, contents: Contents) -> Result:
        seen = look(step.call, contents, self.known)
        if seen.done:
            return Result("kept", platform_id=seen.platform_id)
        return Result("unclear", NOT_SEEN, done=seen.links)

    def _blame(self, error: Exception) -> None:
        """The adapter raised what no adapter may raise."""
        self._break(fault_of_adapter(error))

    def _break(self, error: BaseException) -> None:
        if self.broken is None:
            self.broken = error


_JOURNALED: Final[Mapping[State, Literal["open", "kept", "refused", "unclear"]]] = {
    "kept": "kept",
    "refused": "refused",
    "unclear": "unclear",
    "unknown": "open",
    "not made": "refused",
}
"""A step of which nothing is known stays open: the next run looks it up."""


def as_step(
    planned: Planned, results: Mapping[int, Result], changes: Mapping[int, Change], first: int
) -> Step:
    """The step with the ids of what was created before it."""

    def resolved(value: str | New) -> str:
        return results[value.step].platform_id if isinstance(value, New) else value

    target = resolved(planned.target)
    pairs: tuple[Pair, ...] = tuple(
        (resolved(member), resolved(end)) for member, end in planned.pairs
    )
    call = None
    if planned.operation:
        fields: dict[str, Any] = {
            name: resolved(value) if isinstance(value, New) else value
            for name, value in planned.fields.items()
        }
        call = Call(planned.operation, planned.kind, target, fields, pairs)
    edits = [_of_target(edit, target) for edit in planned.edits]
    kind = cast("LinkKind", planned.kind)
    edits += (Tie(kind, *tie) for tie in zip(pairs, planned.origins, strict=True))
    return Step(call, tuple(edits), {first + place: changes[place] for place in planned.carries})


def _of_target(edit: Edit, target: str) -> Edit:
    """The edit; one of an object that had no id when it was planned has it now."""
    if isinstance(edit, Put) and not edit.platform_id:
        return msgspec.structs.replace(edit, platform_id=target)
    return edit


def fault_of_adapter(error: Exception) -> ReconcileError:
    """What to say of an adapter that raised what no adapter may raise. Logs it."""
    _log.debug("traceback", exc_info=error)
    _log.error("unexpected %s: %s", type(error).__name__, error)
    return ReconcileError(f"fault of the adapter: {type(error).__name__}: {error}")


def first_line(error: BaseException | None) -> str:
    """What an error says, as one line; "" for none."""
    if isinstance(error, KeyboardInterrupt):
        return "interrupted"
    return str(error).partition("\n")[0] if error is not None else ""
