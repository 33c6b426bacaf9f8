"""From a command to its exit code."""

import sys
from collections.abc import Callable

import click

from reconcile.cli.logs import report_error
from reconcile.errors import ReconcileError


def ended(action: Callable[[], object]) -> int:
    """Runs a command and answers its exit code; what it raises is told on standard error."""
    try:
        code = action()
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Aborted.", err=True)
        code = 1
    except ReconcileError as error:
        report_error(error)
        code = error.exit_code
    except BrokenPipeError:
        sys.stderr.close()  # whoever read us has gone; there is nobody to complain to
        code = 1
    except Exception as error:  # noqa: BLE001 - the last resort: a fault of ours is one line for the user, not a traceback
        report_error(error)
        code = 1
    return code if isinstance(code, int) else 0
