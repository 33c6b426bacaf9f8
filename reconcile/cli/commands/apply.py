"""`apply`."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconcile.cli.formats import REPORTS
from reconcile.cli.options import (
    colour,
    format_option,
    full_option,
    output_options,
    scope_options,
    variable_option,
)
from reconcile.cli.parameters.metrics import metrics_option
from reconcile.cli.review.options import Review, redact_option
from reconcile.cli.strict import strict_option
from reconcile.cli.terminal.quiet import quiet_option
from reconcile.errors import UsageError

if TYPE_CHECKING:  # it costs time to import, and every command imports this module
    from reconcile.model.desired import RequiredSignatures


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path), metavar="[PLANFILE | PATH...]")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--config",
    "configs",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="The desired-state files for a plan file.",
)
@click.option(
    "--refresh", is_flag=True, help="If the plan file is stale, make a new plan and ask again."
)
@click.option(
    "--expect-digest",
    metavar="SHA256",
    default="",
    help="Apply the plan file only if it has this digest.",
)
@click.option(
    "--require-signature",
    "allowed_signers",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Apply the plan file only if a key of this allowed_signers file signed it.",
)
@click.option(
    "--signers",
    type=click.IntRange(1, 100),
    metavar="N",
    help="How many people have to sign, with --require-signature.  [default: 1]",
)
@click.option(
    "--revoked-keys",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Keys that do not count, or a KRL, with --require-signature.",
)
@click.option("--force", is_flag=True, help="Take over the lock left by a dead run.")
@strict_option("after applying when a rule finds nothing or an existing user is skipped")
@full_option
@metrics_option
@format_option(*REPORTS)
@redact_option
@scope_options
@variable_option
@quiet_option
@output_options
@click.pass_context
def apply(
    context: click.Context,
    paths: tuple[Path, ...],
    yes: bool,
    configs: tuple[Path, ...],
    refresh: bool,
    expect_digest: str,
    allowed_signers: Path | None,
    signers: int | None,
    revoked_keys: Path | None,
    force: bool,
    strict: bool,
    full: bool,
    metrics: Path | None,
    form: str,
    redact: bool,
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Apply a plan file exactly, or plan and apply.

    A path that ends in .yml or .yaml, or is a folder, is desired state; anything else is a plan
    file. Without --yes the plan is shown, and you are asked. A plan file that was already applied
    is not applied again.
    """
    from reconcile.app.run import Task
    from reconcile.app.watching.watch import Watch
    from reconcile.cli import run
    from reconcile.cli.account import account
    from reconcile.model.change import Scope

    review = Review(redact=redact)
    review.begin()
    if redact and not yes:
        raise UsageError("--redact hides what you would be asked about: use --yes, too")
    plan_file = _plan_file(paths)
    required = _required(allowed_signers, signers, revoked_keys)
    proved = bool(expect_digest or required)
    if plan_file is None:
        _check_without_file(configs=bool(configs), proved=proved)
    else:
        _check_file(scoped=bool(workspaces or sources), full=full)
    if proved and refresh:
        raise UsageError("--refresh makes another plan than the one that was reviewed or signed")
    if refresh:
        _check_refresh(plan_file, yes=yes)
    scope = Scope(tuple(sorted(workspaces)), tuple(sorted(sources)))
    files = paths if plan_file is None else configs
    task = Task(
        files, variables, plan_file, scope, force, refresh, strict, account(),
        expect_digest=expect_digest, signatures=required, full=full,
    )  # fmt: skip
    # A person who is asked sees how it ends, so only `--yes` notifies.
    watch = Watch("apply", metrics, notifies=yes)
    ask = None if yes else _ask
    context.exit(run.run(task, watch, form=form, colour=colour(), ask=ask, review=review))


def _check_without_file(*, configs: bool, proved: bool) -> None:
    """Raises UsageError for options that mean a plan file."""
    if configs:
        raise UsageError("--config needs a plan file")
    if proved:
        raise UsageError("--expect-digest and --require-signature need a plan file")


def _check_file(*, scoped: bool, full: bool) -> None:
    """Raises UsageError for options that a plan file has decided already."""
    if scoped:
        raise UsageError(
            "a plan file is applied as it is: --workspace and --source belong to the plan command"
        )
    if full:
        raise UsageError("a plan file is applied as it is: --full belongs to the plan command")


def _plan_file(paths: tuple[Path, ...]) -> Path | None:
    """The plan file among the arguments; None when they are desired state."""
    files = [path for path in paths if path.suffix not in (".yml", ".yaml") and not path.is_dir()]
    if files and len(paths) > 1:
        raise UsageError(
            f"{files[0]} is not desired state (.yml, .yaml or a folder), and a plan file is applied"
            " alone"
        )
    return files[0] if files else None


def _required(
    allowed_signers: Path | None, signers: int | None, revoked_keys: Path | None
) -> "RequiredSignatures | None":
    """The signatures that the options demand. Raises UsageError for half of them."""
    if allowed_signers is None:
        if signers is not None or revoked_keys is not None:
            raise UsageError("--signers and --revoked-keys need --require-signature")
        return None
    from reconcile.model.desired import RequiredSignatures

    return RequiredSignatures(str(allowed_signers), signers or 1, str(revoked_keys or ""))


def _check_refresh(plan_file: Path | None, *, yes: bool) -> None:
    """A new plan has to be reviewed. Raises UsageError."""
    if plan_file is None:
        raise UsageError("--refresh needs a plan file: desired state is planned again every time")
    if yes:
        raise UsageError("--refresh makes a new plan, which has to be reviewed: leave out --yes")
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "--refresh asks about the new plan, and there is no terminal to ask on: use"
            " `reconcile plan`"
        )


def _ask(configuration: str) -> None:
    confirmed(f"Apply these changes by {configuration}?")


def confirmed(question: str) -> None:
    """Asks on the terminal. Raises Abort if the answer is no, UsageError without a terminal."""
    if sys.stdin is None or not sys.stdin.isatty():
        raise UsageError(
            "this command asks before it writes, and there is no terminal to ask on: look at the"
            " plan, then use --yes"
        )
    if not click.confirm(f"\n{question}"):
        raise click.Abort


COMMANDS = (apply,)
