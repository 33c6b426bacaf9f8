"""Many days of one person: there, disabled, out of scope, gone, or with a source that is gone, in any order.

What a user's status has to be is told here from the words of docs/configuration.md, by looking back
over the days, and compared with what the platform holds after each of them.
"""

from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.platforms.memory.platform import MemoryPlatform
from tests.effort import examples
from tests.scenarios.stage import DESIRED, Stage, ldif

HERE, DISABLED, OUTSIDE, GONE, REMOVED = "here", "disabled", "outside", "gone", "removed"
ENTRIES: dict[str, dict[str, Any]] = {
    HERE: {"uid=ann": {"employeeType": "staff"}},
    DISABLED: {"uid=ann": {"employeeType": "staff", "pwdAccountLockedTime": "000001010000Z"}},
    OUTSIDE: {"uid=ann": {"employeeType": "former"}},
    GONE: {},
    REMOVED: {},
}
WORSE = {"keep": 0, "deactivate": 1, "block": 2, "erase": 3, "delete": 4}
GONE_FOR_GOOD = ("erased", "deleted")


class Day(NamedTuple):
    """Where the person is when the run of a day comes, and what somebody made of the user before it, "" for nothing."""

    place: str
    by_hand: str


@st.composite
def departures(draw: st.DrawFn) -> Any:
    """An action, or one with a harder one to follow after some days."""
    words = draw(st.lists(st.sampled_from(list(WORSE)), min_size=2, max_size=2, unique=True))
    action, then = sorted(words, key=WORSE.__getitem__)
    if action == "erase" or draw(st.booleans()):
        return {"action": action}
    return {"action": action, "after": f"{draw(st.integers(1, 4))}d", "then": then}


@st.composite
def disablings(draw: st.DrawFn) -> Any:
    """An action, or one with a harder one to follow after some days."""
    action = draw(st.sampled_from(["deactivate", "block"]))
    if draw(st.booleans()):
        return action
    then = draw(st.sampled_from(["erase", "delete", *(["block"] if action != "block" else [])]))
    return {"action": action, "after": f"{draw(st.integers(1, 4))}d", "then": then}


lifecycles = st.fixed_dictionaries(
    {
        "on_missing": departures(),
        "on_out_of_scope": departures(),
        "on_disabled": disablings(),
        "on_return": st.sampled_from(["restore", "restore", "keep"]),
        "on_source_removed": st.sampled_from(["keep", "deactivate", "block"]),
    }
)
days = st.lists(
    st.builds(
        Day,
        st.sampled_from([HERE, HERE, DISABLED, OUTSIDE, GONE, GONE, REMOVED]),
        st.sampled_from(["", "", "", "", "active", "inactive", "vacation", "blocked"]),
    ),
    min_size=2,
    max_size=9,
)


