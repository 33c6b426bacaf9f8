"""The driver over an application that keeps every call at once: nothing is lost, nothing is done twice.

A small company goes through a month of changes: everybody comes, names go round in a circle,
people move, leave and are erased. The application breaks off at every single call, before and after
it is made: by not answering, by refusing, by a process that dies. The next run ends as an
undisturbed one would, and report, history and ledger say what the application has.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconcile.applying import apply
from reconcile.errors import PlatformUnreadable
from reconcile.model.change import Change, Digests, Plan, Scope
from reconcile.model.platform import Abilities
from reconcile.model.report import Report
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.memory.application import MemoryApplication
from reconcile.ports import Unclear
from reconcile.testing.builders import (
    CORP,
    ERASED,
    change,
    department,
    grant,
    group,
    member,
    nested,
    user,
    view,
)
from reconcile.testing.driven import driven
from tests.contract.platforms import HERE

LIMITS = Abilities(any_role=True, nested_groups=True, links_per_call=2, concurrency=1)
MANY = Abilities(any_role=True, nested_groups=True, links_per_call=2, concurrency=4)


NO_IDS = {"user": frozenset({"username", "first_name", "email", "status"})}
"""The fields of a platform that keeps no external ids."""


class Died(BaseException):
    """The process is killed."""


def mine(name: str, **fields: Any) -> Change:
    return user(name, source="corp", external_id=f"id-{name}", dn=f"uid={name}", **fields)


FIRST: tuple[Change, ...] = (
    CORP,
    department("Sales", source="corp", external_id="d1"),
    department("East", "Sales", source="corp", external_id="d2"),
    group("staff", source="corp", external_id="g1"),
    group("inner", groups={"staff": "corp"}, source="corp", external_id="g2"),
    mine("ann", manager="bob", department="Sales/East", attributes={"phone": "1"}),
    mine("bob", manager="ann", status="active"),
    mine("cid", manager="bob"),
    mine("dan"),
    *(grant(name, "operator") for name in ("ann", "bob")),
    *(member(name, "staff") for name in ("ann", "bob", "cid")),
    member("dan", "inner"),
)
SECOND: tuple[Change, ...] = (
    change("department", "update", "Sales", {"title": "Vertrieb"}, {"title": "Sales"}),
    change("group", "update", "staff", {"name": "all"}, {"name": "staff"}),
    nested("inner", {"staff": "corp"}, {"all": None}),
    *(
        change("user", "update", old, {"username": new, "email": f"{new}@x"}, {"username": old})
        for old, new in (("ann", "bob"), ("bob", "cid"), ("cid", "ann"))
    ),
    grant("dan", "guest"),
    change("grant", "delete", "bob/operator", None, {"user": "bob", "role": "operator"}),
    change("membership", "delete", "ann/staff", None, {"user": "ann", "group": "staff"}),
    change(
        "user",
        "block",
        "ann",
        {"status": "blocked", "status_origin": "corp", "status_cause": "missing"},
        {"status": "active", "status_origin": None, "status_cause": None},
    ),
    change("user", "erase", "dan", ERASED, {"username": "dan"}),
)


class House:
    """An application, its ledger, and a platform driven over both."""

    def __init__(self, folder: Path, abilities: Abilities = LIMITS) -> None:
        self.folder = folder
        self.application = MemoryApplication(abilities=abilities)
        self.platform = self.reopened()

    def reopened(self) -> DrivenPlatform:
        """As another process would have it."""
        return driven(self.folder, self.application)

    def apply(self, changes: Sequence[Change]) -> Report:
        digests = Digests("", {}, {})
        plan = Plan("1", "now", (), (), Scope(), digests, tuple(changes))
        return apply(plan, self.platform, HERE)

    def seen(self) -> dict[str, Any]:
        """What planning sees, but for the ids."""
        return view(self.platform.read("main"))

    def calm(self) -> None:
        self.application.before = self.application.after = lambda _call: None


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    with closing(made.platform):
        yield made


def test_everything_is_kept_and_recorded(house: House) -> None:
    report = house.apply(FIRST)
    assert [one for one in report.outcomes if one.result != "applied"] == []
    assert house.seen()["users"]["ann"]["manager"] == "bob"
    assert house.seen()["users"]["bob"]["manager"] == "ann"
    report = house.apply(SECOND)
    assert [
        (one.change.key, one.detail) for one in report.outcomes if one.result != "applied"
    ] == []
    seen = house.seen()
    assert {name: user.get("external_id") for name, user in seen["users"].items()} == {
        "bob": "id-ann",
        "cid": "id-bob",
        "ann": "id-cid",
        "erased-x": None,
    }
    assert seen["users"]["bob"]["status"] == "blocked"
    assert seen["memberships"] == {("cid", "all"): "corp", ("ann", "all"): "corp"}
    runs = house.platform.history.runs("main")
    assert [(run.run.applied, run.run.outcome) for run in runs] == [
        (len(FIRST), "applied"),
        (len(SECOND), "applied"),
    ]


def fuse(number: int, error: Callable[[], BaseException]) -> Callable[[str], None]:
    """A hook that fails at one call; reads are not counted."""
    left = [number]

    def burn(call: str) -> None:
        if call == "read":
            return
        left[0] -= 1
        if left[0] < 0 and left[0] == -1:
            raise error()

    return burn


CALLS = range(24)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", CALLS)
def test_what_is_not_answered_is_looked_up_and_never_repeated(
    house: House, number: int, when: str
) -> None:
    setattr(house.application, when, fuse(number, lambda: Unclear("no answer in 30 s")))
    report = house.apply(FIRST)
    failed = [one for one in report.outcomes if one.result == "failed"]
    if when == "after":
        assert failed == []
    house.calm()
    state = house.seen()
    for one in report.outcomes:
        if one.change.kind == "user":
            assert (one.change.key in state["users"]) == (one.result == "applied"), one
        if one.change.kind == "membership":
            pair = tuple(one.change.key.split("/"))
            assert (pair in state["memberships"]) == (one.result == "applied"), one
    usernames = [row["username"] for row in house.application.read("main").rows["user"].values()]
    assert sorted(usernames) == sorted(set(usernames))


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("number", CALLS)
def test_killed_at_any_call_the_next_run_records_what_was_kept(
    house: House, number: int, when: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(DrivenPlatform, "_settle", lambda *_: None)  # the dead settle nothing
    setattr(house.application, when, fuse(number, Died))
    made = 0
    try:
        house.apply(FIRST)
    except Died:
        made = len(house.application.calls)
    else:
        return  # there are not so many calls
    house.calm()
    house.platform.close()
    house.platform = house.reopened()
    assert house.platform.history.runs("main") == [] or made
    with house.platform.lock(["main"], HERE, force=True), house.platform.transaction("main"):
        pass
    (recorded,) = house.platform.history.runs("main")
    entries = house.platform.history.entries("main", recorded.run.id)
    kept = {(entry.kind, entry.read().key) for entry in entries if entry.result == "applied"}  # type: ignore[union-attr]
    state = house.seen()
    assert {key for kind, key in kept if kind == "user"} == set(state["users"])
    assert {key for kind, key in kept if kind == "group"} == set(state["groups"])
    assert {key for kind, key in kept if kind == "membership"} == {
        "/".join(pair) for pair in state["memberships"]
    }
    assert all(fields.get("source") == "corp" for fields in state["users"].values())
    assert set(state["memberships"].values()) <= {"corp"}


def test_a_platform_that_breaks_off_is_reported_as_it_is(house: House) -> None:
    house.application.before = fuse(8, lambda: PlatformUnreadable("503 from the service"))
    report = house.apply(FIRST)
    applied = {one.change.key for one in report.outcomes if one.result == "applied"}
    house.calm()
    seen = house.seen()
    there = {*seen["sources"], *seen["departments"], *seen["groups"], *seen["users"]}
    there |= {"/".join(pair) for pair in (*seen["memberships"], *seen["grants"])}
    assert applied == there
    assert [trouble.exit_code for trouble in report.troubles] == [7]
    (recorded,) = house.platform.history.runs("main")
    assert recorded.run.applied == len(applied)


def test_what_a_platform_did_before_it_could_not_be_reached_is_ours(house: House) -> None:
    """The block was made, and neither answered nor looked up: it is no person's."""
    house.apply(FIRST)

    def down(_call: str) -> None:
        raise PlatformUnreadable("not reachable")

    def made(_call: str) -> None:
        house.application.before = down
        raise Unclear("no answer")

    house.application.after = made
    blocked = change(
        "user",
        "block",
        "cid",
        {"status": "blocked", "status_origin": "corp", "status_cause": "missing"},
        {"status": "active", "status_origin": None, "status_cause": None},
    )
    report = house.apply([blocked])
    assert [one.result for one in report.outcomes] == ["unknown"]
    house.calm()
    house.platform.close()
    house.platform = house.reopened()
    for _ in range(2):
        cid = house.seen()["users"]["cid"]
        assert (cid["status"], cid["status_origin"], cid["status_cause"]) == (
            "blocked",
            "corp",
            "missing",
        )
        with house.platform.lock(["main"], HERE), house.platform.transaction("main"):
            pass


