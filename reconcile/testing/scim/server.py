"""The stand-in behind HTTP: paging, errors, and all that goes wrong on the way."""

import base64
import itertools
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

from reconcile.testing.scim.quirks import Quirks
from reconcile.testing.scim.store import CAP, Failed, Store
from reconcile.testing.serving import Reply, Request, listening_on, served

LIST: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
TOKEN: Final = "sekret"  # noqa: S105 - of the stand-in, and no secret
CLIENT: Final = f"Basic {base64.b64encode(b'scim:s3cret').decode()}"
_HTML: Final = b"<!doctype html><title>Error</title><h1>Something went wrong</h1>"
WRITES: Final = frozenset({"POST", "PUT", "PATCH", "DELETE"})


class ScimStandIn:
    """A SCIM service in memory; `url` says where it is once it is served."""

    def __init__(self, quirks: Quirks | None = None) -> None:
        """It is empty."""
        self.quirks = quirks or Quirks()
        self.token = TOKEN
        self.store = Store(self.quirks)
        self._stores = {"": self.store}
        self._guard = threading.Lock()
        self.url = ""
        self.url_of_workspaces = ""
        """As `url`, with a place for the name of a workspace: each has users of its own."""
        self.requests: list[str] = []
        """Every request, as method and path."""
        self._numbers = itertools.count(1)
        self._writes = itertools.count(1)
        self._issued = 0

    def fill(self, users: int, groups: int = 0, members: int = 0) -> None:
        """Users u00001 …, and groups g001 … of the first so many of them."""
        for number in range(1, users + 1):
            name = f"u{number:05}"
            self.store.create(
                "Users",
                {
                    "userName": name,
                    "externalId": f"id-{name}",
                    "name": {"givenName": "Given", "familyName": name},
                    "emails": [{"value": f"{name}@example.com", "type": "work", "primary": True}],
                },
            )
        first = [{"value": own} for own in itertools.islice(self.store.of("Users"), members)]
        for number in range(1, groups + 1):
            self.store.create("Groups", {"displayName": f"g{number:03}", "members": first})

    def answer(
        self, method: str, target: str, token: str, body: Any
    ) -> tuple[int, bytes, dict[str, str]]:
        """Status, body and headers for a request. Raises ConnectionError for a lost answer.

        `GET /requests` lists those before it.
        """
        if target == "/requests":
            return 200, msgspec.json.encode(self.requests), {}
        if target == "/oauth/token":
            return self._new_token(token)
        number = next(self._numbers)
        self.requests.append(f"{method} {target}")
        quirks = self.quirks
        if quirks.delay:
            time.sleep(quirks.delay)
        if (trouble := self._trouble(number, method, token)) is not None:
            return trouble
        try:
            status, shown = self._done(method, target, body)
        except Failed as failed:
            return failed.status, msgspec.json.encode(failed.body), {}
        if method in WRITES:
            self._lose(next(self._writes))
        data = b"" if shown is None else msgspec.json.encode(shown)
        version = shown.get("meta", {}).get("version") if isinstance(shown, dict) else None
        if quirks.cut_off and method == "GET" and data.startswith(b'{"schemas":["' + LIST.encode()):
            data = data[: len(data) // 2]
        return status, data, {"ETag": version} if version else {}

    def _new_token(self, proof: str) -> tuple[int, bytes, dict[str, str]]:
        """A token for the client `scim` with the secret `s3cret`; the one before ends."""
        if proof != CLIENT:
            return 401, b'{"error": "invalid_client"}', {}
        self._issued = next(self._numbers)
        self.token = f"{TOKEN}-{self._issued}"
        body = {"access_token": self.token, "token_type": "Bearer", "expires_in": 3600}
        return 200, msgspec.json.encode(body), {}

    def _trouble(
        self, number: int, method: str, token: str
    ) -> tuple[int, bytes, dict[str, str]] | None:
        """An answer that comes before the request is looked at."""
        quirks = self.quirks
        used = number - self._issued
        dead = quirks.token_dies_after and used > quirks.token_dies_after
        if token != f"Bearer {self.token}" or dead:
            return 401, b"", {}
        if quirks.html_200:
            return 200, _HTML, {}
        if quirks.forbidden and method in WRITES:
            return 403, b'{"detail": "read only"}', {}
        for every, status, data, headers in (
            (quirks.html_500, 500, _HTML, {}),
            (quirks.too_many, 429, b"", {"Retry-After": quirks.retry_after}),
            (quirks.unavailable, 503, b"", {"Retry-After": quirks.retry_after}),
        ):
            if every and number % every == 0:
                return status, data, headers
        return None

    def _lose(self, number: int) -> None:
        quirks = self.quirks
        if quirks.done_and_500 and number % quirks.done_and_500 == 0:
            raise Failed(500, "", "it broke after it was done")
        if quirks.lost_answers and number % quirks.lost_answers == 0:
            raise ConnectionError("the answer is lost")

    def _done(self, method: str, target: str, body: Any) -> tuple[int, Any]:
        parts = urlsplit(target)
        workspace, _, path = parts.path.partition("/scim/v2/")
        endpoint, _, own = path.partition("/")
        own = unquote(own)
        store = self._of(workspace)
        if method == "GET":
            query = {name: values[0] for name, values in parse_qs(parts.query, True).items()}
            return 200, self._read(store, endpoint, own, query)
        return self._written(store, method, endpoint, own, body)

    def _of(self, workspace: str) -> Store:
        with self._guard:
            if workspace not in self._stores:
                self._stores[workspace] = Store(self.quirks)
                self._stores[workspace].refused = self.store.refused
            return self._stores[workspace]

    def _read(self, store: Store, endpoint: str, own: str, query: dict[str, str]) -> Any:
        if endpoint in _DISCOVERY:
            return _DISCOVERY[endpoint]
        with store.lock:
            if own:
                return store.shown(endpoint, store.get(endpoint, own))
            return self._list(store, endpoint, query)

    def _written(
        self, store: Store, method: str, endpoint: str, own: str, body: Any
    ) -> tuple[int, Any]:
        if method == "PATCH" and self.quirks.no_patch:
            raise Failed(501, "", "there is no PATCH")
        if method == "POST":
            return 201, store.create(endpoint, body)
        if method == "DELETE":
            store.delete(endpoint, own)
            return 204, None
        if method == "PUT":
            return 200, store.replace(endpoint, own, body)
        shown = store.patch(endpoint, own, body)
        return (200, shown) if self.quirks.patch_answers else (204, None)

    def _list(self, store: Store, endpoint: str, query: dict[str, str]) -> dict[str, Any]:
        quirks = self.quirks
        if quirks.no_paging and "count" in query:
            raise Failed(500, "", "count")
        found = store.filtered(endpoint, query.get("filter", ""))
        if quirks.lists_nothing:
            found = []
        total = len(found)
        count = min(int(query.get("count", CAP)), quirks.largest_page or CAP)
        start = max(1, int(query.get("startIndex", 1)))
        if quirks.cursor:
            start = int(query.get("cursor") or 1)
        page = self._page(found, start, count)
        answer: dict[str, Any] = {
            "schemas": [LIST],
            "totalResults": total,
            "startIndex": start,
            "itemsPerPage": len(page),
            "Resources": [store.shown(endpoint, one, listed=True) for one in page],
        }
        if quirks.total_moves:
            answer["totalResults"] += next(self._numbers)
        if quirks.cursor and start + count <= total:
            answer["nextCursor"] = str(start + count)
        if quirks.cursor or quirks.no_total:
            del answer["totalResults"]
        return answer

    def _page(self, found: list[Any], start: int, count: int) -> list[Any]:
        quirks = self.quirks
        if quirks.ignores_paging:
            return found[: quirks.ignores_paging]
        if quirks.first_page_again and start > len(found):
            return found[:count]
        if quirks.pages_overlap and start > 1:
            start -= 1
        return found[start - 1 : start - 1 + count]


_DISCOVERY: Final[dict[str, Any]] = {
    "ServiceProviderConfig": {
        "patch": {"supported": True},
        "bulk": {"supported": False},
        "filter": {"supported": True, "maxResults": 1000},
        "etag": {"supported": True},
    },
    "ResourceTypes": {
        "totalResults": 2,
        "Resources": [
            {"name": "User", "endpoint": "/Users"},
            {"name": "Group", "endpoint": "/Groups"},
        ],
    },
    "Schemas": {"totalResults": 0, "Resources": []},
}


def listening(service: ScimStandIn, port: int = 0) -> ThreadingHTTPServer:
    """A server for the service, on the loopback interface; the caller makes it serve."""

    def respond(request: Request) -> Reply:
        body = msgspec.json.decode(request.body) if request.body[:1] == b"{" else None
        token = request.headers.get("Authorization", "")
        media = "application/scim+json"
        try:
            status, data, headers = service.answer(request.method, request.target, token, body)
        except Failed as failed:
            return Reply(failed.status, msgspec.json.encode(failed.body), {}, media)
        return Reply(status, data, headers, media)

    server = listening_on(respond, port)
    service.url = f"http://127.0.0.1:{server.server_port}/scim/v2"
    service.url_of_workspaces = service.url.replace("/scim/v2", "/{workspace}/scim/v2")
    return server


@contextmanager
def scim_service(quirks: Quirks | None = None) -> Iterator[ScimStandIn]:
    """The service, served by threads of this process until the block ends."""
    service = ScimStandIn(quirks)
    with served(listening(service)):
        yield service
