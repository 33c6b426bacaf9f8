"""The history over every adapter: what a run leaves behind, its chain, and what an erase takes."""

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from reconcile.applying import GuardRules, apply, judge
from reconcile.model.change import Change, Digests, Fields, Plan, Scope, Violation
from reconcile.model.desired import DesiredState, Safety
from reconcile.model.desired import Platform as PlatformSettings
from reconcile.model.history import Entry, Losses
from reconcile.model.platform import PlatformState
from reconcile.model.report import Report
from reconcile.model.verification import Verification
from reconcile.planning import accepted
from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import (
    CORP,
    ERASED,
    HOLDER,
    Case,
    change,
    department,
    grant,
    group,
    member,
    user,
)


def planned(*changes: Change) -> Plan:
    return Plan("test", "2026-03-01T08:00:00Z", (), (), Scope(), Digests("c" * 64, {}, {}), changes)


def run(platform: ManagedPlatform, *changes: Change, second: int = 0) -> Report:
    holder = HOLDER._replace(started=f"2026-03-01T08:00:{second:02}Z")
    return apply(planned(*changes), platform, holder, clock=lambda: "2026-03-01T09:00:00Z")


def entries(platform: ManagedPlatform, at: int = -1) -> list[Entry]:
    return list(platform.history.entries("main", platform.history.runs("main")[at].run.id))


def faults(platform: ManagedPlatform) -> list[str]:
    checked = Verification()
    matching = [
        checked.take(link, entries_of(platform, link.run.id))
        for link in platform.history.runs("main")
    ]
    assert checked.end(platform.history.last("main")) == ""
    return matching


def entries_of(platform: ManagedPlatform, run: str) -> list[Entry]:
    return list(platform.history.entries("main", run))


def texts(platform: ManagedPlatform) -> str:
    return "".join(
        entry.payload + entry.salt
        for link in platform.history.runs("main")
        for entry in platform.history.entries("main", link.run.id)
    )


def test_before_the_first_run_there_is_none(platform: ManagedPlatform, tmp_path: Path) -> None:
    assert list(platform.history.runs("main")) == []
    assert list(platform.history.entries("main", "x")) == []
    assert list(platform.history.concerning("main", "x")) == []
    assert list(tmp_path.iterdir()) == []


def test_a_run_is_recorded_with_every_change(case: Case) -> None:
    platform = case.platform
    case.hinder("bad")
    run(platform, CORP, department("Sales"), group("g"), user("anna", department="Sales"),
        user("bad", manager="anna"),
        member("anna", "g"), member("bad", "g"), grant("anna", "operator"))  # fmt: skip
    (link,) = platform.history.runs("main")
    record = link.run
    assert record.id.startswith("20260301T080000Z-")
    assert (record.login, record.host, record.outcome) == ("anna", "here", "in part")
    assert (record.applied, record.failed, record.skipped) == (6, 1, 1)
    assert (record.started, record.finished) == ("2026-03-01T08:00:00Z", "2026-03-01T09:00:00Z")
    assert (record.configuration, len(record.plan), link.previous) == ("c" * 64, 64, "")
    state = platform.read("main")
    anna, (g,), (sales,) = state.users[0].id, state.groups, state.departments
    skeletons = [
        (entry.kind, entry.action, entry.result, entry.user, entry.object)
        for entry in entries(platform)
    ]
    assert skeletons == [
        ("source", "create", "applied", "", ""),
        ("department", "create", "applied", "", sales.id),
        ("group", "create", "applied", "", g.id),
        ("user", "create", "applied", anna, ""),
        ("user", "create", "failed", "", ""),
        ("membership", "create", "applied", anna, g.id),
        ("membership", "create", "skipped", "", g.id),
        ("grant", "create", "applied", anna, ""),
    ]
    created, failed = entries(platform)[3].read(), entries(platform)[4].read()
    assert created is not None
    assert failed is not None
    assert (created.key, created.before, created.after) == (
        "anna",
        None,
        {"username": "anna", "department": "Sales"},
    )
    assert created.after_ids == {"department": sales.id}
    assert "the application says no" in failed.detail
    assert failed.after_ids == {"manager": anna}


def test_without_changes_nothing_is_recorded(platform: ManagedPlatform) -> None:
    run(platform, user("anna"))
    run(platform, second=1)
    assert len(platform.history.runs("main")) == 1


def test_runs_are_chained(platform: ManagedPlatform) -> None:
    run(platform, user("anna"))
    run(platform, user("ben"), second=1)
    run(
        platform,
        change("user", "update", "anna", {"email": "Ä\u0000@example.com"[:2]}, {"email": ""}),
        second=2,
    )
    first, second, third = platform.history.runs("main")
    assert (second.previous, third.previous) == (first.hash, second.hash)
    assert faults(platform) == ["", "", ""]


def test_what_was_done_to_somebody_is_found_by_every_name(platform: ManagedPlatform) -> None:
    fields: Fields = {
        "username": "Anna",
        "source": "corp",
        "external_id": "E-1",
        "dn": "uid=anna,dc=example",
    }
    run(
        platform,
        CORP,
        group("g"),
        change("user", "create", "Anna", fields),
        user("ben"),
        member("Anna", "g"),
    )
    run(
        platform,
        change("user", "update", "Anna", {"username": "anja"}, {"username": "Anna"}),
        second=1,
    )
    for name in ("anna", "ANJA", "e-1", "UID=anna,dc=EXAMPLE"):
        about = platform.history.concerning("main", name)
        assert [(entry.kind, entry.action) for _, entry in about] == [
            ("user", "create"),
            ("membership", "create"),
            ("user", "update"),
        ], name
    assert platform.history.concerning("main", "ann") == []


