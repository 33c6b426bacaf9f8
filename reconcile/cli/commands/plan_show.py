"""`plan` and `show`."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import click

from reconcile.cli.formats import FORMATS
from reconcile.cli.guide import completing
from reconcile.cli.options import (
    colour,
    format_option,
    full_option,
    output_options,
    paths_argument,
    scope_options,
    variable_option,
)
from reconcile.cli.parameters.metrics import metrics_option, watched
from reconcile.cli.progress import progress
from reconcile.cli.review.options import Review, review_options
from reconcile.cli.strict import strict_exit, strict_option
from reconcile.cli.terminal.pager import page
from reconcile.cli.terminal.quiet import quiet, quiet_option
from reconcile.errors import GuardRefused, UsageError

if TYPE_CHECKING:  # they cost time to import, and every command imports this module
    from reconcile.app.watching.watch import Watch
    from reconcile.model.change import Plan, Scope
    from reconcile.model.report import Trouble

EXIT_CHANGES = 3


@click.command()
@paths_argument
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the plan to FILE.",
)
@click.option(
    "--sign",
    "key",
    type=click.Path(path_type=Path),
    metavar="KEY",
    help="Sign the plan file with this SSH key, into FILE.sig.",
)
@format_option(*FORMATS)
@click.option("--check", is_flag=True, help="Exit 3 when there are changes.")
@click.option(
    "--drift",
    is_flag=True,
    help="As --check, and notify as the files say: for the job that looks for drift.",
)
@strict_option("when a rule finds nothing or an existing user is skipped, with --check too")
@metrics_option
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="KIND:NAME",
    shell_complete=completing.targets,
    help="Only this user, group or department (repeatable).",
)
@click.option(
    "--accept",
    "codes",
    multiple=True,
    metavar="CODE",
    help="Accept this guard violation (repeatable).",
)
@click.option(
    "--capture",
    "captures",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Read this capture instead of its source (repeatable).",
)
@click.option(
    "--undo",
    metavar="RUN",
    default="",
    shell_complete=completing.runs,
    help="Restore what this run changed; reads no source.",
)
@click.option(
    "--outputs",
    multiple=True,
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write changes=true|false, digest and counts to FILE, as dotenv or for $GITHUB_OUTPUT.",
)
@click.option(
    "--summary",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Add the plan as Markdown to FILE, as for $GITHUB_STEP_SUMMARY.",
)
@full_option
@review_options
@scope_options
@variable_option
@quiet_option
@output_options
@click.pass_context
def plan(
    context: click.Context,
    paths: tuple[Path, ...],
    out: Path | None,
    key: Path | None,
    form: str,
    check: bool,
    drift: bool,
    strict: bool,
    metrics: Path | None,
    targets: tuple[str, ...],
    codes: tuple[str, ...],
    captures: tuple[Path, ...],
    undo: str,
    outputs: tuple[Path, ...],
    summary: Path | None,
    full: bool,
    name: str,
    commit: str,
    redact: bool,
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Show what apply would change. Writes nothing but FILE.

    With --undo, the plan restores what a run changed, unless it has changed since. `reconcile
    history` lists the runs.
    """
    from reconcile.app.watching.watch import Watch
    from reconcile.cli.review import pipeline
    from reconcile.model.change import Scope

    review = Review(name, commit, redact)
    review.begin()
    pipeline.begin(outputs)
    _check_key(key, out)
    if drift and undo:
        raise UsageError("--drift compares with the files: it cannot be combined with --undo")
    scope = Scope(tuple(sorted(workspaces)), tuple(sorted(sources)), tuple(sorted(targets)))
    wanted = _Wanted(
        paths, variables, scope, out, key, form, check or drift, strict,
        codes, captures, undo, outputs, summary, review, full,
    )  # fmt: skip
    watch = Watch("plan", metrics, notifies=drift)
    context.exit(watched(watch, lambda: _shown(wanted, watch)))


class _Wanted(NamedTuple):
    """What the command line asks of a plan."""

    paths: tuple[Path, ...]
    variables: Mapping[str, Any]
    scope: "Scope"
    out: Path | None
    key: Path | None
    form: str
    check: bool
    strict: bool
    codes: tuple[str, ...]
    captures: tuple[Path, ...]
    undo: str
    outputs: tuple[Path, ...]
    summary: Path | None
    review: Review
    full: bool


def _shown(wanted: _Wanted, watch: "Watch") -> int:
    """Makes the plan, writes and shows it, and returns the exit code."""
    from reconcile.app import inputs, run
    from reconcile.app.approval import saved_plan
    from reconcile.cli import output
    from reconcile.cli.account import account
    from reconcile.cli.review import pipeline

    out, key, form, review = wanted.out, wanted.key, wanted.form, wanted.review
    loaded = inputs.configuration(wanted.paths, wanted.variables)
    watch.loaded(loaded)
    with progress() as tell:
        planned = run.make_plan(
            loaded,
            wanted.scope,
            wanted.variables,
            tell,
            undo=wanted.undo,
            accept=wanted.codes,
            user=account(),
            capture_files=wanted.captures,
            full=wanted.full,
        )
    made, last_full = planned.plan, planned.last_full
    watch.planned(made)
    digest = saved_plan.save(out, made, key) if out is not None else ""
    if form in output.IDENTIFYING or wanted.summary is not None:
        review = review.at(loaded.files)
    pipeline.write_outputs(made, wanted.outputs)
    pipeline.add_summary(
        wanted.summary,
        lambda taken: output.step_summary(
            made, taken, saved=out, review=review, last_full=last_full
        ),
    )
    if made.refused or not quiet():
        shown = output.plan(
            made, form, full=False, saved=out, colour=colour(), review=review, last_full=last_full
        )
        page(shown)
    if out is not None and not quiet():
        click.echo(output.saved(out, digest, signed=key is not None), err=form != "text")
    return _exit_code(made, planned.troubles, strict=wanted.strict, check=wanted.check)


def _exit_code(made: "Plan", troubles: Sequence["Trouble"], *, strict: bool, check: bool) -> int:
    """What a plan ends with: refused, unreadable in part, not clean, changes, or 0."""
    if made.refused:
        return GuardRefused.exit_code
    if troubles:
        return troubles[0].exit_code
    # Not clean goes before changes: a pipeline that applies on exit code 3 must not apply this.
    code = strict_exit(made.not_clean) if strict else 0
    return code or (EXIT_CHANGES if check and made.changes else 0)


@click.command()
@click.argument("plan_file", type=click.Path(path_type=Path), metavar="PLANFILE")
@format_option(*FORMATS)
@review_options
@output_options
def show(plan_file: Path, form: str, name: str, commit: str, redact: bool) -> None:
    """Show a whole plan file. Needs no connection."""
    from reconcile.app.approval import saved_plan
    from reconcile.cli import output

    review = Review(name, commit, redact)
    review.begin()
    if form in output.IDENTIFYING:
        review = review.at()
    saved, _ = saved_plan.read(plan_file)
    page(output.plan(saved.plan, form, full=True, saved=plan_file, colour=colour(), review=review))
    if form == "text":
        click.echo(f"  plan file: {saved.digest}")


def _check_key(key: Path | None, out: Path | None) -> None:
    """Before the time that a plan takes. Raises UsageError."""
    if key is None:
        return
    if out is None:
        raise UsageError("--sign signs a plan file: give --out FILE, too")
    from reconcile.app.approval import signatures

    signatures.refuse_no_key(key)


COMMANDS = (plan, show)
