"""The options of a plan that is shown to reviewers."""

import os
import re
from collections.abc import Sequence
from typing import Final, NamedTuple

import click

from reconcile.cli import logs
from reconcile.cli.options import Command
from reconcile.errors import UsageError

_SHA: Final = re.compile("[0-9a-f]{7,64}")


class Review(NamedTuple):
    """How a plan is shown to reviewers: the values of `review_options`."""

    name: str = ""
    commit: str = ""
    redact: bool = False

    def begin(self) -> None:
        """Keeps names out of the log, too. Raises UsageError if -v asks for them."""
        if self.redact:
            if logs.is_verbose():
                raise UsageError("--redact cannot be combined with -v, which logs names")
            logs.leave_out_people()

    def at(self, desired_state: Sequence[str] = ()) -> "Review":
        """With the commit of the pipeline or of the files, unless the command line names one."""
        from reconcile.app.review.commit import commit

        return self._replace(commit=self.commit or commit(os.environ, desired_state))


NO_REVIEW: Final = Review()


def redact_option(command: Command) -> Command:
    """--redact."""
    return click.option(
        "--redact",
        is_flag=True,
        help="Show no names, addresses or values, only counts, kinds and fields.",
    )(command)


def review_options(command: Command) -> Command:
    """--name, --commit and --redact."""
    command = redact_option(command)
    command = click.option(
        "--commit",
        metavar="SHA",
        default="",
        callback=_commit,
        help="The Git commit to name; by default that of the pipeline or of the files.",
    )(command)
    return click.option(
        "--name",
        metavar="NAME",
        default="",
        help="A name for the plan, to tell several comments on one merge request apart.",
    )(command)


def _commit(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    if value and not _SHA.fullmatch(value):
        raise click.BadParameter(f"{value!r} is not a Git commit: 7 to 64 hexadecimal digits")
    return value
