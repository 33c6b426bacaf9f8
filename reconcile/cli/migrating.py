"""`migrate-usernames`."""

import getpass
import os
import signal
import socket
from contextlib import closing
from pathlib import Path

import click

from reconcile.cli.applying import confirmed, interrupt
from reconcile.cli.options import colour, output_options, paths_argument, scope_options, variable_option
from reconcile.cli.progress import progress
from reconcile.errors import GuardRefused, UsageError


@click.command("migrate-usernames", short_help="Give users other usernames, all or none.")
@paths_argument
@click.option("--plan", "only_plan", is_flag=True, help="Only show what would be renamed.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Take over the lock of a run that is dead.")
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
    """Rename the users of the sources to what `fields.username` says now: all or none.

    Nothing else is changed. One user who cannot have the new name refuses everything, in every workspace; each is
    listed.
    """
    from reconcile import planning
    from reconcile.applying import apply as carry_out
    from reconcile.cli import assembling, origins, showing
    from reconcile.model.change import Scope
    from reconcile.ports import Holder

    if only_plan and yes:
        raise UsageError("--plan only shows, --yes does it without asking: give one of the two")
    loaded = assembling.configuration(paths, variables)
    scope = Scope(tuple(sorted(workspaces)), tuple(sorted(sources)))
    with progress() as tell, closing(assembling.platform(loaded.desired.platform, tell)) as target:
        read, troubles = assembling.inputs(loaded, scope, variables, target, tell)
        if troubles:
            raise UsageError(f"the workspace {troubles[0].workspace} cannot be read, so nobody is renamed")
        full, _ = planning.make(read)
        found = planning.migration(
            full, read.current, read.snapshots, loaded.desired.safety, target.limits.own_username
        )
    if found.collisions:
        lines = "\n".join(f"  {line}" for line in found.collisions)
        raise GuardRefused(f"nobody is renamed, for {len(found.collisions)} cannot have the new name:\n{lines}")
    if not found.plan.changes:
        click.echo("Nobody to rename. All users have the names that the rules say.")
    else:
        click.echo(showing.plan(found.plan, "text", full=only_plan, saved=None, colour=colour()))
    for line in found.left:
        click.echo(line)
    if found.plan.refused:
        raise GuardRefused.because((one.code, one.detail, one.acceptable) for one in found.plan.refused)
    if only_plan or not found.plan.changes:
        return
    if not yes:
        confirmed("Rename them?")
    signal.signal(signal.SIGTERM, interrupt)
    holder = Holder(getpass.getuser(), socket.gethostname(), os.getpid(), assembling.now())
    with progress() as tell, closing(assembling.platform(loaded.desired.platform, tell)) as target:
        guard = assembling.guard(loaded, found.plan, target, renaming=True)
        report = carry_out(
            found.plan,
            target,
            holder,
            guard=guard,
            whole=True,
            force=force,
            progress=tell,
            origin=origins.origin(loaded.files),
            clock=assembling.now,
        )
    click.echo(showing.report(found.plan, report, "text", colour=colour(), skips=False))


COMMANDS = (migrate_usernames,)
