"""Many users, and VMmanager stops in the middle: the report is right, and the next run ends right.

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
from reconcile.model.change import Change, Digests, Plan, Scope
from reconcile.model.report import Report
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.http import session
from reconcile.testing import change, user
from reconcile.testing.builders import CORP, view
from reconcile.testing.serving import Reply, Request
from reconcile.testing.vmmanager import VmManagerStandIn
from reconcile.testing.vmmanager.server import listening
from tests.contract.platforms import HERE
from tests.contract.vmmanager import opened
from tests.effort import sample, size

pytestmark = pytest.mark.server
PEOPLE = [f"u{number:04}@example.com" for number in range(size(200, 2000))]
HIRED: list[Change] = [
    CORP,
    *(
        user(name, source="corp", external_id=f"id-{name}", attributes={"full_name": name})
        for name in PEOPLE
    ),
]
BLOCKED: list[Change] = [
    change(
        "user",
        "block",
        name,
        {"status": "blocked", "status_origin": "corp", "status_cause": "missing"},
        {"status": "active", "status_origin": None, "status_cause": None},
    )
    for name in PEOPLE
]


class Service:
    """The stand-in, which stops in the middle of what is under way, and starts again on its port."""

    def __init__(self) -> None:
        self.stand_in = VmManagerStandIn()
        self.port = 0
        self._server: Any = None
        self._stop_at = 0
        self._stopping = False
        self._genuine = self.stand_in.respond
        self.stand_in.respond = self._respond  # type: ignore[method-assign] # counts what comes

    def _respond(self, request: Request) -> Reply:
        if self._stopping:
            raise ConnectionError
        reply = self._genuine(request)
        if self._stop_at and len(self.stand_in.requests) >= self._stop_at:
            self._stop_at, self._stopping = 0, True
            threading.Thread(target=self.stop).start()
        return reply

    def start(self) -> None:
        self._stopping = False
        self._server = listening(self.stand_in, self.port)
        self.port = self._server.server_port
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop_after(self, requests: int) -> None:
        self._stop_at = len(self.stand_in.requests) + requests

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def running(folder: Path) -> Iterator[tuple[Service, DrivenPlatform]]:
    service = Service()
    service.start()
    folder.mkdir()
    with closing(opened(service.stand_in, folder)) as platform:
        yield service, platform
    service.stop()


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PAUSE", 0.001)


def carried_out(platform: DrivenPlatform, changes: list[Change]) -> Report:
    return apply(
        Plan("1", "now", (), (), Scope(), Digests("", {}, {}), tuple(changes)), platform, HERE
    )


def is_so(one: Change, seen: dict[str, Any]) -> bool:
    if one.kind == "source":
        return one.key in seen["sources"]
    found = seen["users"].get(one.key)
    # A profile may be missing after the service stopped; the next plan shows that.
    wanted = {
        name: value
        for name, value in (one.after or {}).items()
        if name not in ("username", "attributes")
    }
    return found is not None and all(found.get(name) == value for name, value in wanted.items())


@pytest.mark.parametrize("part", sample([0.5], [0.01, 0.99]))
@pytest.mark.parametrize("what", ["hired", "blocked"])
def test_the_service_stops_in_the_middle(what: str, part: float, tmp_path: Path) -> None:
    changes = HIRED if what == "hired" else BLOCKED
    with running(tmp_path / "stopped") as (service, platform):
        if what == "blocked":
            carried_out(platform, HIRED)
        # Each change is two requests, a creation with a profile three.
        service.stop_after(int(len(PEOPLE) * (3 if what == "hired" else 2) * part) + 3)
        report = carried_out(platform, changes)
        results = {one.result for one in report.outcomes}
        assert results > {"applied"}, results
        service.start()
        seen = view(platform.read("main"))
        for one in report.outcomes:
            if one.result in ("applied", "failed"):
                assert is_so(one.change, seen) == (one.result == "applied"), one
        left = [one for one in changes if not is_so(one, seen)]
        assert 0 < len(left) < len(changes)
        report = carried_out(platform, left)
        assert {one.result for one in report.outcomes} == {"applied"}
        seen = view(platform.read("main"))
        assert all(is_so(one, seen) for one in changes)
        logins = [one["login"] for one in service.stand_in.store.accounts.values()]
        assert sorted(logins) == sorted([service.stand_in.email, *PEOPLE])
        stopped = service.stand_in.store.machines_stopped
        assert sorted(set(stopped)) == (PEOPLE if what == "blocked" else [])