class Expected:
    """What the words say of a user, day by day."""

    def __init__(self, lifecycle: dict[str, Any]) -> None:
        self.lifecycle = lifecycle
        self.status = "active"
        self.sync = True
        """Whether a sync set the status."""
        self.cause = ""
        self.vacation = False
        self.absent: tuple[str, int] | None = None
        """Why, and from which day on."""

    def hand(self, status: str) -> None:
        if status and self.status not in GONE_FOR_GOOD:
            self.status, self.sync, self.cause, self.vacation = status, False, "", False

    def run(self, place: str, day: int) -> None:
        if self.status in GONE_FOR_GOOD:
            ends = self.rule("on_disabled").get("then") in ("erase", "delete")
            if self.status == "deleted" and place in (HERE, *([] if ends else [DISABLED])):
                self.__init__(self.lifecycle)  # type: ignore[misc] # somebody new
                self.run(place, day)
            return
        if place in (OUTSIDE, GONE):
            self.depart(place, day)
        elif place == REMOVED:
            self.out_of_service(self.lifecycle["on_source_removed"], REMOVED)
        elif place == HERE:
            self.absent = None
            self.enable()
        else:
            action = self.due(DISABLED, "on_disabled", day)
            if action in ("erase", "delete"):
                self.out_of_service(action, DISABLED)
            else:
                self.disable(action)

    def rule(self, name: str) -> dict[str, str]:
        rule = self.lifecycle[name]
        return rule if isinstance(rule, dict) else {"action": rule}

    def enable(self) -> None:
        if self.status in ("active", "vacation") or (self.status == "blocked" and not self.sync):
            self.vacation = False
            return
        if self.lifecycle["on_return"] == "keep" and self.cause in (OUTSIDE, GONE, REMOVED):
            return
        self.status, self.sync, self.cause = ("vacation" if self.vacation else "active"), True, ""
        self.vacation = False

    def disable(self, action: str) -> None:
        target = "inactive" if action == "deactivate" else "blocked_in_directory"
        if self.status == "blocked" and not self.sync:
            return
        stays = self.status in (target, "blocked") and self.cause in (OUTSIDE, GONE, REMOVED)
        if stays and self.lifecycle["on_return"] == "keep":
            return
        if self.status != target or self.cause in (OUTSIDE, GONE, REMOVED):
            self.status, self.sync, self.cause = target, True, DISABLED
        self.vacation = False

    def depart(self, place: str, day: int) -> None:
        name = "on_missing" if place == GONE else "on_out_of_scope"
        self.out_of_service(self.due(place, name, day), place)

    def due(self, place: str, name: str, day: int) -> str:
        """What a rule asks for on a day; the time counts from the first day of the cause."""
        rule = self.rule(name)
        if "then" not in rule:
            self.absent = (
                self.absent if self.absent is not None and self.absent[0] == place else None
            )
            return rule["action"]
        if self.absent is None or self.absent[0] != place:
            self.absent = place, day
        over = day - self.absent[1] >= int(rule["after"][:-1])
        return rule["then"] if over else rule["action"]

    def out_of_service(self, action: str, cause: str) -> None:
        if action in ("erase", "delete"):
            self.status = "erased" if action == "erase" else "deleted"
        target = {"deactivate": "inactive", "block": "blocked"}.get(action)
        weaker = {
            "inactive": ("active", "vacation"),
            "blocked": ("active", "vacation", "inactive", "blocked_in_directory"),
        }
        if target is None or self.status not in weaker[target]:
            return
        self.vacation = self.status == "vacation" or (self.vacation and self.status != "active")
        self.status, self.sync, self.cause = target, True, cause


@settings(max_examples=examples(60), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lifecycle=lifecycles, course=days)
def test_any_course_of_days(
    lifecycle: dict[str, Any], course: list[Day], tmp_path_factory: pytest.TempPathFactory
) -> None:
    stage = Stage(tmp_path_factory.mktemp("days"), MemoryPlatform())
    (source,) = DESIRED["sources"]
    desired = DESIRED | {
        "lifecycle": lifecycle,
        "sources": [source | {"users": {"create": "all", "filter": "(employeeType=staff)"}}],
        "groups": [{"source": "corp", "select": ["cn=team"]}],
        "role_mappings": [{"role": "operator", "groups": ["cn=team"]}],
    }
    expected = Expected(lifecycle)
    for number, day in enumerate([Day(HERE, ""), *course]):
        if day.by_hand and expected.status not in GONE_FOR_GOOD:
            change = {"kind": "user", "action": "update", "key": "ann", "before": {"status": "x"}}
            stage.by_hand(
                [
                    change
                    | {"after": {"status": day.by_hand, "status_origin": "", "status_cause": ""}}
                ]
            )
            expected.hand(day.by_hand)
        people = ENTRIES[day.place]
        team = {
            "cn=team": {"member": ["uid=eve", *(people if day.place in (HERE, DISABLED) else ())]}
        }
        stage.write(
            desired
            | ({"sources": [], "groups": [], "role_mappings": []} if day.place == REMOVED else {}),
            {"corp": ldif({"uid=eve": {"employeeType": "staff"}, **people, **team})},
        )
        at = f"2026-01-{number + 1:02}T00:00:00Z"
        report = stage.apply(stage.plan(at=at)[0])
        assert report.count("applied") == len(report.outcomes)
        expected.run(day.place, number)
        (ann,) = [
            one for one in stage.state()["users"] if one.startswith(("ann ", "erased-N "))
        ] or ["nobody deleted"]
        assert ann.split()[1] == expected.status, (number, day)
        if expected.status not in GONE_FOR_GOOD:
            assert ann.endswith("of corp roles operator groups team"), (
                "what it was given stays with it"
            )
        assert stage.plan(at=at)[0].changes == ()
        if expected.status == "erased":
            break
