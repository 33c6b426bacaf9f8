"""Carrying out a plan on a platform in memory: outcomes, isolation, what is kept when something breaks off."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import pytest

from reconcile.applying import GuardRules, apply
from reconcile.errors import GuardRefused, Locked, OutcomeUnknown, PlatformUnreadable, StalePlan
from reconcile.model.change import Acceptance, Change, Digests, Fields, Plan, Scope, Violation
from reconcile.model.desired import DesiredState, Limit, LossLimits, Protect, Safety
from reconcile.model.desired import Platform as PlatformSettings
from reconcile.model.platform import Grant, Group, Membership, PlatformState, Reading, Source, User
from reconcile.model.report import Report
from reconcile.platforms.memory.platform import MemoryPlatform
from reconcile.ports import Holder
from reconcile.render import report_markdown

HOLDER = Holder("tester", "here", 1, "2026-01-01T00:00:00Z")


def user(name: str, workspace: str = "main", **fields: str) -> Change:
    after: Fields = {"username": name, "status": "active", "attributes": {}, **fields}
    return Change("user", "create", name, None, after, "", "", workspace)


def department(path: str) -> Change:
    parent, _, title = path.rpartition("/")
    return Change(
        "department",
        "create",
        path,
        None,
        {"title": title, "parent": parent or None},
        "",
        "",
        "main",
    )


def plan(*changes: Change) -> Plan:
    return Plan("1", "now", (), (), Scope(), Digests("", {}, {}), changes)


def failing(*names: str) -> Callable[[Change], str | None]:
    return lambda change: "no more licences" if change.key in names else None


def results(report: Report) -> dict[str, tuple[str, str]]:
    return {outcome.change.key: (outcome.result, outcome.detail) for outcome in report.outcomes}


def names(platform: MemoryPlatform, workspace: str = "main") -> dict[str, str]:
    users = {user.id: user.username for user in platform.read(workspace).users}
    return {one.username: users.get(one.manager, "") for one in platform.read(workspace).users}


def test_nothing_to_do_touches_nothing() -> None:
    class Untouchable(MemoryPlatform):
        def lock(self, *_: object, **__: object) -> None:  # type: ignore[override]
            raise AssertionError

    assert apply(plan(), Untouchable(), HOLDER) == Report()


def test_who_needs_a_failed_department_is_skipped() -> None:
    platform = MemoryPlatform(fault=failing("Sales"))
    report = apply(
        plan(
            department("Sales"),
            department("Sales/North"),
            user("ann", department="Sales/North"),
            user("bob"),
        ),
        platform,
        HOLDER,
    )
    assert results(report) == {
        "Sales": ("failed", "no more licences"),
        "Sales/North": ("skipped", "needs department Sales, which failed"),
        "ann": ("skipped", "needs department Sales/North, which failed"),
        "bob": ("applied", ""),
    }
    assert names(platform) == {"bob": ""}


def test_a_user_whose_manager_fails_is_created_without() -> None:
    platform = MemoryPlatform(fault=failing("chief"))
    changes = [
        user("ann", manager="mid"),
        user("chief"),
        user("mid", manager="chief"),
        user("zoe", manager="ann"),
    ]
    report = apply(plan(*changes), platform, HOLDER)
    assert results(report) == {
        "ann": ("applied", ""),
        "chief": ("failed", "no more licences"),
        "mid": ("applied", "without its manager chief, which failed"),
        "zoe": ("applied", ""),
    }
    assert names(platform) == {"ann": "mid", "mid": "", "zoe": "ann"}


def test_managers_in_a_circle_fail_together() -> None:
    platform = MemoryPlatform(fault=failing("ann"))
    changes = [
        user("ann", manager="bob"),
        user("bob", manager="cid"),
        user("cid", manager="ann"),
        user("dan"),
    ]
    report = apply(plan(*changes), platform, HOLDER)
    assert [outcome.result for outcome in report.outcomes] == [
        "failed",
        "failed",
        "failed",
        "applied",
    ]
    assert names(platform) == {"dan": ""}


def test_a_broken_off_run_leaves_the_state_as_it_was() -> None:
    def dies(change: Change) -> str | None:
        if change.key == "bob":
            raise KeyboardInterrupt
        return None

    platform = MemoryPlatform(fault=dies)
    with pytest.raises(KeyboardInterrupt):
        apply(plan(department("Sales"), user("ann"), user("bob")), platform, HOLDER)
    assert platform.read("main") == PlatformState("main")


def test_progress_is_told_per_workspace() -> None:
    told: list[tuple[str, int]] = []
    apply(
        plan(user("ann"), user("bob", "other")),
        MemoryPlatform(),
        HOLDER,
        progress=lambda *step: told.append(step),
    )
    assert told == [("applying main", 1), ("applying other", 2)]


def test_one_stale_workspace_refuses_all() -> None:
    platform = MemoryPlatform(states=[PlatformState("other", users=(User("1", "BOB"),))])
    with pytest.raises(StalePlan, match="user bob already exists"):
        apply(plan(user("ann"), user("bob", "other")), platform, HOLDER)
    assert platform.read("main").users == ()


def test_what_breaks_after_a_workspace_was_written_is_reported() -> None:
    class Breaks(MemoryPlatform):
        def transaction(self, workspace: str):  # type: ignore[no-untyped-def] # only what the test needs
            if workspace == "other":
                raise PlatformUnreadable("the platform is gone")
            return super().transaction(workspace)

    platform = Breaks()
    report = apply(plan(user("ann"), user("bob", "other")), platform, HOLDER)
    assert results(report) == {"ann": ("applied", ""), "bob": ("failed", "the platform is gone")}
    with pytest.raises(PlatformUnreadable):
        apply(plan(user("bob", "other")), platform, HOLDER)


def test_a_user_who_cannot_be_deleted_keeps_everything() -> None:
    state = PlatformState(
        "main",
        groups=(Group("g", "Team"),),
        users=(User("1", "ann"), User("2", "bob")),
        memberships=(Membership("1", "g"), Membership("2", "g")),
        grants=(Grant("1", "operator"),),
    )
    platform = MemoryPlatform(
        states=[state],
        fault=lambda one: "in use" if (one.kind, one.key) == ("user", "ann") else None,
    )

    def gone(kind: str, key: str, **before: str | None) -> Change:
        return Change(kind, "delete", key, before, None, "", "", "main")  # type: ignore[arg-type] # three kinds below

    changes = [
        gone("membership", "ann/Team", user="ann", group="Team", origin=None),
        gone("membership", "bob/Team", user="bob", group="Team", origin=None),
        gone("grant", "ann/operator", user="ann", role="operator", origin=None),
        gone("user", "ann", username="ann"),
        gone("user", "bob", username="bob"),
    ]
    report = apply(plan(*changes), platform, HOLDER)
    assert [
        (outcome.change.key, outcome.result, outcome.detail) for outcome in report.outcomes
    ] == [
        ("ann/Team", "skipped", "user ann stays: in use"),
        ("bob/Team", "applied", ""),
        ("ann/operator", "skipped", "user ann stays: in use"),
        ("ann", "failed", "in use"),
        ("bob", "applied", ""),
    ]
    left = platform.read("main")
    assert (len(left.users), left.memberships, left.grants) == (
        1,
        (Membership("1", "g"),),
        (Grant("1", "operator"),),
    )


def group(name: str, *within: str) -> Change:
    return Change(
        "group",
        "create",
        name,
        None,
        {"name": name, "groups": dict.fromkeys(within, "corp")},
        "",
        "",
        "main",
    )


def nested(platform: MemoryPlatform) -> dict[str, list[str]]:
    groups = {one.id: one for one in platform.read("main").groups}
    return {one.name: sorted(groups[above].name for above in one.groups) for one in groups.values()}


def test_a_group_is_created_without_those_it_cannot_be_in() -> None:
    platform = MemoryPlatform(fault=failing("Bad"))
    changes = [group("a", "Bad", "b"), group("b", "a"), group("Bad"), group("c", "Bad")]
    nest = Change(
        "group", "update", "there", {"groups": {}}, {"groups": {"bad": "corp"}}, "", "", "main"
    )
    apply(plan(group("there")), platform, HOLDER)
    report = apply(plan(*changes, nest), platform, HOLDER)
    assert results(report) == {
        "a": ("applied", "but not within group Bad, which failed"),
        "b": ("applied", ""),
        "Bad": ("failed", "no more licences"),
        "c": ("applied", "but not within group Bad, which failed"),
        "there": ("skipped", "needs group bad, which failed"),
    }
    assert nested(platform) == {"there": [], "a": ["b"], "b": ["a"], "c": []}


def test_a_circle_of_groups_of_which_one_fails_is_created_apart() -> None:
    platform = MemoryPlatform(fault=failing("Bad"))
    report = apply(
        plan(group("a", "Bad"), group("b", "a"), group("Bad", "b"), group("c")), platform, HOLDER
    )
    assert results(report) == {
        "a": ("applied", "but not within group Bad, because one of them in a circle failed"),
        "b": ("applied", "but not within group a, because one of them in a circle failed"),
        "Bad": ("failed", "no more licences"),
        "c": ("applied", ""),
    }
    assert nested(platform) == {"a": [], "b": [], "c": []}


def test_a_group_whose_outer_one_keeps_its_old_name_is_created_without() -> None:
    platform = MemoryPlatform(fault=lambda one: "no" if one.action == "update" else None)
    apply(plan(group("old")), platform, HOLDER)
    rename = Change("group", "update", "old", {"name": "old"}, {"name": "New"}, "", "", "main")
    report = apply(plan(rename, group("a", "New")), platform, HOLDER)
    assert results(report) == {
        "old": ("failed", "no"),
        "a": ("applied", "but not within group New, which failed"),
    }
    assert nested(platform) == {"old": [], "a": []}


class Broken(MemoryPlatform):
    """A platform on which the transaction of some workspaces raises."""

    def __init__(self, **errors: BaseException) -> None:
        super().__init__()
        self._errors = errors

    def transaction(self, workspace: str):  # type: ignore[no-untyped-def] # only what the test needs
        if workspace in self._errors:
            raise self._errors[workspace]
        return super().transaction(workspace)


def troubles(report: Report) -> list[tuple[str, int]]:
    return [(one.workspace, one.exit_code) for one in report.troubles]


def test_alone_a_workspace_that_fails_does_not_stop_the_others() -> None:
    platform = Broken(main=PlatformUnreadable("gone"), third=KeyError("x"))
    report = apply(
        plan(user("ann"), user("bob", "other"), user("cyd", "third")),
        platform,
        HOLDER,
        together=False,
    )
    assert results(report)["bob"] == ("applied", "")
    assert results(report)["ann"] == ("failed", "gone")
    assert troubles(report) == [("main", 7), ("third", 1)]
    assert "This is a fault of reconcile" in report.troubles[1].detail


def test_alone_a_stale_or_locked_workspace_does_not_stop_the_others() -> None:
    platform = MemoryPlatform(states=[PlatformState("stale", users=(User("1", "BOB"),))])
    with platform.lock(["locked"], HOLDER):
        report = apply(
            plan(user("ann", "locked"), user("bob", "stale"), user("cyd")),
            platform,
            HOLDER,
            together=False,
        )
        assert troubles(report) == [("locked", 8), ("stale", 5)]
        assert results(report)["cyd"] == ("applied", "")
        with pytest.raises(Locked):
            apply(plan(user("eve", "locked")), platform, HOLDER, together=False)
        with pytest.raises(Locked):
            apply(plan(user("eve", "locked"), user("fay")), platform, HOLDER)
    assert len(platform.read("main").users) == 1, "together nothing is begun"


def test_where_all_fail_the_report_has_each_or_the_only_one_is_raised() -> None:
    platform = Broken(main=PlatformUnreadable("gone"), other=PlatformUnreadable("gone too"))
    report = apply(plan(user("ann"), user("bob", "other")), platform, HOLDER, together=False)
    assert troubles(report) == [("main", 7), ("other", 7)]
    with pytest.raises(PlatformUnreadable):
        apply(plan(user("ann")), platform, HOLDER, together=False)


@pytest.mark.parametrize("together", [True, False])
def test_an_interrupted_run_reports_what_it_has_written(together: bool) -> None:
    platform = Broken(other=KeyboardInterrupt())
    changes = plan(user("ann"), user("bob", "other"), user("cyd", "third"))
    report = apply(changes, platform, HOLDER, together=together)
    assert [result for result, _ in results(report).values()] == ["applied", "failed", "failed"]
    assert troubles(report) == [("other", 1), ("third", 1)]
    assert platform.read("third").users == ()
    with pytest.raises(KeyboardInterrupt) as interrupted:
        apply(plan(user("bob", "other"), user("cyd", "third")), platform, HOLDER, together=together)
    assert interrupted.value.__notes__ == [
        "nothing was written to the platform, and no lock is left"
    ]


@pytest.mark.parametrize("together", [True, False])
def test_a_lock_that_cannot_be_released_does_not_hide_what_was_written(together: bool) -> None:
    class Sticky(MemoryPlatform):
        @contextmanager
        def lock(self, *arguments: Any, **more: Any) -> Iterator[None]:
            with super().lock(*arguments, **more):
                yield
            raise PlatformUnreadable("the lock could not be released")

    report = apply(plan(user("ann")), Sticky(), HOLDER, together=together)
    assert results(report) == {"ann": ("applied", "")}
    assert troubles(report) == [("main", 7)]


@pytest.mark.parametrize("together", [True, False])
def test_what_may_have_been_kept_is_unknown_and_the_rest_goes_on(together: bool) -> None:
    class Silent(MemoryPlatform):
        @contextmanager
        def transaction(self, workspace: str) -> Iterator[Any]:
            with super().transaction(workspace) as writer:
                yield writer
            if workspace == "main":
                raise OutcomeUnknown("the server does not say")

    changes = [user("ann"), user("bob"), user("cyd", "other")]
    for chosen, expected in (
        (changes, ["unknown", "failed", "applied"]),
        (changes[:1], ["unknown"]),
    ):
        report = apply(plan(*chosen), Silent(fault=failing("bob")), HOLDER, together=together)
        assert [outcome.result for outcome in report.outcomes] == expected
        assert troubles(report) == [("main", 6)]
        assert "`reconcile history 20260101T000000Z-" in report.troubles[0].detail
        shown = report_markdown(plan(*chosen), report)
        assert "| unknown | workspace main | it is not known whether this was kept" in shown
        assert f"{expected.count('unknown')} unknown." in shown


def guarded(safety: Safety) -> GuardRules:
    return GuardRules(DesiredState(PlatformSettings("memory"), (), safety=safety))


ONE_TOO_MANY = guarded(Safety(limits=LossLimits(creates=Limit(0))))
"""Creating a user is a violation, which can be accepted."""
NOT_THAT_ONE = guarded(Safety(protect=Protect(users=("old",))))
"""Taking the user `old` away is one that cannot."""
CODE = "creates:main/corp:1"
STATE = PlatformState("main", (Source("corp", "ldif"),))


def made_at(*changes: Change) -> Plan:
    return msgspec.structs.replace(plan(*changes), created=HOLDER.started)


def of_corp(change: Change) -> Change:
    return msgspec.structs.replace(
        change, source="corp", after=(change.after or {}) | {"source": "corp"}
    )


def blocked(name: str, workspace: str = "main") -> Change:
    before: Fields = {"status": "active"}
    after: Fields = {"status": "blocked"}
    return Change("user", "block", name, before, after, "", "corp", workspace)


def test_the_guards_look_before_the_first_write() -> None:
    states = [
        PlatformState(name, (Source("corp", "ldif"),), users=(User("1", "old", source="corp"),))
        for name in ("main", "second")
    ]
    platform = MemoryPlatform(states=states, fault=lambda _: pytest.fail("nothing may be written"))
    creating = made_at(of_corp(user("ann")), of_corp(user("bob", "second")))
    blocking = made_at(blocked("old"), blocked("old", "second"))
    for made, codes, rules, code in (
        (creating, (), ONE_TOO_MANY, CODE),
        (creating, ("creates:main/corp:2",), ONE_TOO_MANY, CODE),
        (blocking, ("protected_user:main/old:1",), NOT_THAT_ONE, "protected_user:main/old:1"),
    ):
        for together in (True, False):
            accepted = tuple(Acceptance(one, "anna", "") for one in codes)
            taken = msgspec.structs.replace(made, accepted=accepted)
            if together:
                with pytest.raises(GuardRefused, match=f"{code}: "):
                    apply(taken, platform, HOLDER, rules=rules)
            else:
                report = apply(taken, platform, HOLDER, rules=rules, together=False)
                assert [one.exit_code for one in report.troubles] == [4, 4]


def test_what_the_plan_accepts_is_applied() -> None:
    made = msgspec.structs.replace(
        made_at(of_corp(user("ann"))), accepted=(Acceptance(CODE, "anna", ""),)
    )
    assert (
        apply(made, MemoryPlatform(states=[STATE]), HOLDER, rules=ONE_TOO_MANY).count("applied")
        == 1
    )
    with pytest.raises(GuardRefused, match=CODE):
        apply(
            made_at(of_corp(user("ann"))),
            MemoryPlatform(states=[STATE]),
            HOLDER,
            rules=ONE_TOO_MANY,
        )


def test_a_plan_that_is_refused_is_not_even_locked() -> None:
    refused = msgspec.structs.replace(
        plan(user("ann")), violations=(Violation("main", "users_lost", "corp", "", 1, "too many"),)
    )
    platform = MemoryPlatform()
    with platform.lock(["main"], HOLDER), pytest.raises(GuardRefused):
        apply(refused, platform, HOLDER)


def test_what_was_read_is_remembered_without_any_change() -> None:
    platform = MemoryPlatform(states=[PlatformState("main", (Source("corp", "ldif"),))])
    made = msgspec.structs.replace(plan(), readings=(Reading("corp", 3),))
    apply(made, platform, HOLDER)
    assert platform.read("main").readings == ()
    assert apply(msgspec.structs.replace(made, to_remember=("main",)), platform, HOLDER) == Report()
    assert platform.read("main").readings == (Reading("corp", 3),)
