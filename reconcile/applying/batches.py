"""The changes of one workspace, written batch after batch.

A batch is what can be written at once. What needs something that failed is skipped; what can do
without it is written without it, and its outcome says so.
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from itertools import groupby
from typing import Final, TypeAlias

import msgspec

from reconcile.model.change import ENDS, Change, Kind, makes, mapping, nested_in, requirements
from reconcile.model.change import text as field_text
from reconcile.model.kinds import PAIRS
from reconcile.model.report import APPLIED, Outcome, Written
from reconcile.model.text.department_path import titles
from reconcile.model.text.folding import fold_name
from reconcile.ports import Writer

Thing: TypeAlias = tuple[Kind, str]
"""Kind and case-folded name of what a change makes or needs."""

_TAKEN_AS_MADE: Final = ("applied", "unknown")
"""After these outcomes what a change makes has to be taken as existing."""


def carry_out(
    changes: Sequence[Change],
    writer: Writer,
    outcomes: dict[int, Outcome],
    progress: Callable[[int], None],
) -> None:
    """Writes the changes, and puts what became of each into `outcomes`, by its place."""
    taken_along = _taken_along(changes)
    failed: set[Thing] = set()
    direct = ((place, change) for place, change in enumerate(changes) if place not in taken_along)
    for _, batch in groupby(direct, key=lambda item: _batch_key(item[1])):
        outcomes.update(_write_possible(dict(batch), writer, failed))
        progress(len(outcomes))
    for place, end_of_user in taken_along.items():
        outcomes[place] = _as_its_user(changes[place], outcomes[end_of_user])


def _taken_along(changes: Sequence[Change]) -> dict[int, int]:
    """The grants and memberships that end with their user, who is deleted or erased.

    Place → place of the change that ends the user. They are part of it, and not written.
    """
    ends: dict[str, int] = {}
    for place, change in enumerate(changes):
        if change.kind == "user" and change.action in ENDS:
            ends[change.key] = place
    taken_along: dict[int, int] = {}
    if not ends:
        return taken_along
    for place, change in enumerate(changes):
        if _ends_link(change) and (user := field_text(change.fields_before, "user")) in ends:
            taken_along[place] = ends[user]
    return taken_along


def _ends_link(change: Change) -> bool:
    """Whether a grant or membership is deleted."""
    return change.action == "delete" and change.kind in PAIRS


def _as_its_user(change: Change, of_user: Outcome) -> Outcome:
    """The outcome of a link that ends with its user."""
    if of_user.result in _TAKEN_AS_MADE:
        return Outcome(change, of_user.result)
    return Outcome(change, "skipped", f"user {of_user.change.key} stays: {of_user.detail}")


def _batch_key(change: Change) -> tuple[str, str, int]:
    """What can be written at once: one kind and action, new departments level by level."""
    level = 0
    if change.kind == "department" and change.action == "create":
        level = len(titles(change.key))
    # Updates and relinks may pass names on to each other.
    action = "update" if change.action == "relink" else change.action
    return change.kind, action, level


def _write_possible(
    batch: Mapping[int, Change], writer: Writer, failed: set[Thing]
) -> dict[int, Outcome]:
    """Writes those of a batch that need nothing that failed; adds to it what fails in turn."""
    skipped = _skipped(batch, failed)
    going = batch
    if skipped:
        going = {place: change for place, change in batch.items() if place not in skipped}
    written = _write(list(going.values()), writer, failed)
    outcomes = dict(zip(going, written, strict=True)) | skipped
    for outcome in outcomes.values():
        if outcome.result not in _TAKEN_AS_MADE:
            failed.update(_made_by(outcome.change))
    return outcomes


def _skipped(batch: Mapping[int, Change], failed: Collection[Thing]) -> dict[int, Outcome]:
    """The outcomes of those that need something that failed."""
    skipped: dict[int, Outcome] = {}
    if not failed:
        return skipped
    for place, change in batch.items():
        lacking = [need for need in requirements(change) if _thing(*need) in failed]
        if lacking:
            kind, name = lacking[0]
            skipped[place] = Outcome(change, "skipped", f"needs {kind} {name}, which failed")
    return skipped


def _made_by(change: Change) -> list[Thing]:
    """What exists only once the change is made."""
    made = makes(change)
    return [] if made is None else [_thing(*made)]


def _thing(kind: Kind, name: str) -> Thing:
    return kind, fold_name(name)


def _write(changes: Sequence[Change], writer: Writer, failed: Collection[Thing]) -> list[Outcome]:
    """Writes one batch. `failed`: what failed before it."""
    if failed:
        batch = _Batch(changes)
        batch.leave_failed_before(failed)
    else:
        answers = writer.write(changes)
        # Nearly every batch is written whole, and needs no more than its outcomes.
        if answers.count(APPLIED) == len(answers) == len(changes):
            return [Outcome(change, "applied") for change in changes]
        batch = _Batch(changes)
        batch.take(answers)
    while batch.waiting:
        batch.take(writer.write(list(batch.waiting.values())))
    return batch.outcomes()


class _Batch:
    """Changes that are written at once.

    A change that fails only for what it can do without (a manager, or a group that a new one is to
    be nested in) is written once more without it, and its outcome says so.
    """

    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = changes
        self._outcomes = {at: Outcome(change, "applied") for at, change in enumerate(changes)}
        self.waiting = dict(enumerate(changes))
        """What has to be written, or written once more, by its place."""

    def outcomes(self) -> list[Outcome]:
        """One for each change, in order."""
        return [self._outcomes[at] for at in range(len(self._changes))]

    def leave_failed_before(self, failed: Collection[Thing]) -> None:
        """Lets new objects do without what failed in an earlier batch."""
        for at, change in self.waiting.items():
            gone = {name for name in _leans_on(change) if (change.kind, name) in failed}
            if gone and change.action == "create":
                self._leave(at, gone, "which failed")

    def take(self, answers: Sequence[Written]) -> None:
        """Records the outcomes of all that waited; what may still succeed waits again."""
        failed: dict[int, str] = {}
        for at, answer in zip(self.waiting, answers, strict=True):
            if answer.result == "failed":
                failed[at] = answer.detail
            else:
                self._end(at, answer)
        newcomers = self._newcomers(failed)
        final = self._final(failed, newcomers)
        for at in final:
            self._outcomes[at] = Outcome(self._changes[at], "failed", failed[at])
        self.waiting = {at: self.waiting[at] for at in sorted(failed.keys() - final)}
        if final:
            self._leave_failed(final, newcomers, "which failed")
        else:
            self._leave_failed(failed.keys(), newcomers, "because one of them in a circle failed")

    def _end(self, at: int, answer: Written) -> None:
        """Takes what was written, or may have been; what it does without has been noted."""
        detail = _joined(self._outcomes[at].detail, answer.detail)
        self._outcomes[at] = Outcome(self._changes[at], answer.result, detail)

    def _newcomers(self, failed: Iterable[int]) -> dict[str, int]:
        """What the failed changes were to make: case-folded name → place."""
        return {name: at for at in failed for _, name in _made_by(self._changes[at])}

    def _final(self, failed: Collection[int], newcomers: Mapping[str, int]) -> set[int]:
        """Those of the failed that do not lean on another of them."""
        final = {at for at in failed if not self._failed_leaders(at, newcomers, failed)}
        if not final and self._changes[0].kind == "user":
            return set(failed)  # where managers lead each other in a circle, all of it fails
        return final

    def _failed_leaders(
        self, at: int, newcomers: Mapping[str, int], failed: Collection[int]
    ) -> set[str]:
        """The names that a change leans on and that others, which failed, were to make."""
        names = _leans_on(self.waiting[at])
        return {
            name for name in names if (maker := newcomers.get(name, at)) != at and maker in failed
        }

    def _leave_failed(
        self, failed: Collection[int], newcomers: Mapping[str, int], why: str
    ) -> None:
        """Lets what waits do without those that failed."""
        for at in self.waiting:
            gone = self._failed_leaders(at, newcomers, failed)
            if gone:
                self._leave(at, gone, why)

    def _leave(self, at: int, names: Collection[str], why: str) -> None:
        self.waiting[at], detail = _without(self.waiting[at], names, why)
        detail = _joined(self._outcomes[at].detail, detail)
        self._outcomes[at] = Outcome(self._changes[at], "applied", detail)


def _joined(*details: str) -> str:
    return ", ".join(filter(None, details))


def _leans_on(change: Change) -> tuple[str, ...]:
    """The names, case-folded, of those of its kind that a change can do without."""
    if change.kind == "user":
        manager = fold_name(field_text(change.fields_after, "manager"))
        return (manager,) if manager else ()
    return tuple(map(fold_name, nested_in(change))) if change.action == "create" else ()


def _without(change: Change, names: Collection[str], why: str) -> tuple[Change, str]:
    """The change without those it leans on, and what that means in words."""
    after = dict(change.fields_after)
    if change.kind == "user":
        detail = f"without its manager {after['manager']}, {why}"
        after["manager"] = None
    else:
        gone = [name for name in nested_in(change) if fold_name(name) in names]
        detail = f"but not within group {', '.join(gone)}, {why}"
        groups = mapping(after, "groups")
        after["groups"] = {name: groups[name] for name in groups if name not in gone}
    return msgspec.structs.replace(change, after=after), detail
