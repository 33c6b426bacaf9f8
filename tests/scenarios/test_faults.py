"""Random faults and states of several persons at once: a fault in one aspect decides nothing in another.

What becomes of a user is told here from the words of docs/safety.md and docs/configuration.md,
aspect by aspect, and compared with the platform after each run; the preview and a login have to say
the same as the plan.
"""

from contextlib import closing
from typing import Any, Literal, NamedTuple

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.directories.ldif.adapter import LdifDirectory
from reconcile.model.change import Change
from reconcile.planning import login
from reconcile.planning.selection.query import query
from reconcile.planning.views.preview import preview
from reconcile.platforms.memory.platform import MemoryPlatform
from tests.effort import examples
from tests.scenarios.stage import DESIRED, Stage, ldif

PEOPLE = tuple(f"p{number:02}" for number in range(1, 15))
GROUPS = ("crew", "team")
HARDNESS = {"active": 0, "inactive": 1, "blocked_in_directory": 2, "blocked": 3}
Fault = Literal[
    "",
    "no mail",
    "control sign in a name",
    "control sign in an attribute",
    "username taken",
    "template",
]
HOLDING = ("no mail", "control sign in a name", "username taken", "template")


class Condition(NamedTuple):
    """What a directory has of a person when a run comes."""

    place: Literal["here", "outside", "gone"]
    disabled: bool
    fault: Fault
    groups: frozenset[str]
    chief: bool
    phone: str


conditions = st.builds(
    Condition,
    st.sampled_from(["here", "here", "here", "outside", "gone"]),
    st.booleans(),
    st.sampled_from(["", "", "", *HOLDING, "control sign in an attribute"]),
    st.frozensets(st.sampled_from(GROUPS)),
    st.booleans(),
    st.sampled_from(["", "1", "2"]),
)
lifecycles = st.fixed_dictionaries(
    {
        "on_missing": st.sampled_from(["keep", "deactivate", "block"]),
        "on_out_of_scope": st.sampled_from(["keep", "deactivate", "block"]),
        "on_disabled": st.sampled_from(["deactivate", "block"]),
    }
)
courses = st.lists(st.tuples(*(conditions for _ in PEOPLE)), min_size=2, max_size=4)


class Expected:
    """What the words say of one user."""

    def __init__(self, lifecycle: dict[str, str]) -> None:
        self.lifecycle = lifecycle
        self.exists = False
        self.status = ""
        self.cause = ""
        self.groups: frozenset[str] = frozenset()
        self.role = ""
        self.phone = ""

    def run(self, now: Condition) -> None:
        if now.place == "here":
            self.in_scope(now)
        elif (
            self.exists
        ):  # memberships and roles of who left stay as they are, so that a return restores them
            action = self.lifecycle["on_missing" if now.place == "gone" else "on_out_of_scope"]
            left, why = self.departed(action, now.place)
            if now.place == "outside" and now.disabled:
                off, cause = self.off()
                left, why = (off, cause) if HARDNESS[off] > HARDNESS[left] else (left, why)
            self.status, self.cause = left, why

    def in_scope(self, now: Condition) -> None:
        held = now.fault in HOLDING
        if not self.exists and held:
            return
        role = "chief" if now.chief else "clerk"
        if now.disabled:
            self.status, self.cause = self.off() if self.exists else (self.target(), "disabled")
        elif not held:
            self.status, self.cause = "active", ""
        if held:
            self.groups &= now.groups
            self.role = self.role if self.role == role else ""
            return
        self.groups, self.role = now.groups, role
        if now.fault != "control sign in an attribute":
            self.phone = now.phone
        self.exists = True

    def target(self) -> str:
        return (
            "inactive" if self.lifecycle["on_disabled"] == "deactivate" else "blocked_in_directory"
        )

    def off(self) -> tuple[str, str]:
        same = self.status == self.target() and self.cause not in ("gone", "outside")
        return (self.status, self.cause) if same else (self.target(), "disabled")

    def departed(self, action: str, cause: str) -> tuple[str, str]:
        wanted = {"keep": "active", "deactivate": "inactive", "block": "blocked"}[action]
        return (
            (wanted, cause)
            if HARDNESS[wanted] > HARDNESS[self.status]
            else (self.status, self.cause)
        )

    def line(self, name: str) -> str:
        parts = [name, self.status, "of corp"]
        parts += [f"roles {self.role}"] if self.role else []
        parts += [f"groups {'+'.join(sorted(self.groups))}"] if self.groups else []
        return " ".join([*parts, *([f"phone={self.phone}"] if self.phone else [])])


