"""Whether a run is quiet or full; and if both can be made, whether they agree."""

import logging
import secrets
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple, cast

from reconcile.app import adapters, inputs, run_identity
from reconcile.app.quiet import memo as memos
from reconcile.app.quiet.answering import Answering, Differs
from reconcile.app.quiet.memo import Answer, Memo
from reconcile.app.quiet.parts import Parts
from reconcile.app.quiet.recording import Recorded, Recording
from reconcile.app.quiet.seal import Broken
from reconcile.config import Loaded
from reconcile.errors import FullRunDisagrees, PlatformUnreadable, ReconcileError
from reconcile.model.change import Plan, Scope
from reconcile.model.report import Trouble
from reconcile.model.text.digest import digest
from reconcile.ports import Holder, ManagedPlatform, Progress, Remembering

_log: Final = logging.getLogger(__name__)


class Made(NamedTuple):
    """A plan, and how it was made."""

    plan: Plan
    troubles: tuple[Trouble, ...] = ()
    """The workspaces that could not be read; the plan covers the others."""
    last_full: str = ""
    """When the last full run was, RFC 3339, UTC; "" if this one is full."""
    memo: str = ""
    """What the ledger may keep of this run, if nothing was to do; "" for nothing."""


def planned(
    loaded: Loaded,
    scope: Scope,
    variables: Collection[str],
    target: ManagedPlatform,
    progress: Progress,
    *,
    full: bool = False,
    keeps: bool = False,
    directory: inputs.Opener = adapters.directory,
) -> Made:
    """The plan: by the memo if nothing has changed, otherwise, and with `full`, from the beginning.

    `keeps`: the caller applies the plan, and keeps the memo of one that is empty. Raises what
    `inputs.plan` raises, and FullRunDisagrees if a full run says other than a quiet one would.
    """
    remembering = _remembering(target)
    if remembering is None or not loaded.desired.quiet_runs.enabled or scope.targets:
        return Made(*inputs.plan(loaded, scope, variables, target, progress, directory))
    known = _known(loaded, scope, remembering)
    due = full or known is None or _is_due(known, loaded)
    if known is not None and not due:
        answering = Answering(known, loaded, scope, variables, remembering, directory)
        try:
            return Made(answering.plan(progress), last_full=known.full_at)
        except Differs as error:
            _log.info("full run, because this is not as it was: %s", error)
    if not (keeps or (known is not None and due)):
        return Made(*inputs.plan(loaded, scope, variables, target, progress, directory))
    key = known.key if known is not None else secrets.token_bytes(Parts.KEY)
    recording = Recording(key, loaded, scope, variables, remembering, directory)
    recorded = recording.run(progress)
    if recorded.why_not:
        _log.info("the next run is a full one, because %s", recorded.why_not)
    if known is not None and due and (differing := list(_differing(known, recorded))):
        if keeps:
            keep(target, loaded, scope, "", run_identity.holder())
        raise _disagreement(known, differing)
    return Made(recorded.plan, recorded.troubles, memo=recorded.memo if keeps else "")


def keep(target: ManagedPlatform, loaded: Loaded, scope: Scope, memo: str, holder: Holder) -> None:
    """Keeps a memo in the ledger, "" to keep none; if it cannot be kept, the next run is full."""
    remembering = _remembering(target)
    if remembering is None:
        return
    try:
        remembering.keep_memo(_first(loaded, scope), _slot(loaded, scope), memo, holder)
    except ReconcileError as error:
        _log.info("the next run is a full one, because the ledger keeps no memo: %s", error)


def _remembering(target: ManagedPlatform) -> Remembering | None:
    """The platform, if its ledger keeps memos."""
    return cast("Remembering", target) if hasattr(target, "keep_memo") else None


def _known(loaded: Loaded, scope: Scope, target: Remembering) -> Memo | None:
    """The memo of the ledger. A ledger that cannot be read has none: the full run says why."""
    try:
        return memos.read(target.memo(_first(loaded, scope), _slot(loaded, scope)))
    except PlatformUnreadable:
        return None


def _first(loaded: Loaded, scope: Scope) -> str:
    """The workspace whose ledger keeps the memo of them all."""
    return min(inputs.chosen_workspaces(loaded.desired, scope.workspaces))


def _slot(loaded: Loaded, scope: Scope) -> str:
    """Runs of another scope have memos of their own."""
    workspaces = inputs.chosen_workspaces(loaded.desired, scope.workspaces)
    sources = inputs.chosen_sources(loaded.desired, scope.sources)
    return digest([sorted(workspaces), sorted(source.name for source in sources)])


def _is_due(known: Memo, loaded: Loaded) -> bool:
    """Whether the last full run is too long ago."""
    every = loaded.desired.quiet_runs.full_every
    return memos.seconds(inputs.now()) - memos.seconds(known.full_at) >= every


def _differing(known: Memo, recorded: Recorded) -> Iterator[str]:
    """What a quiet run would have said otherwise; nothing if there would have been none."""
    answer = _quiet_answer(known, recorded)
    if answer is None or recorded.answer is None:
        return
    for field in Plan.__struct_fields__:
        before, now = getattr(answer.plan, field), getattr(recorded.plan, field)
        if field not in _OF_NO_MATTER and before != now:
            yield field.replace("_", " ")
    if answer.said != recorded.answer.said:
        yield "warnings"
    if answer.counts != recorded.answer.counts:
        yield "counts"


def _quiet_answer(known: Memo, recorded: Recorded) -> Answer | None:
    """What a quiet run would have answered; None if it would have seen that something differs."""
    parts = recorded.parts
    if parts is None or recorded.answer is None or not known.is_valid(recorded.plan.created):
        return None
    if parts.kept() != known.parts:
        return None
    try:
        answer = memos.opened(known, parts)
    except Broken:
        return None
    return answer if answer.further == recorded.answer.further else None


def _disagreement(known: Memo, differing: Sequence[str]) -> FullRunDisagrees:
    return FullRunDisagrees(
        f"this full run and the one of {known.full_at} read the same and do not say the same: "
        f"{', '.join(differing)} differ. Nothing was written. This is an error of reconcile: "
        "please report it. The setting `quiet_runs: {enabled: false}` makes every run a full one"
    )


_OF_NO_MATTER: Final = ("created", "files")
