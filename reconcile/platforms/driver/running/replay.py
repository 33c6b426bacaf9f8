"""What a run did that died before it could say so: its journal, read against the platform."""

import logging
from collections.abc import Sequence

import msgspec

from reconcile.model.book import Book, Logged, Settled, Step
from reconcile.model.change import Change
from reconcile.model.history import Run
from reconcile.model.platform import Contents
from reconcile.model.report import Outcome
from reconcile.platforms.driver.edited import edited
from reconcile.platforms.driver.merge import merge
from reconcile.platforms.driver.running.evidence import edits_of, look
from reconcile.platforms.ledger.history.entries import ids_now
from reconcile.platforms.resolve import Names
from reconcile.ports import Ledger, Platform

_log = logging.getLogger(__name__)

_DIED = "the run ended before this was done"


def as_it_is(workspace: str, contents: Contents, ledger: Ledger) -> Book:
    """The book with what a run did that died before it could write it down. Writes nothing."""
    book = ledger.book(workspace)
    _, steps = ledger.journal(workspace)
    known: set[tuple[str, str]] = set(book.objects)
    settled = [_settle(logged, contents, known) for logged in steps if logged.state in _LOOKED_FOR]
    return edited(book, [(edit, step.platform_id) for step in settled for edit in step.edits])


def replay(platform: Platform, ledger: Ledger, workspace: str) -> None:
    """Settles every open step by what the platform has, and records the run that died.

    A step that was not answered is looked for once more: a slow server may have made it since.
    """
    run, steps = ledger.journal(workspace)
    if run is None and not steps:
        return
    contents = platform.read(workspace)
    known: set[tuple[str, str]] = set(ledger.book(workspace).objects)
    settled = [(logged, _settle(logged, contents, known)) for logged in steps]
    looked_for = [step for logged, step in settled if logged.state in _LOOKED_FOR]
    ledger.write(workspace, settled=looked_for)
    for logged, step in settled:
        if _is_over(logged, step, recorded=run is None):
            ledger.forget_step(workspace, logged.number)
    if run is not None:
        _record(ledger, workspace, run, contents, _outcomes(settled))


def _is_over(logged: Logged, now: Settled, *, recorded: bool) -> bool:
    """Whether a step can leave the journal. `recorded`: its run is in the history."""
    if now.state == "unclear":
        # What is not there the second time either was not made.
        return logged.state == "unclear"
    return recorded and now.state == "kept" and logged.state in _LOOKED_FOR


def _record(
    ledger: Ledger, workspace: str, run: Run, contents: Contents, outcomes: Sequence[Outcome]
) -> None:
    """Adds a run that died to the history."""
    _log.warning(
        "the run %s ended early; it made %d of the %d changes that it began: "
        "they are in the history",
        run.id,
        sum(outcome.result == "applied" for outcome in outcomes),
        len(outcomes),
    )
    merged = merge(workspace, contents, ledger.book(workspace))
    ids = ids_now(Names(merged.state))
    ledger.finish(workspace, _ended(run, outcomes, ledger.started(workspace)), outcomes, ids, ids)


_LOOKED_FOR = ("open", "unclear")


def _settle(logged: Logged, contents: Contents, known: set[tuple[str, str]]) -> Settled:
    """What became of a step, by what the platform has now."""
    number, step = logged.number, logged.step
    if logged.state not in _LOOKED_FOR:
        return Settled(number, logged.state, detail=logged.detail)
    seen = look(step.call, contents, known)
    if seen.done:
        return Settled(number, "kept", step.edits, seen.platform_id)
    return Settled(number, "unclear", edits_of(step, seen.links), detail=_DIED)


def _outcomes(settled: Sequence[tuple[Logged, Settled]]) -> list[Outcome]:
    """One for each change that the run began, in their order."""
    changes: dict[int, Change] = {}
    lost: dict[int, str] = {}
    kept: set[int] = set()
    created: set[int] = set()
    for logged, now in settled:
        own = logged.step.changes
        changes |= own
        if now.state != "kept":
            lost |= dict.fromkeys(own, now.detail or _DIED)
            continue
        kept.update(own)
        if _creates(logged.step):
            created.update(own)
    return [
        _outcome(changes[place], lost.get(place, ""), place in kept, place in created)
        for place in sorted(changes)
    ]


def _creates(step: Step) -> bool:
    return step.call is not None and step.call.operation == "create"


def _outcome(change: Change, lost: str, kept: bool, created: bool) -> Outcome:
    """Applied, if all of its steps were kept, or what they were to create exists."""
    if not lost:
        return Outcome(change, "applied")
    if created:
        return Outcome(change, "applied", f"but not all of it: {lost}")
    return Outcome(change, "failed", f"{lost}; part of it was made" if kept else lost)


def _ended(run: Run, outcomes: Sequence[Outcome], finished: str) -> Run:
    applied = sum(outcome.result == "applied" for outcome in outcomes)
    ending = "in part" if applied else "failed"
    return msgspec.structs.replace(
        run,
        finished=finished,
        outcome=ending,
        applied=applied,
        failed=len(outcomes) - applied,
        skipped=0,
    )
