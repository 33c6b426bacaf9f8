"""The stand-in behind HTTP: tokens, lists, errors, and all that goes wrong on the way."""

import itertools
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

import msgspec

from reconcile.testing.serving import Reply, Request, listening_on, served
from reconcile.testing.vmmanager.store import Failed, Store
from reconcile.testing.vmmanager.unknowns import Unknowns

EMAIL: Final = "reconcile@vm.example"
PASSWORD: Final = "s3cret"  # noqa: S105 - of the stand-in, and no secret
TOKENS: Final = "/auth/v4/public/token"
_HTML: Final = b"<!doctype html><title>Error</title><h1>Something went wrong</h1>"
_ALL: Final = 1_000_000


class VmManagerStandIn:
    """VMmanager in memory; `url` says where it is once it is served.

    It has one account from the start: the one that reconcile uses.
    """

    def __init__(self, unknowns: Unknowns | None = None) -> None:
        """It has no other account."""
        self.unknowns = unknowns or Unknowns()
        self.email, self.password = EMAIL, PASSWORD
        self.store = self._new_store()
        self._stores = {"": self.store}
        self._guard = threading.Lock()
        self.url = self.url_of_workspaces = ""
        self.requests: list[str] = []
        """Every request, as method and path."""
        self.tokens_given = 0
        self._tokens: dict[str, int] = {}
        """Token → the number of the request that it was given at."""
        self._numbers = itertools.count(1)
        self._writes = itertools.count(1)

    def _new_store(self) -> Store:
        """Accounts with the one that every installation has."""
        store = Store(self.unknowns)
        store.add(EMAIL, "@admin", email=EMAIL)
        return store

    def fill(self, users: int) -> None:
        """Makes accounts, from u00001@example.com on."""
        for number in range(1, users + 1):
            self.store.add(f"u{number:05}@example.com")

    def respond(self, request: Request) -> Reply:
        """Answers a request. Raises ConnectionError for a lost answer.

        `GET /requests` lists those before it, `GET /accounts` shows all accounts as they are.
        """
        if request.target == "/requests":
            return Reply(200, msgspec.json.encode(self.requests))
        if request.target == "/accounts":
            return Reply(200, msgspec.json.encode(list(self.store.accounts.values())))
        number = next(self._numbers)
        self.requests.append(f"{request.method} {request.target}")
        if self.unknowns.delay:
            time.sleep(self.unknowns.delay)
        try:
            self._fail(number)
            return self._answer(number, request)
        except Failed as failed:
            return self._error(failed)
        except _Page as page:
            return Reply(page.status, _HTML, self._wait())

    def _wait(self) -> dict[str, str]:
        return {"Retry-After": self.unknowns.retry_after} if self.unknowns.retry_after else {}

    def _error(self, failed: Failed) -> Reply:
        error: Any = {"code": failed.code, "msg": str(failed), "value": {}}
        body = {"error": str(failed) if self.unknowns.bare_errors else error}
        waits = failed.status in (429, 503)
        return Reply(failed.status, msgspec.json.encode(body), self._wait() if waits else {})

    def _fail(self, number: int) -> None:
        """Raises for an answer that comes before the request is looked at."""
        unknowns = self.unknowns
        if unknowns.html_200:
            raise _Page(200)
        if unknowns.too_many and number % unknowns.too_many == 0:
            raise Failed(429, 429, "too many requests")
        if unknowns.unavailable and number % unknowns.unavailable == 0:
            if unknowns.html_503:
                raise _Page(503)
            raise Failed(503, 503, "the service is suspended")

    def _answer(self, number: int, request: Request) -> Reply:
        parts = urlsplit(request.target)
        workspace, path = _workspace(parts.path)
        body = msgspec.json.decode(request.body) if request.body[:1] == b"{" else {}
        if path == TOKENS:
            return self._new_token(number, body)
        self._check_token(number, request.headers.get("x-xsrf-token", ""))
        store = self._of(workspace)
        if request.method == "GET":
            query = {name: values[0] for name, values in parse_qs(parts.query, True).items()}
            return self._read(store, path, query)
        if self.unknowns.read_only:
            raise Failed(403, 3003, "access denied")
        status, shown = self._written(store, request.method, path, body)
        written = next(self._writes)
        if self.unknowns.lost_answers and written % self.unknowns.lost_answers == 0:
            raise ConnectionError("the answer is lost")
        return Reply(status, msgspec.json.encode(shown))

    def _of(self, workspace: str) -> Store:
        """The accounts of a workspace: each is an installation of its own."""
        with self._guard:
            if workspace not in self._stores:
                self._stores[workspace] = self._new_store()
                self._stores[workspace].refused = self.store.refused
            return self._stores[workspace]

    def _new_token(self, number: int, body: Mapping[str, Any]) -> Reply:
        if (body.get("email"), body.get("password")) != (self.email, self.password):
            raise Failed(self.unknowns.not_authorised, 3004, "wrong email or password")
        with self._guard:
            self.tokens_given += 1
            token = f"token-{self.tokens_given}"
            self._tokens[token] = number
        shown = {
            "id": str(self.tokens_given),
            "token": token,
            "expires_at": "2026-01-01 00:00:00",
            "confirmed": self.unknowns.confirmed,
        }
        return Reply(self.unknowns.token_status, msgspec.json.encode(shown))

    def _check_token(self, number: int, token: str) -> None:
        since, lasts = self._tokens.get(token), self.unknowns.token_dies_after
        if since is None or (lasts and number - since > lasts):
            raise Failed(self.unknowns.not_authorised, 3001, "not authorized")

    def _read(self, store: Store, path: str, query: Mapping[str, str]) -> Reply:
        if path == "/vm/v3/account":
            data = msgspec.json.encode(self._list(store, query))
            return Reply(200, data[: len(data) // 2] if self.unknowns.cut_off else data)
        base, _, own = path.rpartition("/")
        if base != "/vm/v3/account" or self.unknowns.single != "account":
            raise Failed(404, 1004, f"there is nothing at {path}")
        return Reply(200, msgspec.json.encode(store.shown(store.get(own))))

    def _list(self, store: Store, query: Mapping[str, str]) -> dict[str, Any]:
        unknowns = self.unknowns
        for name, refuses in (
            ("limit", unknowns.refuses_limit),
            ("orderby", unknowns.refuses_orderby),
        ):
            if refuses and name in query:
                raise Failed(unknowns.refused, 2006, f"unknown parameter {name}")
        every = [] if unknowns.lists_nothing else store.matching(query.get("where", ""))
        page = every if unknowns.ignores_limit else self._page(every, query.get("limit", ""))
        answer: dict[str, Any] = {"list": page, "last_notify": next(self._numbers)}
        size = {"total": len(every), "page": len(page)}.get(unknowns.size)
        if size is not None:
            answer["size"] = size + (len(self.requests) if unknowns.size_moves else 0)
        return answer

    def _page(self, every: list[Any], limit: str) -> list[Any]:
        offset, _, count = limit.partition(",")
        start = int(offset or 0)
        most = min(int(count or _ALL), self.unknowns.largest_page or _ALL)
        if self.unknowns.first_page_again and start >= len(every):
            start = 0
        if self.unknowns.pages_overlap and start:
            start -= 1
        return every[start : start + most]

    def _written(
        self, store: Store, method: str, path: str, body: Mapping[str, Any]
    ) -> tuple[int, Any]:
        if (method, path) == ("POST", "/vm/v3/account"):
            own = store.create(body)["id"]
            return 201, {} if self.unknowns.create_without_id else {"id": own}
        if method == "POST" and path.startswith("/auth/v4/ldap/"):
            return 200, {"renamed": store.migrate("example.com")}
        own, _, action = path.removeprefix("/vm/v3/user/").partition("/")
        if not path.startswith("/vm/v3/user/") or action not in ("", "suspend", "resume"):
            raise Failed(404, 1004, f"there is nothing at {path}")
        if method == "DELETE":
            store.delete(own)
        elif action:
            store.suspend(own, active=action == "resume")
        else:
            store.change(own, body)
        return 200, {"id": int(own)}


class _Page(Exception):
    """The answer is a page of HTML."""

    def __init__(self, status: int) -> None:
        self.status = status
        super().__init__(status)


def _workspace(path: str) -> tuple[str, str]:
    """What is before the name of the service, and the rest."""
    for service in ("/auth/", "/vm/"):
        workspace, found, rest = path.partition(service)
        if found:
            return workspace, f"{found}{rest}"
    return "", path


def listening(service: VmManagerStandIn, port: int = 0) -> ThreadingHTTPServer:
    """A server for the service, on the loopback interface; the caller makes it serve."""
    server = listening_on(service.respond, port)
    service.url = f"http://127.0.0.1:{server.server_port}"
    service.url_of_workspaces = f"{service.url}/{{workspace}}"
    return server


@contextmanager
def vmmanager_service(unknowns: Unknowns | None = None) -> Iterator[VmManagerStandIn]:
    """The service, served by threads of this process until the block ends."""
    service = VmManagerStandIn(unknowns)
    with served(listening(service)):
        yield service
