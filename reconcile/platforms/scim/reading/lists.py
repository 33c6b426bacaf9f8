"""Reads that are proved complete: as many ids as the service says there are, and none twice.

A doubt is looked at once more, one page after the other. If it stays, nothing of what was read is
believed.
"""

from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.http.completeness import Collected, Doubt, Everything, Page, read_twice
from reconcile.platforms.http.session import Session
from reconcile.platforms.http.values import mapping, number
from reconcile.platforms.scim.connection.errors import NOT_FOUND, Refused
from reconcile.platforms.scim.paths import Resource
from reconcile.platforms.scim.settings import ScimSettings

Query = Mapping[str, str]


class Reader:
    """Reads lists of one service."""

    def __init__(self, session: Session, settings: ScimSettings) -> None:
        """Reads nothing yet."""
        self._session = session
        self._settings = settings
        self._has_cursors = settings.paging == "cursor"

    def everything(self, endpoint: str, query: Query | None = None) -> Everything:
        """All of a list. Raises PlatformUnreadable where that cannot be proved."""
        query = query or {}
        return read_twice(
            f"{self._session.base}/{endpoint}",
            lambda hurried: self._walk(endpoint, query, hurried=hurried),
        )

    def page(self, endpoint: str, query: Query) -> Page:
        """One page. Raises PlatformUnreadable where it is none, Refused for a query refused."""
        answer = self._session.get(endpoint, query).resource
        resources = mapping(answer).get("Resources") or []
        if answer is None or not isinstance(resources, list):
            raise PlatformUnreadable(
                f"{self._session.base}/{endpoint} gives no list of resources: is url the base URL "
                "of a SCIM service?"
            )
        cursor = answer.get("nextCursor")
        return Page(
            [self._identified(endpoint, resource) for resource in resources],
            number(answer.get("totalResults")),
            cursor if isinstance(cursor, str) else "",
        )

    def _identified(self, endpoint: str, resource: Any) -> Resource:
        """A copy of the resource, with its id as text: some services number their resources."""
        own = resource.get("id") if isinstance(resource, dict) else None
        if not isinstance(own, str) and number(own) is not None:
            own = str(own)
        if not isinstance(own, str) or not own:
            raise PlatformUnreadable(
                f"{self._session.base}/{endpoint} lists something without an id: it cannot be read"
            )
        resource["id"] = own
        return dict(resource)

    def _walk(self, endpoint: str, query: Query, *, hurried: bool) -> Everything:
        """All of a list, several pages at once where `hurried`. Raises Doubt."""
        try:
            return self._paged(endpoint, query, hurried=hurried)
        except Refused as refused:
            raise PlatformUnreadable(
                f"{self._session.base}/{endpoint} cannot be listed: the service answers "
                f"{refused.status}: {refused}. If it does not know startIndex and count, set "
                "paging: none"
            ) from refused

    def _paged(self, endpoint: str, query: Query, *, hurried: bool) -> Everything:
        """All of a list, in the paging of the settings.

        With `auto`, a service that has given a cursor once is read by cursor from then on.
        """
        paging = self._settings.paging
        if paging == "none":
            return self._at_once(endpoint, query)
        count = str(self._settings.page_size)
        if paging == "cursor":
            first = self.page(endpoint, {**query, "cursor": "", "count": count})
            return self._by_cursor(endpoint, query, first)
        first = self.page(endpoint, {**query, "startIndex": "1", "count": count})
        if paging == "auto":
            self._has_cursors = self._has_cursors or bool(first.cursor)
        if self._has_cursors:
            return self._by_cursor(endpoint, query, first)
        return self._by_index(endpoint, query, first, hurried=hurried)

    def _at_once(self, endpoint: str, query: Query) -> Everything:
        """Everything in one page. Raises Doubt where the service says that there is more."""
        page = self.page(endpoint, query)
        collected = Collected(endpoint, page.total)
        collected.add(page, "the only page", may_be_empty=True)
        if page.total is not None and page.total > len(page.resources):
            raise Doubt(
                f"one request gives {len(page.resources)} of {page.total}: "
                "paging: none is not for this service, try paging: index"
            )
        return collected.complete()

    def _by_cursor(self, endpoint: str, query: Query, page: Page) -> Everything:
        """Page after page, until there is no further cursor."""
        collected = Collected(endpoint, page.total)
        used: set[str] = set()
        collected.add(page, "the first page", may_be_empty=True)
        while page.cursor:
            if page.cursor in used:
                raise Doubt("the service gives the same cursor again: its paging goes in a circle")
            used.add(page.cursor)
            wanted = {"cursor": page.cursor, "count": str(self._settings.page_size)}
            page = self.page(endpoint, {**query, **wanted})
            collected.add(page, "a cursor", may_be_empty=True)
        return collected.complete()

    def _by_index(self, endpoint: str, query: Query, first: Page, *, hurried: bool) -> Everything:
        """Pages by startIndex: all at once where `hurried`, otherwise each after what was seen."""
        if first.total is None:
            raise Doubt(
                "the service does not say how many there are (totalResults), so a read cannot be "
                "proved complete: if it pages by cursor set paging: cursor, if it gives everything "
                "at once set paging: none"
            )
        collected = Collected(endpoint, first.total)
        collected.add(first, "startIndex=1", may_be_empty=first.total == 0)
        step = len(first.resources)
        if hurried and step:
            starts = range(1 + step, first.total + 1, step)
            for start, page in self._pages(endpoint, query, starts, step):
                collected.add(page, f"startIndex={start}")
            return collected.complete()
        while collected.missing:
            start = len(collected.resources) + 1
            wanted = {"startIndex": str(start), "count": str(self._settings.page_size)}
            collected.add(self.page(endpoint, {**query, **wanted}), f"startIndex={start}")
        return collected.complete()

    def _pages(
        self, endpoint: str, query: Query, starts: Iterable[int], step: int
    ) -> Iterator[tuple[int, Page]]:
        """The pages that begin at `starts`, several at once."""

        def page_at(start: int) -> tuple[int, Page]:
            wanted = {"startIndex": str(start), "count": str(step)}
            return start, self.page(endpoint, {**query, **wanted})

        with ThreadPoolExecutor(max_workers=self._settings.pace.concurrency) as pool:
            waiting = [pool.submit(page_at, start) for start in starts]
            try:
                for future in waiting:
                    yield future.result()
            finally:
                for future in waiting:
                    future.cancel()

    def each(self, endpoint: str, ids: Iterable[str]) -> dict[str, Resource]:
        """Single resources by id, several at once; those that are gone are left out."""

        def single(own: str) -> tuple[str, Resource | None]:
            return own, self.single(endpoint, own)

        with ThreadPoolExecutor(max_workers=self._settings.pace.concurrency) as pool:
            got = dict(pool.map(single, ids))
        return {own: resource for own, resource in got.items() if resource is not None}

    def single(self, endpoint: str, own: str) -> Resource | None:
        """One resource; None where it does not exist. Raises PlatformUnreadable and Refused."""
        try:
            resource = self._session.get(f"{endpoint}/{quoted_id(own)}").resource
        except Refused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise
        if resource is None or str(resource.get("id", own)) != own:
            raise PlatformUnreadable(
                f"{self._session.base}/{endpoint}/{own} does not answer with this resource"
            )
        return resource


def quoted_id(own: str) -> str:
    """An id as a part of a URL."""
    from urllib.parse import quote

    return quote(own, safe="")
