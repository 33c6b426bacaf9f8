"""The command line: one module per command family, and the only place that prints or reads argv and environment.

Commands import what they need when they run, so that `reconcile --help` starts at once.
"""

import gc
import sys

import click

from reconcile import __version__
from reconcile.cli import applying, configuration, entering, holdings, looking, planning, testing
from reconcile.cli.running import report_error
from reconcile.errors import ReconcileError


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="reconcile", message="%(prog)s %(version)s")
def cli() -> None:
    """Keep an application platform's users, groups, departments and roles equal to its directories.

    Desired-state files say what is wanted; `plan` shows what would change; `apply` does exactly that; a second
    run changes nothing. Exit codes: 0 done, 1 failed, 2 usage or configuration, 3 changes (plan --check), 4 refused
    by a guard, 5 stale plan, 6 applied in part, 7 a source or the platform unreadable, 8 locked.
    """


_FAMILIES = (configuration, testing, looking, planning, applying, holdings, entering)
for command in (command for family in _FAMILIES for command in family.COMMANDS):
    cli.add_command(command)


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    # What a run reads and makes lives until its end: looking through all of it for cycles over and over takes a tenth
    # of a large run and finds nothing.
    gc.set_threshold(100_000, 50, 1000)
    try:
        code = cli.main(prog_name="reconcile", standalone_mode=False)
    except click.exceptions.Exit as ended:
        code = ended.exit_code
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
    sys.exit(code if isinstance(code, int) else 0)
