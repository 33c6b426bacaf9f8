"""`test`."""

from contextlib import closing
from pathlib import Path

import click

from reconcile.cli.options import output_options, paths_argument, scope_options, variable_option
from reconcile.cli.progress import progress
from reconcile.errors import Unreadable


@click.command(short_help="Connect to everything; count what is found.")
@paths_argument
@scope_options
@variable_option
@output_options
@click.pass_context
def test(
    context: click.Context,
    paths: tuple[Path, ...],
    workspaces: tuple[str, ...],
    sources: tuple[str, ...],
    variables: dict[str, str],
) -> None:
    """Connect to every server of every source and to the platform, and count what each rule finds. Changes nothing."""
    import msgspec

    from reconcile.cli import assembling
    from reconcile.cli.checklist import Checklist, each_server

    loaded = assembling.configuration(paths, variables)
    chosen = assembling.chosen_sources(loaded.desired, sources)
    names = assembling.chosen_workspaces(loaded.desired, workspaces)
    settings = msgspec.structs.replace(loaded.desired.platform, workspaces=names)
    with progress() as tell:
        checklist = Checklist([name for source in chosen for name, _ in each_server(source)], tell)
        for source in chosen:
            for name, one in each_server(source):
                with closing(assembling.directory(one, tell)) as directory:
                    checklist.show(name, directory.check())
        with closing(assembling.platform(settings, tell)) as platform:
            checklist.show("platform", platform.check())
    context.exit(Unreadable.exit_code if checklist.failed else 0)


COMMANDS = (test,)
