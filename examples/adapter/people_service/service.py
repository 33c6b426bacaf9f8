"""The service itself: users, groups and departments of workspaces in memory, by REST and JSON.

    python -m people_service.service --port 8099

It stands for any application behind a network: ids of its own, unique names, every call kept at
once. A GET of a workspace gives everything; objects are POSTed, PATCHed and DELETEd one by one,
links in lists. `PUT /refuse/NAME` makes it refuse users of this name, as an application does that has
no licence left.
"""

import argparse
import itertools
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

OBJECTS = {"user": "username", "group": "name", "department": "title"}
LINKS = ("membership", "grant", "nesting")


class Refused(Exception):
    """The request cannot be done; the text says why."""


class Store:
    """All workspaces."""

    def __init__(self) -> None:
        self._workspaces: dict[str, dict[str, Any]] = {}
        self._refused: set[str] = set()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def handle(self, method: str, path: str, body: Any) -> Any:
        """One request; the answer as JSON. Raises Refused."""
        name, kind, one = [*path.strip("/").split("/"), "", ""][:3]
        with self._lock:
            if method == "PUT" and name == "refuse":
                self._refused.add(kind)
                return {}
            empty = {**{kind: {} for kind in OBJECTS}, **{kind: [] for kind in LINKS}, "roles": []}
            workspace = self._workspaces.setdefault(name, empty) if name else empty
            if method == "GET":
                return workspace
            if kind in LINKS:
                return self._links(workspace, method, kind, [tuple(pair) for pair in body])
            if kind not in OBJECTS:
                raise Refused(f"there is no kind {kind!r}")
            if method == "DELETE":
                return self._delete(workspace, kind, one)
            return self._write(workspace, kind, one, body)

    def _write(self, workspace: dict[str, Any], kind: str, one: str, fields: Any) -> Any:
        objects = workspace[kind]
        if one and one not in objects:
            raise Refused(f"there is no {kind} {one}")
        old = objects.get(one, {})
        attributes = {**old.get("attributes", {}), **(fields.get("attributes") or {})}
        kept = {name: value for name, value in attributes.items() if value is not None}
        new = {**old, **fields, **({"attributes": kept} if kind == "user" else {})}
        if new.get("username") in self._refused:
            raise Refused("the application says no")
        for other, row in objects.items():
            if other != one and _key(kind, row) == _key(kind, new):
                raise Refused(f"another {kind} has this {OBJECTS[kind]}")
        made = one or f"{kind[0]}-{next(self._numbers)}"
        objects[made] = new
        return {"id": made}

    def _delete(self, workspace: dict[str, Any], kind: str, one: str) -> Any:
        if any(row.get("parent") == one for row in workspace["department"].values()):
            raise Refused("it still has departments below it")
        workspace[kind].pop(one, None)
        for link in LINKS:
            workspace[link] = [pair for pair in workspace[link] if one not in pair]
        for row in workspace["user"].values():
            for field in ("manager", "department"):
                if row.get(field) == one:
                    row[field] = ""
        return {}

    def _links(self, workspace: dict[str, Any], method: str, kind: str, pairs: Any) -> Any:
        if method == "DELETE":
            workspace[kind] = [pair for pair in workspace[kind] if pair not in pairs]
            return {}
        for member, holder in pairs:
            if member not in workspace["group" if kind == "nesting" else "user"]:
                raise Refused(f"there is no {member}")
            if kind != "grant" and holder not in workspace["group"]:
                raise Refused(f"there is no group {holder}")
        workspace[kind] += [pair for pair in pairs if pair not in workspace[kind]]
        if kind == "grant":
            workspace["roles"] = sorted({*workspace["roles"], *(role for _, role in pairs)})
        return {}


def _key(kind: str, row: dict[str, Any]) -> tuple[str, str]:
    if kind == "department":
        return row.get("parent", ""), row["title"]
    return "", row[OBJECTS[kind]].lower()


class Handler(BaseHTTPRequestHandler):
    """Requests to the store of the server."""

    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = json.loads(self.rfile.read(length)) if length else None
        try:
            status, answer = 200, self.server.store.handle(self.command, unquote(self.path), body)  # type: ignore[attr-defined]
        except Refused as refused:
            status, answer = 409, str(refused)
        data = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _answer

    def log_message(self, *_: object) -> None:
        """Silent."""


def main() -> None:
    """Serves until the process is ended; the first line says where."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=8099, help="0 for any that is free")
    server = ThreadingHTTPServer(("127.0.0.1", parser.parse_args().port), Handler)
    server.store = Store()  # type: ignore[attr-defined]
    print(f"http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
