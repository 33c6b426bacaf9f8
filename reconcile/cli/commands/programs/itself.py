"""`help`, `schema` and `completion`: about the command itself."""

import click
from click.shell_completion import get_completion_class

from reconcile.cli.options import output_options
from reconcile.errors import UsageError


@click.command("help")
@click.argument("names", nargs=-1, metavar="[COMMAND]...")
@click.pass_context
def help_command(context: click.Context, names: tuple[str, ...]) -> None:
    """Show the help of a command, or of all."""
    from reconcile.cli.terminal.pager import page

    shown = context.find_root()
    command: click.Command = shown.command
    for name in names:
        below = command.get_command(shown, name) if isinstance(command, click.Group) else None
        if below is None:
            raise UsageError(
                f"no command is called {' '.join(names)!r}; `reconcile help` lists all"
            )
        command, shown = below, click.Context(below, info_name=name, parent=shown)
    page(command.get_help(shown))


@click.command()
@click.argument("name", default="", metavar="[NAME]")
@output_options
def schema(name: str) -> None:
    """Print a JSON Schema, or the names of all.

    `config` is that of desired-state files: editors check and complete by it.
    """
    from reconcile.config.schema import published

    schemas = published.names()
    if not name:
        for each in schemas:
            click.echo(each)
    elif name in schemas:
        click.echo(published.text(name), nl=False)
    else:
        raise UsageError(f"no schema is called {name!r}; there are: {', '.join(schemas)}")


@click.command(short_help="Print a script that completes by the Tab key.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a script with which a shell completes commands, options and names by the Tab key.

    Names of sources and workspaces come from reconcile.yml; users and runs from the platform.
    """
    root = context.find_root().command
    complete = get_completion_class(shell)
    if complete is None:
        raise UsageError(f"{shell} cannot be completed")
    click.echo(complete(root, {}, "reconcile", "_RECONCILE_COMPLETE").source())


COMMANDS = (schema, completion, help_command)
