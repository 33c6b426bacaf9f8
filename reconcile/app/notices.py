"""Notices with their places in the files, and rules that the planner refuses."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from reconcile.config import Loaded
from reconcile.errors import ConfigError, RulesRefused
from reconcile.model.notice import OF_ROLES, LeftOut, Notice

_SHOWN: Final = 20

logger = logging.getLogger(__name__)


@contextmanager
def placing(loaded: Loaded) -> Iterator[None]:
    """Turns rules that the planner refuses in the block into a ConfigError with their places."""
    try:
        yield
    except RulesRefused as error:
        problems = [loaded.places.problem(path, message) for path, message in error.rules]
        raise ConfigError(problems) from error


def placed(loaded: Loaded, notices: Iterable[Notice]) -> tuple[Notice, ...]:
    """The notices with their places in the files."""
    return tuple(map(loaded.places.placed, notices))


def _is_expected(notice: Notice) -> bool:
    """Whether it is about a role, and nothing suggests a mistake. The plan shows it."""
    return notice.code in OF_ROLES and not notice.nearest


def report(notices: Sequence[Notice]) -> None:
    """Logs a warning for each notice, of many only for the first; a brief log has no names.

    What is expected of a plan is no warning.
    """
    expected = [notice for notice in notices if _is_expected(notice)]
    notices = [notice for notice in notices if notice not in expected]
    for notice in expected:
        logger.info("%s", notice, extra={"impersonal": f"notice {notice.code}"})
    for notice in notices[:_SHOWN]:
        brief = f"notice {notice.code}: -v logs the rest"
        logger.warning("%s", notice, extra={"impersonal": brief})
    if len(notices) > _SHOWN:
        logger.warning("%d more notices: --format json has all of them", len(notices) - _SHOWN)


def report_left_out(all_of_them: Iterable[LeftOut]) -> None:
    """Logs each person who gets no user because of a rule: `-v` shows them, sorted by DN."""
    if not logger.isEnabledFor(logging.INFO):
        return
    all_of_them = tuple(all_of_them)
    several = len({each.workspace for each in all_of_them}) > 1
    for each in all_of_them:
        source = f"{each.workspace}/{each.source}" if several else each.source
        for person in sorted(each.people, key=lambda person: person.dn):
            logger.info(
                "%s: %s: %s (%s)",
                source,
                each.code,
                person.username,
                person.dn,
                extra={"impersonal": ""},
            )