def entries(course: dict[str, Condition]) -> dict[str, Any]:
    """The directory in which every person is as said; zoe is there and sound throughout."""
    found: dict[str, Any] = {"uid=zoe": {"employeeType": "staff"}}
    member: dict[str, list[str]] = {name: ["uid=zoe"] for name in ("app", "chiefs", *GROUPS)}
    for name, now in course.items():
        if now.place == "gone":
            continue
        entry: dict[str, Any] = {"employeeType": "staff" if not now.disabled else "former"}
        entry["telephoneNumber"] = now.phone or None
        entry |= {
            "no mail": {"mail": None},
            "control sign in a name": {"givenName": "a\u0007b"},
            "control sign in an attribute": {"telephoneNumber": "1\n2"},
            "username taken": {"employeeNumber": "taken"},
            "template": {"employeeNumber": "fails"},
        }.get(now.fault, {})
        found[f"uid={name}"] = entry
        for group in (
            *now.groups,
            *(["chiefs"] if now.chief else []),
            *(["app"] if now.place == "here" else []),
        ):
            member[group].append(f"uid={name}")
    return found | {f"cn={name}": {"member": members} for name, members in member.items()}


USERNAME = (
    "{% if employeeNumber | default('') == 'taken' %}local"
    "{% elif employeeNumber | default('') == 'fails' %}{{ 1 // 0 }}{% else %}{{ uid }}{% endif %}"
)


@settings(max_examples=examples(30), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(lifecycle=lifecycles, course=courses)
def test_any_faults(
    lifecycle: dict[str, str],
    course: list[tuple[Condition, ...]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    stage = Stage(tmp_path_factory.mktemp("faults"), MemoryPlatform())
    (source,) = DESIRED["sources"]
    users = {
        "create": "all",
        "require": ["email"],
        "require_groups": ["cn=app,dc=example,dc=com"],
        "disabled_when": "{{ employeeType == 'former' }}",
        "fields": {"username": USERNAME},
        "attributes": [{"field": "phone", "value": "{{ telephoneNumber }}"}],
    }
    desired = DESIRED | {
        "lifecycle": lifecycle,
        "safety": {"shrink": "none", "limits": {"updates": "none"}},
        "sources": [source | {"users": users}],
        "groups": [{"source": "corp", "select": [f"cn={name}" for name in GROUPS]}],
        "role_mappings": [
            {"role": "chief", "groups": ["cn=chiefs"]},
            {"role": "clerk", "default": True},
        ],
    }
    local = {
        "kind": "user",
        "action": "create",
        "key": "local",
        "after": {"username": "local", "status": "active"},
    }
    stage.write(desired, {"corp": ldif({})})
    stage.by_hand([local])
    expected = {name: Expected(lifecycle) for name in PEOPLE}
    for step in course:
        now = dict(zip(PEOPLE, step, strict=True))
        stage.write(desired, {"corp": ldif(entries(now))})
        inputs = stage.inputs()
        told = preview(inputs)
        plan, _ = stage.plan()
        by_login = {
            name: logged_in(stage, name)
            for name in PEOPLE
            if now[name].place == "here" and expected[name].exists
        }
        report = stage.apply(plan)
        assert report.count("applied") == len(report.outcomes)
        for name in PEOPLE:
            expected[name].run(now[name])
        lines = [one for one in stage.state()["users"] if one.split()[0] in PEOPLE]
        assert lines == [one.line(name) for name, one in expected.items() if one.exists], now
        said = {one.dn: one.status for one in (*told.users, *told.skips)}  # type: ignore[attr-defined]
        for name, condition in now.items():
            if condition.place != "here" or not expected[name].exists:
                continue
            shown = said[f"uid={name},dc=example,dc=com"]
            assert shown in ("", expected[name].status), "the preview says what the plan does"
            assert shown or name not in by_login, "of who is a user the preview tells the status"
            own = [one for one in plan.changes if concerns(one, name)]
            if name in by_login:
                assert by_login[name] == own, "a login does what the plan does"
        assert stage.plan()[0].changes == ()


def concerns(change: Change, name: str) -> bool:
    """Whether a change is about the user of that name."""
    return change.kind in ("user", "grant", "membership") and change.key.partition("/")[0] == name


def logged_in(stage: Stage, name: str) -> list[Change]:
    """The changes that a login of the person of that name would make of its user."""
    inputs = stage.inputs()
    (source,) = inputs.desired.sources
    with closing(LdifDirectory(source)) as directory:
        names = login.names(source, name, inputs.current[0])
        snapshot = directory.read_person(names, query(inputs.desired, source))
    verdict = login.judge(msgspec.structs.replace(inputs, snapshots=(snapshot,)))
    return [one for one in verdict.plan.changes if concerns(one, name)]
