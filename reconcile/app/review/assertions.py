"""The assertions of the files alone, over the state that a plan would lead to."""

from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path

import msgspec

from reconcile.app import adapters, captures, inputs
from reconcile.app.notices import placing
from reconcile.config import Loaded
from reconcile.errors import UsageError
from reconcile.model.change import Plan, Scope
from reconcile.model.report import Trouble
from reconcile.planning import Inputs, assertion_check, make_plan
from reconcile.ports import Progress


class Verdict(msgspec.Struct, frozen=True):
    """What became of one assertion in one workspace."""

    workspace: str
    name: str
    place: str
    """`file:line:column` of the assertion."""
    result: str
    """`holds`, `fails`, `warns` or `cannot_be_evaluated`."""
    checked: int
    """How many objects it was evaluated for."""
    offenders: int
    detail: str
    code: str
    """The code of the violation; "" if it is none."""


class Verdicts(msgspec.Struct, frozen=True):
    """What became of all assertions."""

    verdicts: tuple[Verdict, ...]
    troubles: tuple[Trouble, ...] = ()
    """The workspaces that could not be read."""

    @property
    def failed(self) -> bool:
        """Whether an assertion would refuse the plan."""
        return any(verdict.code for verdict in self.verdicts)


def judge(
    loaded: Loaded,
    scope: Scope,
    variables: Mapping[str, str],
    progress: Progress,
    capture_files: Sequence[Path] = (),
) -> Verdicts:
    """Reads everything as `plan` does, and evaluates the assertions. Writes nothing.

    `capture_files` are read instead of their sources. Raises UsageError if the files have no
    assertions, and what `captures.read` and `inputs.plan` raise.
    """
    refuse_none(loaded)
    captured = captures.read(capture_files, loaded, scope)
    with closing(adapters.platform(loaded.desired.platform, progress)) as target:
        read, troubles = inputs.inputs(
            loaded, scope, variables, target, progress, directory=captured.directory
        )
    return Verdicts(verdicts(loaded, read), troubles)


def refuse_none(loaded: Loaded) -> None:
    """Raises UsageError if the files have no assertions."""
    if not loaded.desired.assertions:
        files = ", ".join(loaded.files)
        raise UsageError(f"{files}: no `assertions` to judge; docs/assertions.md shows some")


def verdicts(loaded: Loaded, read: Inputs) -> tuple[Verdict, ...]:
    """What becomes of each assertion, whatever the inputs were read from."""
    with placing(loaded):
        made: Plan = make_plan(read)
        results = assertion_check.judged(loaded.desired.assertions, made.changes, read.current)
    return tuple(_verdict(loaded, result) for result in results)


def _verdict(loaded: Loaded, result: assertion_check.Result) -> Verdict:
    """One result with its place, and in words."""
    problem = loaded.places.problem(f"assertions[{result.position}]", "")
    codes = [violation.code for violation in assertion_check.violations([result])]
    return Verdict(
        workspace=result.workspace,
        name=result.assertion.name,
        place=f"{problem.file}:{problem.line}:{problem.column}",
        result=_word(result),
        checked=result.checked,
        offenders=len(result.offenders),
        detail=result.detail,
        code=codes[0] if codes else "",
    )


def _word(result: assertion_check.Result) -> str:
    """What became of it in a word."""
    if result.holds:
        return "holds"
    if result.fault:
        return "cannot_be_evaluated"
    return "fails" if result.assertion.severity == "error" else "warns"
