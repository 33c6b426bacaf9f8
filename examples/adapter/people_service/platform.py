"""A platform of type `people_service`: users, groups and departments of a small REST service.

    platform:
      type: people_service
      address: http://127.0.0.1:8099

This is all that the author of an adapter writes: one method for each call of the service, and what
its answers mean. Ids and names, order, swaps of names, retries, history, undo and locks are
reconcile's.
"""

import json
from collections.abc import Iterable, Sequence
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote
from urllib.request import Request, urlopen

from reconcile.errors import PlatformUnreadable
from reconcile.model.desired import Platform as Settings
from reconcile.model.platform import Abilities, Contents, LinkKind, ObjectKind, Pair, Row
from reconcile.ports import Check, Fault, Progress, Rejected, Unclear, no_progress

OBJECTS: tuple[ObjectKind, ...] = ("user", "group", "department")
LINKS: tuple[LinkKind, ...] = ("membership", "grant", "nesting")


class PeopleService:
    """See `reconcile.ports.Platform` for what each method promises."""

    abilities = Abilities(any_role=True, nested_groups=True, links_per_call=100, concurrency=4)

    def __init__(self, settings: Settings, progress: Progress = no_progress) -> None:
        self._address = str(settings.options["address"]).rstrip("/")

    @staticmethod
    def problems(settings: Settings) -> Iterable[Fault]:
        if not str(settings.options.get("address", "")).startswith(("http://", "https://")):
            yield ("address",), "is missing: it names the service, as in http://127.0.0.1:8099"
        for option in settings.options.keys() - {"address"}:
            yield (option,), "is not a setting of a platform of type people_service"

    def read(self, workspace: str) -> Contents:
        answer = self._call("GET", workspace)
        links = {kind: {(one, other) for one, other in answer[kind]} for kind in LINKS}
        return Contents({kind: answer[kind] for kind in OBJECTS}, links, answer["roles"])

    def create(self, workspace: str, kind: ObjectKind, fields: Row) -> str:
        return str(self._call("POST", f"{workspace}/{kind}", fields)["id"])

    def update(self, workspace: str, kind: ObjectKind, object_id: str, fields: Row) -> None:
        self._call("PATCH", f"{workspace}/{kind}/{object_id}", fields)

    def delete(self, workspace: str, kind: ObjectKind, object_id: str) -> None:
        self._call("DELETE", f"{workspace}/{kind}/{object_id}")

    def link(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        self._call("POST", f"{workspace}/{kind}", pairs)

    def unlink(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        self._call("DELETE", f"{workspace}/{kind}", pairs)

    def check(self) -> Iterable[Check]:
        try:
            self._call("GET", "")
        except PlatformUnreadable as error:
            yield Check("platform", False, str(error))
        else:
            yield Check("platform", True, f"the service at {self._address} answers")

    def close(self) -> None:
        """Every call has a connection of its own."""

    def _call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        request = Request(f"{self._address}/{quote(path)}", data, method=method)
        try:
            with urlopen(request, timeout=30) as answer:
                return json.load(answer)
        except HTTPError as error:
            said = error.read().decode(errors="replace")
            if error.code < 500:
                raise Rejected(said) from error
            raise self._failed(method, f"it answered {error.code}: {said}") from error
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error) if isinstance(error, URLError) else error
            raise self._failed(method, str(reason)) from error

    def _failed(self, method: str, why: str) -> Exception:
        text = f"the service at {self._address} cannot be used: {why}"
        return PlatformUnreadable(text) if method == "GET" else Unclear(text)
