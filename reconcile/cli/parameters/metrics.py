"""--metrics, and a command that is watched to its end."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from reconcile import interrupts
from reconcile.errors import ReconcileError

if TYPE_CHECKING:  # it costs time to import, and every command imports this module
    from reconcile.app.watching.watch import Watch

Command = TypeVar("Command", bound=Callable[..., object])


def metrics_option(command: Command) -> Command:
    """--metrics."""
    return click.option(
        "--metrics",
        type=click.Path(path_type=Path, dir_okay=False),
        metavar="FILE",
        help="Write the result in numbers to FILE, for Prometheus.",
    )(command)


def watched(watch: "Watch", action: Callable[[], int]) -> int:
    """The exit code of an action; the watch learns it however the action ends."""
    code = 1  # of what is not expected
    try:
        code = action()
    except ReconcileError as error:
        code = error.exit_code
        raise
    except (click.Abort, KeyboardInterrupt):
        code = interrupts.exit_code() if interrupts.received() else 1
        raise
    finally:
        watch.ended(code)
    return code
