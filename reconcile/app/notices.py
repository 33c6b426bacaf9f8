"""Notices with their places, rules that cannot be followed, and `--strict`.

`--strict` changes nothing of what a command does. It ends with exit code 9 where the command would
end with 0 and something is not clean. An error or a refusal keeps its own exit code, because there
the work was not done.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, TypeVar

import click

from reconcile.errors import ConfigError, RulesRefused

if TYPE_CHECKING:  # they cost time to import, and every command imports this module
    from reconcile.config import Loaded
    from reconcile.model.notice import Notice

EXIT_NOT_CLEAN: Final = 9
_SHOWN: Final = 20

logger = logging.getLogger(__name__)

Command = TypeVar("Command", bound=Callable[..., object])


def strict_option(when: str) -> Callable[[Command], Command]:
    """--strict; `when` is what ends with exit code 9."""
    return click.option("--strict", is_flag=True, help=f"Exit {EXIT_NOT_CLEAN} {when}.")


@contextmanager
def placing(loaded: "Loaded") -> Iterator[None]:
    """Rules that the planner refuses in the block become a ConfigError, which has their places."""
    try:
        yield
    except RulesRefused as error:
        problems = [loaded.places.problem(path, message) for path, message in error.rules]
        raise ConfigError(problems) from error


def placed(loaded: "Loaded", notices: "Iterable[Notice]") -> "tuple[Notice, ...]":
    """The notices with their places in the files."""
    return tuple(map(loaded.places.placed, notices))


def report(notices: "Sequence[Notice]") -> None:
    """Warns of each on standard error, of many only of the first; a brief log file has no names."""
    for notice in notices[:_SHOWN]:
        brief = f"notice {notice.code}: -v logs the rest"
        logger.warning("%s", notice, extra={"impersonal": brief})
    if len(notices) > _SHOWN:
        logger.warning("%d more notices: --format json has all of them", len(notices) - _SHOWN)


def strict_exit(reason: str) -> int:
    """The exit code under `--strict` of a command that did its work.

    `reason` says what is not clean; "" means that everything is.
    """
    if not reason:
        return 0
    logger.warning("not clean: %s; --strict ends with exit code %d", reason, EXIT_NOT_CLEAN)
    return EXIT_NOT_CLEAN