def test_at_once_as_many_as_the_platform_takes(tmp_path: Path) -> None:
    one, many = House(tmp_path / "one"), House(tmp_path / "many", MANY)
    for made in (one, many):
        made.folder.mkdir()
        with closing(made.platform):
            made.apply(FIRST)
            made.apply(SECOND)
    left, right = one.seen(), many.seen()
    assert left == right


def test_an_account_that_a_person_made_meanwhile_is_not_taken(house: House) -> None:
    """The create was not answered and not made; a person makes an account of the same name."""
    house.application.abilities = msgspec.structs.replace(LIMITS, fields=NO_IDS)
    house.platform = house.reopened()

    def unanswered(call: str) -> None:
        if call == "create user ann":
            house.calm()
            raise Unclear("no answer in 30 s")

    house.application.before = unanswered
    report = house.apply((CORP, mine("ann", first_name="Ann", email="ann@x")))
    assert [one.result for one in report.outcomes] == ["applied", "failed"]
    house.application.create("main", "user", {"username": "ann", "first_name": "Other"})
    house.apply((mine("bob"),))
    assert "source" not in house.seen()["users"]["ann"]


def test_what_a_slow_server_made_later_is_recognised(house: House) -> None:
    house.application.abilities = msgspec.structs.replace(LIMITS, fields=NO_IDS)
    house.platform = house.reopened()
    fields = {"username": "ann", "first_name": "Ann", "email": "ann@x"}

    def slow(call: str) -> None:
        if call == "create user ann":
            house.calm()
            raise Unclear("no answer in 30 s")

    house.application.before = slow
    house.apply((CORP, mine("ann", first_name="Ann", email="ann@x")))
    house.application.create("main", "user", fields)
    house.apply((mine("bob"),))
    assert house.seen()["users"]["ann"]["source"] == "corp"
    assert house.seen()["users"]["ann"]["external_id"] == "id-ann"


@pytest.mark.parametrize("answer", ["", None, 7, "u-1"], ids=repr)
def test_an_id_that_cannot_be_that_of_a_new_object_is_not_believed(
    house: House, answer: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The platform creates the user, and answers with the id of nothing, or of another user."""
    house.application.create("main", "user", {"username": "root", "status": "active"})
    genuine = house.application.create

    def lying(workspace: str, kind: Any, fields: Any) -> Any:
        genuine(workspace, kind, fields)
        return answer

    monkeypatch.setattr(house.application, "create", lying)
    report = house.apply((CORP, mine("ann"), mine("bob")))
    assert {one.result for one in report.outcomes} == {"applied"}
    users = house.seen()["users"]
    assert "source" not in users["root"]
    assert {users[name]["external_id"] for name in ("ann", "bob")} == {"id-ann", "id-bob"}
