"""`--strict`: exit code 9 instead of 0 if something is not clean.

It changes nothing else a command does. An error or a refusal keeps its own exit code, because the
work was not done.
"""

import logging
from collections.abc import Callable
from typing import Final, TypeVar

import click

EXIT_NOT_CLEAN: Final = 9

logger = logging.getLogger(__name__)

Command = TypeVar("Command", bound=Callable[..., object])


def strict_option(when: str) -> Callable[[Command], Command]:
    """--strict; `when` says what ends with exit code 9."""
    return click.option("--strict", is_flag=True, help=f"Exit {EXIT_NOT_CLEAN} {when}.")


def strict_exit(reason: str) -> int:
    """The exit code under `--strict` of a command that did its work.

    `reason` says what is not clean; "" means that everything is.
    """
    if not reason:
        return 0
    logger.warning("not clean: %s; --strict ends with exit code %d", reason, EXIT_NOT_CLEAN)
    return EXIT_NOT_CLEAN
