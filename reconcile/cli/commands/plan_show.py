"""`plan` and `show`."""

from pathlib import Path

import click

from reconcile.cli.formats import FORMATS
from reconcile.cli.options import (
    colour,
    format_option,
    output_options,
    paths_argument,
    scope_options,
    variable_option,
)
from reconcile.cli.parameters.metrics import metrics_option, watched
from reconcile.cli.progress import progress
from reconcile.cli.strict import strict_exit, strict_option
from reconcile.errors import GuardRefused

EXIT_CHANGES = 3


@click.command()
@paths_argument
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="Write the plan to FILE.",
)
@format_option(*FORMATS)
@click.option("--check", is_flag=True, help="Exit 3 when there are changes.")
@strict_option("when a rule finds nothing or an existing user is skipped, with --check too")
@metrics_option
@click.option(
    "--target",
    "targets",
    multiple=True,
    metavar="KIND:NAME",
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
    "--undo", metavar="RUN", default="", help="Restore what this run changed; reads no source."
)
@scope_options
@variable_option
@output_options
@click.pass_context
def plan(
    context: click.Context,
    paths: tuple[Path, ...],
    out: Path | None,
    form: str,
    check: bool,
    strict: bool,
    metrics: Path | None,
    targets: tuple[str, ...],
    codes: tuple[str, ...],
    undo: str,
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Show what apply would change. Writes nothing but FILE.

    With --undo, the plan restores what a run changed, unless it has changed since. `reconcile
    history` lists the runs.
    """
    from reconcile.app import inputs, plan_files, run
    from reconcile.app.watching.watch import Watch
    from reconcile.cli import output
    from reconcile.cli.account import account
    from reconcile.model.change import Scope

    scope = Scope(tuple(sorted(workspaces)), tuple(sorted(sources)), tuple(sorted(targets)))
    watch = Watch("plan", metrics, notifies=check)

    def shown() -> int:
        """Makes the plan, shows it, and returns the exit code."""
        loaded = inputs.configuration(paths, variables)
        watch.loaded(loaded)
        with progress() as tell:
            made, troubles = run.make_plan(
                loaded, scope, variables, tell, undo=undo, accept=codes, user=account()
            )
        watch.planned(made)
        if out is not None:
            plan_files.write(out, made)
        click.echo(output.plan(made, form, full=False, saved=out, colour=colour()))
        if made.refused:
            return GuardRefused.exit_code
        if troubles:
            return troubles[0].exit_code
        # Not clean goes before changes: a pipeline that applies on exit code 3 must not apply this.
        code = strict_exit(made.not_clean) if strict else 0
        return code or (EXIT_CHANGES if check and made.changes else 0)

    context.exit(watched(watch, shown))


@click.command()
@click.argument("plan_file", type=click.Path(path_type=Path), metavar="PLANFILE")
@format_option(*FORMATS)
@output_options
def show(plan_file: Path, form: str) -> None:
    """Show a whole plan file. Needs no connection."""
    from reconcile.app import plan_files
    from reconcile.cli import output

    click.echo(
        output.plan(plan_files.read(plan_file), form, full=True, saved=plan_file, colour=colour())
    )


COMMANDS = (plan, show)
