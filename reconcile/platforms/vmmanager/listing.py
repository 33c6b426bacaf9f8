"""The list of accounts, proved complete, and single accounts of it."""

from collections.abc import Callable, Mapping
from typing import Any

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.http.completeness import Collected, Everything, Page, read_twice
from reconcile.platforms.http.session import Session
from reconcile.platforms.http.values import mapping, number
from reconcile.platforms.vmmanager.dialect import NOT_FOUND, Refused
from reconcile.platforms.vmmanager.settings import VmSettings


class Listing:
    """Reads the accounts of one installation."""

    def __init__(self, session: Session, settings: VmSettings) -> None:
        """Reads nothing yet."""
        self._session = session
        self._settings = settings
        self.path = f"{settings.paths.vm}/account"
        self._by: Mapping[str, Callable[[str], dict[str, Any] | None]] = {
            "account": self._by_id,
            "where": self._by_condition,
            "list": self._by_list,
        }
        one: str = settings.read_one
        self._ways = list(self._by) if one == "auto" else [one]
        self._proved = ""

    @property
    def way(self) -> str:
        """How a single account is read."""
        return self._ways[0]

    def everything(self) -> Everything:
        """All accounts by id. Raises PlatformUnreadable where that cannot be proved."""
        return read_twice(f"{self._session.base}/{self.path}", lambda _: self._walk())

    def page(self, query: Mapping[str, str]) -> Page:
        """One page. Raises PlatformUnreadable where it is none, Refused for a query refused."""
        answer = self._session.get(self.path, query).resource
        accounts = mapping(answer).get("list")
        if answer is None or not isinstance(accounts, list):
            raise PlatformUnreadable(
                f"{self._session.base}/{self.path} gives no list of accounts: is url the address "
                "of VMmanager, and paths.vm the name and version of its service?"
            )
        return Page(list(map(self._identified, accounts)), number(answer.get("size")), "")

    def _identified(self, account: Any) -> dict[str, Any]:
        """A copy of the account, with its id as text."""
        own = account.get("id") if isinstance(account, dict) else None
        if number(own) is None and not (isinstance(own, str) and own):
            raise PlatformUnreadable(
                f"{self._session.base}/{self.path} lists an account without an id: it cannot be "
                "read"
            )
        return {**account, "id": str(own)}

    def _walk(self) -> Everything:
        """Page after page until one is empty. Raises Doubt."""
        try:
            return self._at_once() if self._settings.paging == "none" else self._paged()
        except Refused as refused:
            raise PlatformUnreadable(
                f"{self._session.base}/{self.path} cannot be listed: {refused}. If VMmanager does "
                'not know limit, set paging: none; if it does not know orderby, set orderby: ""; '
                "if it has nothing at this path, see paths"
            ) from refused

    def _at_once(self) -> Everything:
        """Everything in one page. Raises Doubt where VMmanager says that there is more."""
        page = self.page(self._order())
        collected = Collected("accounts", page.total)
        collected.add(page, "the only page", may_be_empty=True)
        return collected.complete()

    def _paged(self) -> Everything:
        """Pages by limit, until one is empty. Raises Doubt.

        What `size` says is not documented. It is that of the page alone if the first page has as
        many as it says and there is a second one; then it proves nothing.
        """
        page = self._page_at(0)
        following = self._page_at(len(page.resources)) if page.resources else page
        is_total = not (following.resources and page.total == len(page.resources))
        collected = Collected("accounts", page.total if is_total else None)
        while page.resources:
            where = f"limit={len(collected.resources)}"
            collected.add(page if is_total else page._replace(total=None), where)
            page = following
            following = self._page_at(len(collected.resources) + len(page.resources))
        # Of a page that is empty, a size of the page is 0.
        if is_total and page.total:
            collected.add(page, "the end", may_be_empty=True)
        return collected.complete()

    def _page_at(self, start: int) -> Page:
        limit = f"{start},{self._settings.page_size}"
        return self.page({"limit": limit, **self._order()})

    def _order(self) -> dict[str, str]:
        """An order that stays while pages are read."""
        return {"orderby": self._settings.orderby} if self._settings.orderby else {}

    def single(self, own: str) -> dict[str, Any] | None:
        """One account; None where it does not exist. Raises PlatformUnreadable.

        A way of reading counts once it has shown an account: before that, that there is nothing may
        mean that VMmanager does not know the way.
        """
        for way in list(self._ways):
            try:
                account = self._by[way](own)
            except Refused as refused:
                if way == self._ways[-1]:
                    raise PlatformUnreadable(
                        f"the account {own} cannot be read: {refused}. See read_one of the platform"
                    ) from refused
                continue
            if account is not None:
                self._proved = way
                self._ways = self._ways[self._ways.index(way) :]
                return account
            if way == self._proved:
                return None
        return None

    def _by_id(self, own: str) -> dict[str, Any] | None:
        """GET account/{id}. Raises Refused, and gives None where there is nothing."""
        try:
            account = self._session.get(f"{self.path}/{own}").resource
        except Refused as refused:
            if refused.status == NOT_FOUND:
                return None
            raise
        shown = account if account is not None and "id" in account else None
        return self._identified(shown) if shown and str(shown["id"]) == own else None

    def _by_condition(self, own: str) -> dict[str, Any] | None:
        """A list with a condition, which may be ignored."""
        page = self.page({"where": f"((id EQ '{own}'))"})
        return page.resources[0] if page.ids == [own] else None

    def _by_list(self, own: str) -> dict[str, Any] | None:
        """All accounts, where nothing else works."""
        return self.everything().resources.get(own)
