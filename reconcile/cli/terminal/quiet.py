"""`-q`: only what needs attention."""

from collections.abc import Callable
from typing import Final, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., object])
_KEY: Final = "reconcile.quiet"


def quiet_option(command: Command) -> Command:
    """-q, which the command asks about by `quiet`."""
    return click.option(
        "-q",
        "--quiet",
        is_flag=True,
        expose_value=False,
        callback=_remember,
        help="Print nothing unless something needs attention; no progress.",
    )(command)


def quiet() -> bool:
    """Whether the command line asks for quiet."""
    context = click.get_current_context(silent=True)
    return context is not None and bool(context.meta.get(_KEY))


def _remember(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    context.meta[_KEY] = value
