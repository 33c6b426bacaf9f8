"""From a command to its exit code."""

import logging
import signal
import sys
from collections.abc import Callable

import click

from reconcile import interrupts
from reconcile.cli.logs import report_error
from reconcile.errors import OutputLost, ReconcileError
from reconcile.interrupts import NOTHING_WRITTEN

_log = logging.getLogger(__name__)


def ended(action: Callable[[], object]) -> int:
    """Runs a command and returns its exit code; logs what it raises on standard error."""
    try:
        code = action()
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt) as error:
        code = _aborted(error)
    except ReconcileError as error:
        if not (
            isinstance(error, OutputLost) and error.broken_pipe
        ):  # who read us has had enough, as `head` has
            report_error(error)
        code = error.exit_code
    # The last resort: a fault of ours is one line for the user, not a traceback.
    except Exception as error:  # noqa: BLE001
        report_error(error)
        code = 1
    return code if isinstance(code, int) else 0


def _aborted(error: BaseException) -> int:
    if interrupts.received():
        return _interrupted(
            "; ".join(getattr(error.__cause__ or error, "__notes__", ())) or NOTHING_WRITTEN
        )
    click.echo("Aborted.", err=True)  # the answer to a question was no
    return 1


def _interrupted(consequence: str) -> int:
    """Logs which signal ended the command, and the consequence; returns the exit code."""
    _log.error("interrupted by %s: %s", signal.Signals(interrupts.received()).name, consequence)
    return interrupts.exit_code()


def stuck() -> None:
    """Says what `ended` would say about a signal, while a library blocks the main thread."""
    if sys.stderr is not None and sys.stderr.isatty():
        click.echo("\x1b[?25h", err=True, nl=False)  # progress hides the cursor
    _interrupted(NOTHING_WRITTEN)


def reported() -> int:
    """Says that a signal ended the run that was just reported.

    Returns the exit code, 0 without a signal.
    """
    if not interrupts.received():
        return 0
    return _interrupted("the report says what was written; no lock is left unless it says so")
