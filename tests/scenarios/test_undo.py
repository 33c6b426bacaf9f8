"""What `plan --undo` puts back: whatever a run did, if nobody touched it since, and nothing that somebody did."""

from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from reconcile.model.change import ENDS, Plan
from reconcile.planning import accepted
from reconcile.planning.undo.plan import Undo, undo
from reconcile.platforms.memory.platform import MemoryPlatform
from reconcile.platforms.sql import SqlPlatform
from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import view
from tests.effort import examples
from tests.scenarios.stage import BASE, DESIRED, Stage, ldif, told
from tests.scenarios.test_convergence import BY_HAND, directories, rules

LATER = "2026-02-01T00:00:00Z"


def undoing(platform: ManagedPlatform, run: str = "") -> Plan:
    run = run or platform.history.runs("main")[-1].run.id
    entries = {"main": platform.history.entries("main", run)}
    made = undo(Undo(run, "0" * 64, (), (), (), (platform.read("main"),), entries, "test", LATER))
    return accepted(made, [one.code for one in made.violations], "tester")


def shown(platform: ManagedPlatform) -> Any:
    """The platform without what is never taken back: which sources and roles are known."""
    return {
        name: part
        for name, part in view(platform.read("main")).items()
        if name not in ("sources", "roles")
    }


def applied(stage: Stage, plan: Plan) -> None:
    report = stage.apply(plan)
    assert [
        (told(one.change), one.detail) for one in report.outcomes if one.result != "applied"
    ] == []


