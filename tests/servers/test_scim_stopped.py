"""2,000 users, and the service stops in the middle: the report is right, and the next run ends right.

The service comes back on the same address with what it had. Whatever the report says was applied is
there; what failed is not; nobody is there twice; and in the end it is as if nothing had happened.
"""

import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from reconcile.applying import apply
from reconcile.model import desired
from reconcile.model.change import Change, Digests, Plan, Scope
from reconcile.model.report import Report
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.http import session as http
from reconcile.platforms.scim.platform import ScimPlatform
from reconcile.testing import change, group, ledger, member, user
from reconcile.testing.builders import CORP, view
from reconcile.testing.scim import ScimStandIn
from reconcile.testing.scim.server import listening
from tests.contract.platforms import HERE, Text

pytestmark = pytest.mark.server
PEOPLE = [f"u{number:04}" for number in range(2000)]


class Service:
    """The stand-in, which can be stopped and started again on the same port."""

    def __init__(self) -> None:
        self.stand_in = ScimStandIn()
        self.port = 0
        self._server: Any = None
        self._stop_at = 0
        self._stopping = False
        genuine = self.stand_in.answer

        def answer(*arguments: Any) -> Any:
            if self._stopping:
                raise ConnectionError
            result = genuine(*arguments)
            if self._stop_at and len(self.stand_in.requests) >= self._stop_at:
                self._stop_at = 0
                self._stopping = True
                threading.Thread(target=self.stop).start()
            return result

        self.stand_in.answer = answer  # type: ignore[method-assign] # counts what comes

    def start(self) -> None:
        self._stopping = False
        self._server = listening(self.stand_in, self.port)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop_after(self, requests: int) -> None:
        """Stops once so many more requests have come, in the middle of what is under way."""
        self._stop_at = len(self.stand_in.requests) + requests

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running(folder: Path) -> Iterator[tuple[Service, DrivenPlatform]]:
    service = Service()
    service.start()
    options = {"auth": {"bearer": Text(service.stand_in.token)}}
    settings = desired.Platform("scim", Text(service.stand_in.url), options=options)
    folder.mkdir()
    with closing(DrivenPlatform(ScimPlatform(settings), ledger(folder))) as platform:
        yield service, platform
    service.stop()


def carried_out(platform: DrivenPlatform, changes: list[Change]) -> Report:
    plan = Plan("1", "now", (), (), Scope(), Digests("", {}, {}), tuple(changes))
    return apply(plan, platform, HERE)


def left(changes: list[Change], seen: dict[str, Any]) -> list[Change]:
    """What a next plan would find to do."""
    return [one for one in changes if not is_so(one, seen)]


def is_so(one: Change, seen: dict[str, Any]) -> bool:
    after = one.after or {}
    if one.kind == "membership":
        return (after["user"], after["group"]) in seen["memberships"]
    if one.kind == "group":
        return one.key in seen["groups"]
    if one.kind == "source":
        return one.key in seen["sources"]
    found = seen["users"].get(after.get("username", one.key), {})
    return bool(found) and found.get("email") == after.get("email", found.get("email"))


HIRED: list[Change] = [
    CORP,
    *(group(f"g{number}") for number in range(10)),
    *(
        user(name, source="corp", external_id=f"id-{name}", email=f"{name}@example.com")
        for name in PEOPLE
    ),
    *(member(name, f"g{at % 10}") for at, name in enumerate(PEOPLE)),
]
MOVED: list[Change] = [
    change(
        "user", "update", name, {"email": f"{name}@example.net"}, {"email": f"{name}@example.com"}
    )
    for name in PEOPLE
]


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the platform shows where nothing went wrong."""
    with running(tmp_path_factory.mktemp("stopped") / "calm") as (_, calm):
        carried_out(calm, HIRED)
        return view(calm.read("main"))


@pytest.mark.parametrize("requests", [5, 700, 2020])
def test_the_service_stops_while_people_are_hired(
    requests: int, undisturbed: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "PAUSE", 0.001)
    with running(tmp_path / "stopped") as (service, platform):
        service.stop_after(requests)
        report = carried_out(platform, HIRED)
        assert {one.result for one in report.outcomes} > {"applied"}
        service.start()
        seen = view(platform.read("main"))
        for one in report.outcomes:
            if one.result == "applied":
                assert is_so(one.change, seen), one
            elif one.result == "failed":
                assert not is_so(one.change, seen), one
        report = carried_out(platform, left(HIRED, seen))
        assert {one.result for one in report.outcomes} == {"applied"}
        assert view(platform.read("main")) == undisturbed
        names = [one["userName"] for one in service.stand_in.store.of("Users").values()]
        assert sorted(names) == PEOPLE


def test_the_service_stops_while_people_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "PAUSE", 0.001)
    with running(tmp_path / "stopped") as (service, platform):
        carried_out(platform, HIRED)
        service.stop_after(900)
        report = carried_out(platform, MOVED)
        assert report.count("applied") > 500
        service.start()
        seen = view(platform.read("main"))
        for one in report.outcomes:
            if one.result in ("applied", "failed"):
                assert is_so(one.change, seen) == (one.result == "applied"), one
        report = carried_out(platform, left(MOVED, seen))
        assert {one.result for one in report.outcomes} == {"applied"}
        assert left(MOVED, view(platform.read("main"))) == []
