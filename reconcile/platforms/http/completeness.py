"""Reads that are proved complete: as many ids as the service says there are, and none twice.

A doubt is looked at once more, one page after the other. If it stays, nothing of what was read is
believed.
"""

import logging
from collections.abc import Callable
from typing import Any, NamedTuple

from reconcile.errors import PlatformUnreadable

_log = logging.getLogger(__name__)


class Doubt(Exception):
    """What was read cannot be all, or cannot be true. The text says what was seen, and the key."""


class Page(NamedTuple):
    """One answer of a list."""

    resources: list[dict[str, Any]]
    total: int | None
    cursor: str

    @property
    def ids(self) -> list[str]:
        """The ids of its resources."""
        return [resource["id"] for resource in self.resources]


class Everything(NamedTuple):
    """All resources of a list, by id."""

    resources: dict[str, dict[str, Any]]
    proved: bool
    """Whether the service said how many there are."""


def read_twice(url: str, walk: Callable[[bool], Everything]) -> Everything:
    """What `walk` reads of the list at a URL. Raises PlatformUnreadable where a doubt stays.

    `walk` may hurry the first time, as its argument says, and raises Doubt.
    """
    try:
        return walk(True)
    except Doubt as doubt:
        _log.info("reading %s once more: %s", url, doubt)
    try:
        return walk(False)
    except Doubt as doubt:
        raise PlatformUnreadable(
            f"{url} cannot be read completely: {doubt}. It was read twice; nothing of it is used"
        ) from doubt


class Collected:
    """What was seen of a list so far."""

    def __init__(self, endpoint: str, total: int | None) -> None:
        """Nothing was seen yet; `total`: how many there are, None where that is not said."""
        self._endpoint = endpoint
        self._total = total
        self._first: list[str] | None = None
        self.resources: dict[str, dict[str, Any]] = {}

    @property
    def missing(self) -> int:
        """How many are left to be seen."""
        return max(0, (self._total or 0) - len(self.resources))

    def add(self, page: Page, where: str, *, may_be_empty: bool = False) -> None:
        """Takes in a page. Raises Doubt where it does not go with the others."""
        self._check_total(page)
        before = len(self.resources)
        ids = page.ids
        self.resources |= zip(ids, page.resources, strict=True)
        self._check_not_first(ids, where)
        new = len(self.resources) - before
        if new < len(ids):
            raise Doubt(
                f"{where} gives {len(ids) - new} of {len(ids)} a second time: pages of this "
                "service overlap. A page_size that holds everything avoids that"
            )
        if not new and not may_be_empty:
            raise Doubt(
                f"{where} gives nothing, and {len(self.resources)}{self._of_total} were seen: "
                "try a smaller page_size, or another paging"
            )

    @property
    def _of_total(self) -> str:
        """How many there should be, where that is known."""
        return "" if self._total is None else f" of {self._total}"

    def _check_total(self, page: Page) -> None:
        """Raises Doubt where a page announces another number of resources than the first."""
        if page.total not in (None, self._total):
            raise Doubt(
                f"the number of {self._endpoint} went from {self._total} to {page.total} while "
                "they were read"
            )

    def _check_not_first(self, ids: list[str], where: str) -> None:
        """Raises Doubt for a page that is the first one again."""
        if self._first is None:
            self._first = ids
        elif ids and ids == self._first:
            raise Doubt(
                f"{where} gives the same {len(ids)}{self._of_total} as the first page: the "
                "service ignores paging. If it can give everything at once, set paging: none, "
                "otherwise a page_size that holds everything"
            )

    def complete(self) -> Everything:
        """Everything. Raises Doubt where it is not all."""
        if self._total is not None and len(self.resources) != self._total:
            raise Doubt(
                f"{len(self.resources)} of {self._total} were seen: "
                "try a smaller page_size, or another paging"
            )
        return Everything(self.resources, self._total is not None)
