"""What fails alone, and what keeps runs and workspaces apart."""

import pytest

from reconcile.errors import Locked
from reconcile.model.change import Change
from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import (
    HOLDER,
    Case,
    change,
    department,
    grant,
    group,
    is_empty,
    member,
    ok,
    user,
    users,
    view,
    write,
)


def test_a_failing_change_is_isolated(case: Case) -> None:
    case.hinder("bad")
    reasons = write(
        case.platform,
        [user("a"), user("bad"), user("c"), user("d", manager="bad"), user("e", manager="d")],
    )
    assert reasons[:3] == ["", "the application says no", ""]
    assert "bad" in reasons[3]
    assert "d" in reasons[4]
    assert set(users(case.platform)) == {"a", "c"}


def test_what_is_not_there_is_a_failure(platform: ManagedPlatform) -> None:
    ok(platform, user("anna"), group("staff"))
    missing: list[Change] = [
        change("source", "update", "corp", {"note": "x"}),
        change("department", "update", "Sales", {"title": "x"}),
        change("department", "delete", "Sales"),
        department("North", "Sales"),
        change("group", "update", "x", {"name": "y"}),
        change("group", "delete", "x"),
        change("user", "update", "x", {"email": "y"}),
        change("user", "update", "anna", {"department": "Sales"}),
        change("user", "update", "anna", {"manager": "x"}),
        change("user", "delete", "x"),
        user("x", source="corp"),
        user("x", department="Sales"),
        user("x", manager="y"),
        grant("x", "operator"),
        member("x", "staff"),
        member("anna", "x"),
        change(
            "grant",
            "delete",
            "anna/operator",
            None,
            {"user": "anna", "role": "operator", "origin": None},
        ),
        change("grant", "update", "anna/operator", {"origin": "corp"}),
        change(
            "membership",
            "delete",
            "anna/staff",
            None,
            {"user": "anna", "group": "staff", "origin": None},
        ),
    ]
    before = platform.read("main")
    for lone in missing:
        (reason,) = write(platform, lone)
        assert "does not exist" in reason, lone
    assert view(platform.read("main")) == view(before)


def test_no_changes_are_no_work(platform: ManagedPlatform) -> None:
    with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
        assert is_empty(writer.read(), platform)
        assert list(writer.write([])) == []
    assert is_empty(platform.read("main"), platform)


def test_the_writer_reads_what_it_wrote(platform: ManagedPlatform) -> None:
    with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
        writer.read()
        writer.write([user("anna")])
        assert [account.username for account in writer.read().users] == ["anna"]


def test_workspaces_are_apart(platform: ManagedPlatform) -> None:
    ok(platform, user("anna"), workspace="main")
    if platform.abilities.one_workspace:
        assert [each.username for each in platform.read("other").users] == ["anna"]
        return
    ok(platform, user("anna"), group("staff"), workspace="other")
    assert platform.read("main").groups == ()
    assert [account.username for account in platform.read("other").users] == ["anna"]
    third = platform.read("third")
    assert third.workspace == "third"
    assert is_empty(third, platform)


def test_one_run_at_a_time(platform: ManagedPlatform) -> None:
    with platform.lock(["main", "other"], HOLDER):
        for wanted in (["main"], ["third", "other"]):
            with (
                pytest.raises(Locked, match=r"anna.*here.*2026-03-01T08:00:00Z"),
                platform.lock(wanted, HOLDER),
            ):
                pass
            with pytest.raises(Locked), platform.lock(wanted, HOLDER, force=True):
                pass
        assert platform.read("main").users == ()
    with platform.lock(["main"], HOLDER), platform.lock(["other"], HOLDER):
        pass


def test_without_the_lock_nothing_is_written(platform: ManagedPlatform) -> None:
    with pytest.raises(RuntimeError, match="without lock"), platform.transaction("main"):
        pass
    with platform.lock(["main"], HOLDER):
        with pytest.raises(RuntimeError, match="without lock"), platform.transaction("other"):
            pass
        with platform.lock(["other"], HOLDER), platform.transaction("other"):
            pass
        with platform.transaction("main"):
            pass


def test_closing_twice_is_fine(platform: ManagedPlatform) -> None:
    platform.close()
    platform.close()