# Not shrunk: that takes minutes, and what fails is small anyway.
@settings(
    max_examples=examples(60), phases=[Phase.generate], suppress_health_check=list(HealthCheck)
)
@given(data=st.data())
def test_undone_is_as_before(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    platform: Any
    stage = Stage(tmp_path_factory.mktemp("undo"), platform := MemoryPlatform())
    desired = data.draw(rules())
    stage.write(
        desired,
        {"corp": ldif(data.draw(directories())), "other": ldif(data.draw(directories("other-")))},
    )
    if data.draw(st.booleans()):
        stage.by_hand(BY_HAND)
    applied(stage, stage.plan()[0])
    before = shown(platform)
    stage.write(data.draw(rules()), {"corp": ldif(data.draw(directories()))})
    plan, _ = stage.plan(at="2026-01-05T00:00:00Z")
    assume(
        plan.changes and not any(one.kind == "user" and one.action in ENDS for one in plan.changes)
    )
    applied(stage, plan)
    after, run = shown(platform), platform.history.runs("main")[-1].run.id
    back = undoing(platform)
    left = [
        one
        for one in back.skips
        if "stays known" not in one.detail and "password" not in one.detail
    ]
    assert left == []
    assert {one.reason for one in back.changes} <= {f"undoes run {run}"}
    applied(stage, back)
    assert shown(platform) == before
    again = undoing(platform, run)
    assert again.changes == (), "undone once is undone"
    if not any(one.kind == "user" and one.action in ENDS for one in back.changes):
        applied(stage, undoing(platform))
        assert shown(platform) == after, "an undo can be undone"


def company(stage: Stage, people: dict[str, Any], **more: Any) -> None:
    groups = [{"source": "corp", "select": ["cn=*"]}]
    stage.write(DESIRED | {"groups": groups} | more, {"corp": ldif(people)})


@pytest.fixture(params=["memory", "sql"])
def stage(request: pytest.FixtureRequest, tmp_path: Any) -> Stage:
    made = Stage(tmp_path)
    company(made, {})
    settings_ = made.settings()
    return Stage(
        tmp_path, MemoryPlatform() if request.param == "memory" else SqlPlatform(settings_)
    )


def lines(plan: Plan) -> list[str]:
    return [told(one) for one in plan.changes]


def left(plan: Plan) -> list[str]:
    return [
        f"{one.username}: {one.sentence}" if one.username else one.sentence for one in plan.skips
    ]


FIRST = {"uid=ann": {"mail": "a@x"}, "uid=bob": None, "cn=g": {"member": ["uid=ann"]}}


def test_what_a_run_made_goes_again(stage: Stage) -> None:
    company(stage, FIRST)
    applied(stage, stage.plan()[0])
    with stage.platform(None) as platform:
        back = undoing(platform)
        assert lines(back) == ["- membership ann/g", "- user ann", "- user bob", "- group g"]
        assert left(back) == ["source: corp: a source stays known to the platform"]
        applied(stage, back)
        assert (stage.state()["users"], stage.state()["groups"]) == ([], [])
        assert (
            platform.history.runs("main")[-1].run.undoes == platform.history.runs("main")[0].run.id
        )
        again = undoing(platform)
        assert lines(again) == ["+ group g"]
        assert left(again) == ["ann: was deleted", "bob: was deleted"]
    assert lines(stage.plan()[0]) == ["+ group g", "+ user ann", "+ user bob", "+ membership ann/g"]


def test_a_grace_period_that_began_or_ended_begins_and_ends_again(stage: Stage) -> None:
    rules = DESIRED | {
        "lifecycle": {"on_disabled": {"action": "block", "after": "5d", "then": "erase"}}
    }
    locked = {"uid=ann": {"pwdAccountLockedTime": "000001010000Z"}, "uid=bob": None}
    stage.write(rules, {"corp": ldif({"uid=ann": None, "uid=bob": None})})
    applied(stage, stage.plan()[0])
    stage.write(rules, {"corp": ldif(locked)})
    applied(stage, stage.plan(at="2026-01-02T00:00:00Z")[0])
    with stage.platform(None) as platform:
        blocked = shown(platform)
        assert lines(undoing(platform)) == ["~ user ann activate"]
        applied(stage, undoing(platform))
        (ann,) = (user for user in platform.read("main").users if user.username == "ann")
        assert (ann.status, ann.waiting, ann.departed_at) == ("active", "", "")
        # Undoing the undo puts the beginning back as it was.
        applied(stage, undoing(platform))
        assert shown(platform) == blocked
        stage.write(rules, {"corp": ldif({"uid=ann": None, "uid=bob": None})})
        applied(stage, stage.plan(at="2026-01-03T00:00:00Z")[0])
        applied(stage, undoing(platform))
        assert shown(platform) == blocked
        stage.write(rules, {"corp": ldif(locked)})
        assert lines(stage.plan(at="2026-01-07T00:00:00Z")[0]) == ["- user ann erase"]


def test_what_somebody_changed_since_stays(stage: Stage) -> None:
    company(stage, FIRST)
    applied(stage, stage.plan()[0])
    company(
        stage,
        {
            "uid=ann": {"mail": "new@x", "sn": "New"},
            "uid=bob": {"sn": "B"},
            "cn=g": {"member": ["uid=bob"]},
        },
    )
    applied(stage, stage.plan(at="2026-01-02T00:00:00Z")[0])
    stage.by_hand(
        [
            {
                "kind": "user",
                "action": "update",
                "key": "ann",
                "before": {},
                "after": {"email": "hand@x"},
            },
            {
                "kind": "user",
                "action": "update",
                "key": "bob",
                "before": {},
                "after": {"username": "rob"},
            },
        ]
    )
    with stage.platform(None) as platform:
        back = undoing(platform)
        assert lines(back) == [
            "~ user ann last_name New -> Ann",
            "~ user rob last_name B -> Bob",
            "+ membership ann/g",
            "- membership rob/g",
        ]
        assert left(back) == ["ann: changed since: email"]
        made = undoing(platform, platform.history.runs("main")[0].run.id)
        assert "ann: stays, changed since: last_name, email" in left(made)
        assert not [one for one in lines(made) if "user ann" in one]


def test_an_erased_user_stays_so(stage: Stage) -> None:
    company(stage, FIRST, lifecycle={"on_missing": "erase"})
    applied(stage, stage.plan()[0])
    company(stage, {"uid=ann": {"mail": "a@x"}, "cn=g": None}, lifecycle={"on_missing": "erase"})
    applied(stage, stage.plan(at="2026-01-02T00:00:00Z")[0])
    with stage.platform(None) as platform:
        back = undoing(platform)
        assert lines(back) == ["+ membership ann/g"]
        assert [one.partition(": ")[2] for one in left(back)] == ["was erased"]
        first = undoing(platform, platform.history.runs("main")[0].run.id)
        assert "was erased" in [one.partition(": ")[2] for one in left(first)]
        assert "- user ann" in lines(first)


def test_a_name_that_somebody_else_has_is_not_given_back(stage: Stage) -> None:
    company(stage, {"uid=ann": {"entryUUID": "1"}})
    applied(stage, stage.plan()[0])
    company(stage, {"uid=anna": {"entryUUID": "1"}})
    applied(stage, stage.plan(at="2026-01-02T00:00:00Z")[0])
    stage.by_hand(
        [{"kind": "user", "action": "create", "key": "Ann", "after": {"username": "Ann"}}]
    )
    with stage.platform(None) as platform:
        back = undoing(platform)
    assert lines(back) == []
    assert left(back)[0].startswith("anna: stays unchanged: 'ann': another user now has this name")


def test_a_manager_who_is_gone_is_not_put_back(stage: Stage) -> None:
    manager = {"name": "corp", "type": "ldif", "files": ["corp.ldif"], "base_dn": BASE}
    more = {"sources": [manager | {"users": {"create": "all", "manager_attribute": "manager"}}]}
    company(stage, {"uid=ann": {"manager": "uid=bob"}, "uid=bob": None, "uid=cid": None}, **more)
    applied(stage, stage.plan()[0])
    company(stage, {"uid=ann": {"manager": "uid=cid"}, "uid=bob": None, "uid=cid": None}, **more)
    applied(stage, stage.plan(at="2026-01-02T00:00:00Z")[0])
    with stage.platform(None) as platform:
        assert lines(undoing(platform)) == ["~ user ann manager cid -> bob"]
    stage.by_hand([{"kind": "user", "action": "delete", "key": "bob", "before": {}}])
    with stage.platform(None) as platform:
        assert (lines(undoing(platform)), left(undoing(platform))) == (
            [],
            ["ann: the previous manager no longer exists"],
        )
