"""The command line: one module per command family.

Only this package prints, or reads argv and environment. A command is imported when it is called
(`guide.registry`), and imports what it needs when it runs, so that every command starts at once.
"""

import sys

import click

from reconcile import __version__, interrupts
from reconcile.app import run_log
from reconcile.cli.exit_codes import ended, stuck
from reconcile.cli.guide.group import CommandLine
from reconcile.cli.guide.registry import Commands
from reconcile.cli.logs import end_log_file, set_level


@click.group(
    cls=CommandLine,
    commands=Commands(),
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(
    __version__, "-V", "--version", prog_name="reconcile", message="%(prog)s %(version)s"
)
def cli() -> None:
    """Keep the users, groups, departments and roles of an application in step with its directories.

    Desired-state files say what is wanted; `plan` shows what would change; `apply` does exactly
    that; a second run changes nothing. Exit codes: 0 done, 1 failed, 2 usage or configuration, 3
    changes (plan --check), 4 refused by a guard, 5 stale plan, 6 applied in part or not known, 7 a
    source or the platform unreadable, 8 locked, 9 done but not clean (--strict), 130 or 143
    interrupted.
    """


def main() -> None:
    """Runs the command line and ends the process with its exit code."""
    set_level(0)  # until the options say more: a signal may come before they are read
    run_log.begin()
    with interrupts.listening(stuck) as restored:

        def command_line() -> object:
            with restored():
                return cli.main(prog_name="reconcile", standalone_mode=False)

        code = ended(command_line)
        if interrupts.broke_off():  # also where a library has made another error of it
            code = interrupts.exit_code()
        run_log.note("ends with exit code %d", {"exit_code": code})
        end_log_file()
    sys.exit(code)
