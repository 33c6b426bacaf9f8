"""`test`."""

from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import click

from reconcile.cli.running import colour, output_options, paths_argument, progress, scope_options, variable_option
from reconcile.errors import Unreadable, UsageError


@click.command()
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
    """Connect to every source and the platform, and count what each rule finds. Changes nothing."""
    from reconcile.cli import assembling
    from reconcile.ports import Check

    if workspaces:
        raise UsageError("test looks at the whole platform: --workspace has no meaning here")
    loaded = assembling.configuration(paths, variables)
    failed = False

    def tell(name: str, checks: Iterable[Check]) -> None:
        nonlocal failed
        from reconcile.render import printable

        for check in checks:
            failed = failed or not check.ok
            mark = click.style("ok", fg="green") if check.ok else click.style("FAILED", fg="red", bold=True)
            click.echo(f"{printable(name)}: {mark}  {check.what}: {printable(check.detail)}", color=colour())

    with progress() as count:
        for source in assembling.chosen_sources(loaded.desired, sources):
            with closing(assembling.directory(source, count)) as directory:
                tell(source.name, directory.check())
        with closing(assembling.platform(loaded.desired.platform, count)) as platform:
            tell("platform", platform.check())
    context.exit(Unreadable.exit_code if failed else 0)


COMMANDS = (test,)