def test_an_erase_takes_out_what_was_said_and_the_chain_holds(case: Case) -> None:
    platform = case.platform
    anna: Fields = {
        "username": "anna",
        "source": "corp",
        "external_id": "E-1",
        "dn": "uid=anna",
        "email": "anna@x",
    }
    case.hinder("cid")
    run(platform, CORP, group("g"), change("user", "create", "anna", anna),
        user("ben", manager="anna"),
        user("cid", manager="anna"), member("anna", "g"), member("ben", "g"),
        grant("anna", "r"))  # fmt: skip
    run(
        platform,
        change("user", "update", "anna", {"username": "anja"}, {"username": "anna"}),
        second=1,
    )
    run(platform,
        change("user", "update", "ben", {"manager": None, "email": "b@x"},
            {"manager": "anja", "email": ""}),
        second=2)  # fmt: skip
    assert "anna" in texts(platform)
    assert "anja" in texts(platform)
    member_gone = change(
        "membership", "delete", "anja/g", None, {"user": "anja", "group": "g", "origin": "corp"}
    )
    erase = change(
        "user",
        "erase",
        "anja",
        {**ERASED},
        {"username": "anja", "external_id": "E-1", "dn": "uid=anna"},
    )
    report = run(platform, member_gone, erase, second=3)
    assert report.count("applied") == 2, report
    for name in ("anna", "anja", "E-1", "cid"):
        assert name not in texts(platform), name
    assert "ben" in texts(platform), "others keep theirs"
    assert faults(platform) == ["", "", "", ""]
    assert {entry.payload for entry in entries(platform)} == {""}


def test_an_erase_takes_out_earlier_accounts_and_failures_too(case: Case) -> None:
    platform = case.platform
    case.hinder("annika")
    anna: Fields = {"username": "anna", "source": "corp", "external_id": "E-1"}
    run(platform, CORP, group("g"), change("user", "create", "anna", anna), member("anna", "g"))
    run(
        platform,
        change("user", "delete", "anna", None, {"username": "anna", "source": "corp"}),
        second=1,
    )
    run(
        platform,
        change("user", "create", "annika", anna | {"username": "annika"}),
        member("annika", "g"),
        second=2,
    )
    run(platform, change("user", "create", "annie", anna | {"username": "annie"}), second=3)
    run(platform, user("ben", manager="annie", department="nowhere"), user("dan"), second=4)
    assert '"annie"' in texts(platform)
    run(
        platform,
        change("user", "erase", "annie", {**ERASED}, {"username": "annie", "external_id": "E-1"}),
        second=5,
    )
    assert '"anna' not in texts(platform)
    assert '"anni' not in texts(platform), "of the account that failed neither"
    assert '"dan"' in texts(platform)
    assert faults(platform) == [""] * 6


def test_unlocking_what_is_not_locked_does_nothing(
    platform: ManagedPlatform, tmp_path: Path
) -> None:
    assert platform.unlock("main", "here") is None
    assert list(tmp_path.iterdir()) == []


def test_what_was_accepted_is_recorded_whatever_is_in_its_name(platform: ManagedPlatform) -> None:
    made = msgspec.structs.replace(
        planned(user("ann")),
        created="2026-03-01T07:00:00Z",
        violations=(
            Violation("main", "users_lost", "corp", "", 1, ""),
            Violation("main", "memberships_lost", "corp", "Sales Team", 6, ""),
            Violation("main", "memberships_lost", "corp", '"x"', 2, ""),
        ),
    )
    made = accepted(made, [violation.code for violation in made.violations], "anna")
    apply(made, platform, HOLDER)
    (link,) = platform.history.runs("main")
    assert link.run.accepted == made.accepted, "who and when too"
    assert {
        (acceptance.guard, acceptance.workspace, acceptance.source)
        for acceptance in link.run.accepted
    } == {
        ("users_lost", "main", "corp"),
        ("memberships_lost", "main", "corp"),
    }
    assert faults(platform) == [""]


def test_what_a_run_took_away_is_recorded_and_found_by_its_time(
    platform: ManagedPlatform, monkeypatch: pytest.MonkeyPatch
) -> None:
    def count(changes: Sequence[Change], state: PlatformState, _safety: Safety) -> Losses:
        return {"users_lost": {"corp": len(changes), 'a "b"': len(state.users)}}

    monkeypatch.setattr(judge, "losses_of_changes", count)
    rules = GuardRules(DesiredState(platform=PlatformSettings("sql"), sources=()))
    for second in range(3):
        holder = HOLDER._replace(started=f"2026-03-01T08:00:{second:02}Z")
        apply(planned(user(f"ann{second}")), platform, holder, rules=rules)
    assert [link.run.lost for link in platform.history.runs("main")] == [
        {"users_lost": {"corp": 1, 'a "b"': before}} for before in range(3)
    ], "as it was before the run"
    late = platform.history.runs("main", "2026-03-01T08:00:01Z")
    assert [link.run.started[-3:] for link in late] == ["01Z", "02Z"]
    assert faults(platform) == ["", "", ""]
