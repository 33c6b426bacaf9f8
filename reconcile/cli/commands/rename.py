"""`migrate-usernames` and `rename-source`: new names for what exists, all of them or none."""

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import click

from reconcile.cli.commands.apply import confirmed
from reconcile.cli.exit_codes import reported
from reconcile.cli.options import (
    colour,
    output_options,
    paths_argument,
    scope_options,
    variable_option,
)
from reconcile.cli.progress import progress
from reconcile.errors import GuardRefused, UsageError

if TYPE_CHECKING:  # they cost time to import, and every command imports this module
    from reconcile.config import Loaded
    from reconcile.model.change import Plan


@click.command("migrate-usernames", short_help="Give existing users new usernames, all or none.")
@paths_argument
@click.option("--plan", "only_plan", is_flag=True, help="Only show what would be renamed.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Take over the lock left by a dead run.")
@scope_options
@variable_option
@output_options
def migrate_usernames(
    paths: tuple[Path, ...],
    only_plan: bool,
    yes: bool,
    force: bool,
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Rename existing users to what `fields.username` gives now, all or none.

    Nothing else is changed. If one user cannot have the new name, nothing is renamed in any
    workspace, and every such user is listed.
    """
    from reconcile import planning
    from reconcile.app import adapters, inputs
    from reconcile.app.notices import placing
    from reconcile.cli import output
    from reconcile.model.change import Scope, refusal
    from reconcile.planning.renames import usernames

    _refuse_both(only_plan=only_plan, yes=yes)
    loaded = inputs.configuration(paths, variables)
    scope = Scope(tuple(sorted(workspaces)), tuple(sorted(sources)))
    with progress() as tell, closing(adapters.platform(loaded.desired.platform, tell)) as target:
        read, troubles = inputs.inputs(loaded, scope, variables, target, tell)
        if troubles:
            raise UsageError(
                f"the workspace {troubles[0].workspace} cannot be read, so no user is renamed"
            )
        with placing(loaded):
            full = planning.make_plan(read)
        migration = usernames.migration(
            full, read.current, read.snapshots, loaded.desired.safety, target.abilities.own_username
        )
    if migration.collisions:
        lines = "\n".join(f"  {line}" for line in migration.collisions)
        number = len(migration.collisions)
        raise GuardRefused(f"no user is renamed, for {number} cannot have the new name:\n{lines}")
    if not migration.plan.changes:
        click.echo("Nothing to rename. All users have the names that the rules give.")
    else:
        click.echo(output.plan(migration.plan, "text", full=only_plan, saved=None, colour=colour()))
    for line in migration.left:
        click.echo(line)
    if migration.plan.refused:
        raise refusal(migration.plan.refused)
    if only_plan or not migration.plan.changes:
        return
    if not yes:
        confirmed("Rename them?")
    _carry_out(migration.plan, loaded, force=force)


@click.command("rename-source", short_help="Rename a source on the platform.")
@click.argument("old")
@click.argument("new")
@paths_argument
@click.option("--plan", "only_plan", is_flag=True, help="Only show what would be renamed.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Take over the lock left by a dead run.")
@variable_option
@output_options
def rename_source(
    old: str,
    new: str,
    paths: tuple[Path, ...],
    only_plan: bool,
    yes: bool,
    force: bool,
    variables: dict[str, str],
) -> None:
    """Rename source OLD to NEW on the platform, in every workspace.

    Sources are identified by name. Without this command a renamed source looks like one that was
    removed, with all its users, and a new one. No directory is read, and nothing else is changed.
    """
    from reconcile import __version__, planning
    from reconcile.app import adapters, inputs
    from reconcile.cli import output
    from reconcile.model.change import Scope
    from reconcile.planning.renames.source import renaming

    _refuse_both(only_plan=only_plan, yes=yes)
    loaded = inputs.configuration(paths, variables)
    with progress() as tell, closing(adapters.platform(loaded.desired.platform, tell)) as target:
        current, troubles = inputs.readable(target, loaded.desired.platform.workspaces)
        if troubles:
            raise UsageError(
                f"the workspace {troubles[0].workspace} cannot be read, so nothing is renamed"
            )
        read = planning.Inputs(
            desired=loaded.desired,
            configuration=loaded.digest,
            files=loaded.files,
            variables=tuple(sorted(variables)),
            scope=Scope(),
            snapshots=(),
            current=current,
            abilities=target.abilities,
            tool=__version__,
            created=inputs.now(),
        )
    made = renaming(read, old, new)
    click.echo(output.plan(made, "text", full=only_plan, saved=None, colour=colour()))
    if only_plan:
        return
    if not yes:
        confirmed("Rename it?")
    _carry_out(made, loaded, force=force)


def _refuse_both(*, only_plan: bool, yes: bool) -> None:
    if only_plan and yes:
        raise UsageError("--plan only shows, --yes does it without asking: give one of the two")


def _carry_out(made: "Plan", loaded: "Loaded", *, force: bool) -> None:
    """Applies the renames, all or none, and shows the result."""
    from reconcile.app import adapters, inputs, run, run_identity
    from reconcile.app.approval import saved_plan
    from reconcile.applying import GuardRules, apply
    from reconcile.cli import output
    from reconcile.cli.account import account

    saved_plan.refuse_unsigned(loaded.desired.safety)
    holder = run_identity.holder(account())
    with progress() as tell, closing(adapters.platform(loaded.desired.platform, tell)) as target:
        report = apply(
            made,
            target,
            holder,
            rules=GuardRules(loaded.desired, purpose="renaming"),
            whole=True,
            force=force,
            progress=tell,
            origin=run_identity.origin(loaded.files),
            clock=inputs.now,
        )
    click.echo(output.report(made, report, "text", colour=colour(), skips=False))
    click.get_current_context().exit(reported() or run.exit_code(report))


COMMANDS = (migrate_usernames, rename_source)
