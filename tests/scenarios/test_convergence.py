"""Random directories, rules and platforms: what is applied is done, and nobody else is touched."""

from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reconcile.directories.ldif.adapter import LdifDirectory
from reconcile.errors import UsageError
from reconcile.model.change import ENDS, Plan, Scope
from reconcile.model.platform import PlatformState
from reconcile.planning import Inputs
from reconcile.planning import login as logins
from reconcile.planning.login import decision
from reconcile.planning.selection.query import query
from reconcile.platforms.memory.platform import MemoryPlatform
from tests.effort import examples
from tests.scenarios.stage import BASE, DESIRED, NOW, Stage, ldif, told

PEOPLE = ["ann", "bob", "cid", "dan", "eve", "Ann"]
OUS = ["", "ou=A", "ou=B,ou=A", "ou=C"]
GROUPS = ["one", "two", "three"]


@st.composite
def directories(draw: st.DrawFn, prefix: str = "") -> dict[str, Any]:
    """A small directory: OUs, people anywhere in them under any login, groups of people and groups."""
    entries: dict[str, Any] = {ou: {"entryUUID": f"{prefix}{ou}"} for ou in OUS if ou}
    logins = draw(st.permutations(PEOPLE))
    dns: list[str] = []
    for number in range(draw(st.integers(1, 5))):
        login, ou = logins[number], draw(st.sampled_from(OUS))
        dn = f"uid={login},{ou}" if ou else f"uid={login}"
        if dn.casefold() in map(str.casefold, dns):
            continue  # the same name to a directory
        entries[dn] = {
            "entryUUID": f"{prefix}id{number}",
            "mail": draw(st.sampled_from([None, "a@example.com", "b@example.com"])),
            "employeeType": draw(st.sampled_from(["staff", "former"])),
            "telephoneNumber": draw(st.sampled_from([None, "1", "2"])),
            "pwdAccountLockedTime": draw(st.sampled_from([None, None, "000001010000Z"])),
            "manager": draw(st.sampled_from([None, *dns])) if dns else None,
        }
        dns.append(dn)
    names = draw(st.permutations(GROUPS))
    for number in range(draw(st.integers(0, 3))):
        members = draw(
            st.lists(
                st.sampled_from([*dns, *(f"cn={name}" for name in GROUPS), "uid=ghost"]),
                max_size=4,
                unique=True,
            )
        )
        entries[f"cn={names[number]}"] = {"entryUUID": f"{prefix}g{number}", "member": members}
    # Without a group that decides who has a user, every plan would be refused.
    return {f"cn={GROUPS[0]}": {"entryUUID": f"{prefix}g", "member": dns[:1]}} | entries


@st.composite
def rules(draw: st.DrawFn) -> dict[str, Any]:
    """A desired state with any of the rules."""
    word = st.sampled_from(
        [
            *("keep", "deactivate", "block", "erase", "delete"),
            {"action": "keep", "after": "2d", "then": "block"},
            {"action": "block", "after": "1d", "then": "erase"},
            {"action": "deactivate", "after": "3d", "then": "delete"},
        ]
    )
    users = {
        "create": draw(
            st.sampled_from(["all", "mapped", "selected", "never", {"groups": ["cn=one"]}])
        ),
        "select": draw(st.lists(st.sampled_from(["a*", "bob", "EVE"]), max_size=2)),
        "exclude": draw(st.lists(st.sampled_from(["cid", "d*"]), max_size=1)),
        "require": draw(st.sampled_from([[], ["email"]])),
        "require_groups": draw(st.sampled_from([[], ["cn=one"]])),
        "filter": draw(st.sampled_from(["(objectClass=inetOrgPerson)", "(employeeType=staff)"])),
        "attributes": [{"field": "phone", "value": "{{ telephoneNumber }}"}],
        "manager_attribute": "manager",
        **draw(st.sampled_from([{}, {"create_disabled": False}])),
    }
    source = {
        "name": "corp",
        "type": "ldif",
        "files": ["corp.ldif"],
        "base_dn": BASE,
        "users": users,
    }
    other = source | {"name": "other", "files": ["other.ldif"], "users": {"create": "all"}}
    preset = draw(st.sampled_from(["none", "none", "processmaker", "vmmanager"]))
    silent = draw(st.sets(st.sampled_from(["roles", "lifecycle"]))) if preset != "none" else set()
    state = {
        "version": 1,
        "preset": preset,
        "platform": {"type": "sql", "url": "sqlite:///unused.db"},
        "sources": [source, other] if draw(st.booleans()) else [source],
        "role_mappings": [
            {"role": "admin", "groups": ["cn=one"]},
            {"role": "lead", "source": "corp", "groups": ["cn=t*"]},
            {"role": "basic", "default": True},
        ],
        "roles": {
            "mode": draw(st.sampled_from(["single", "multiple"])),
            "on_unmapped": draw(st.sampled_from(["default", "keep", "remove"])),
            "authoritative": draw(st.booleans()),
            "on_existing": draw(st.sampled_from(["enforce", "enforce", "keep"])),
        },
        "groups": [
            {
                "source": "corp",
                "select": draw(
                    st.lists(st.sampled_from(["cn=one", "cn=t*", "three"]), min_size=1, max_size=2)
                ),
                "nested": draw(st.sampled_from(["flatten", "ignore", "keep", "keep"])),
                "members": draw(st.sampled_from(["owned", "authoritative", "additive"])),
            }
            for _ in range(draw(st.integers(0, 2)))
        ],
        "departments": [
            {
                "source": "corp",
                "select": draw(st.sampled_from([["ou=A"], ["ou=*"], ["ou=C"]])),
                "children": draw(st.booleans()),
                **draw(st.sampled_from([{}, {"role": "clerk"}])),
            }
        ][: draw(st.integers(0, 1))],
        "lifecycle": {
            "on_missing": draw(word),
            "on_out_of_scope": draw(word),
            "on_disabled": draw(
                st.sampled_from(
                    ["deactivate", "block", {"action": "block", "after": "3d", "then": "erase"}]
                )
            ),
            "on_return": draw(st.sampled_from(["restore", "keep"])),
            "on_source_removed": draw(st.sampled_from(["keep", "deactivate", "block"])),
            "on_deleted": draw(st.sampled_from(["recreate", "ignore"])),
            "adopt_local": draw(st.sampled_from(["never", "matching_email", "always"])),
        },
    }
    return {key: value for key, value in state.items() if key not in silent}


BY_HAND: list[dict[str, Any]] = [
    {
        "kind": "user",
        "action": "create",
        "key": "eve",
        "after": {
            "username": "eve",
            "status": "vacation",
            "email": "A@example.com",
            "attributes": {},
        },
    },
    {"kind": "group", "action": "create", "key": "Two", "after": {"name": "Two"}},
    {
        "kind": "group",
        "action": "create",
        "key": "crew",
        "after": {"name": "crew", "groups": {"Two": ""}},
    },
    {
        "kind": "membership",
        "action": "create",
        "key": "eve/Two",
        "after": {"user": "eve", "group": "Two"},
    },
    {
        "kind": "grant",
        "action": "create",
        "key": "eve/admin",
        "after": {"user": "eve", "role": "admin"},
    },
]


def local(state: PlatformState, adopted: set[str]) -> set[Any]:
    """What no source owns: local users, their grants, their places in local groups. `adopted` are left out."""
    users = {user.id for user in state.users if not user.source and user.username not in adopted}
    groups = {group.id for group in state.groups if not group.source}
    return {
        *((user.username, user.status) for user in state.users if user.id in users),
        *(grant for grant in state.grants if grant.user in users),
        *(one for one in state.memberships if one.user in users and one.group in groups),
        *(group.name for group in state.groups if group.id in groups),
        *((group.id, above) for group in state.groups for above in groups & group.groups.keys()),
    }


def check_identity(plan: Plan, before: PlatformState, there: set[str]) -> None:
    """Nobody known is created again, nobody who is still in the directory is deleted or erased as missing."""
    known = {
        user.external_id for user in before.users if user.external_id and user.source == "corp"
    }
    for change in plan.changes:
        if change.kind != "user" or change.source != "corp":
            continue
        if change.action == "create":
            assert (change.after or {})["external_id"] not in known, told(change)
        if change.action in ENDS and change.reason.startswith("no longer"):
            assert (change.before or {})["external_id"] not in there, told(change)


@settings(
    max_examples=examples(150),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_what_is_applied_is_done(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    platform = MemoryPlatform()
    folder: Path = tmp_path_factory.mktemp("random")
    stage = Stage(folder, platform)
    desired = data.draw(rules())
    other = data.draw(directories("other-"))
    stage.write(desired, {"corp": ldif({"uid=x": {"mail": None}}), "other": ldif(other)})
    if data.draw(st.booleans()):
        stage.by_hand(BY_HAND)
    for day in range(data.draw(st.integers(1, 4))):
        at = f"2026-01-{day + 1:02}T00:00:00Z"
        directory = data.draw(directories())
        stage.write(desired, {"corp": ldif(directory)})
        before = platform.read("main")
        plan, _ = stage.plan(at=at)
        check_identity(plan, before, {entry["entryUUID"] for entry in directory.values()})
        report = stage.apply(plan)
        assert [
            (told(one.change), one.detail)
            for one in report.outcomes
            if one.result != "applied" or one.detail
        ] == []
        adopted = {change.key for change in plan.changes if change.action == "adopt"}
        assert adopted <= {"eve"}
        assert local(before, adopted) <= local(platform.read("main"), adopted)
        again, _ = stage.plan(at=at)
        assert [told(change) for change in again.changes] == []
        if data.draw(st.booleans()):
            desired = data.draw(rules())


NAMES = ["ann", "bob", "cid", "dan", "eve", "fay", "gus"]


@st.composite
def names_and_places(draw: st.DrawFn, count: int) -> list[str]:
    """DNs of so many people: any name, names handed on and swapped, the same in another case, in any unit."""
    names = draw(st.permutations(NAMES))[:count]
    cased = [draw(st.sampled_from([name, name.upper(), name.title()])) for name in names]
    return [f"uid={name},{draw(st.sampled_from(OUS))}".rstrip(",") for name in cased]


def outside(state: PlatformState, names: set[str]) -> set[Any]:
    """All that is known of these users, whom another source owns or none."""
    users = {
        user.id: user for user in state.users if user.source != "corp" and user.username in names
    }
    return {
        *((user.username, *map(repr, msgspec.structs.astuple(user))) for user in users.values()),
        *(grant for grant in state.grants if grant.user in users),
        *(membership for membership in state.memberships if membership.user in users),
    }


@settings(
    max_examples=examples(100),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_a_rename_a_move_or_a_change_of_case_makes_and_removes_nobody(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    platform = MemoryPlatform()
    stage = Stage(tmp_path_factory.mktemp("moves"), platform)
    desired = data.draw(rules())
    desired["lifecycle"] = desired.get("lifecycle", {}) | {"adopt_local": "never"}
    people = {"create": "all", "manager_attribute": "manager"}
    if data.draw(st.booleans()):
        people["fields"] = {"username": "{{ identifier }}@{{ domain }}"}  # type: ignore[assignment]
    desired["sources"][0] |= {"users": people}
    stage.write(desired, {"corp": ldif({}), "other": ldif(data.draw(directories("other-")))})
    stage.by_hand(BY_HAND)
    count = data.draw(st.integers(1, 5))
    numbers = st.integers(0, count - 1)
    locked = [data.draw(st.sampled_from([None, None, "000001010000Z"])) for _ in range(count)]
    managers = [data.draw(numbers) for _ in range(count)]
    groups = {name: data.draw(st.lists(numbers, max_size=3, unique=True)) for name in GROUPS}
    told: list[str] = []
    for day in range(data.draw(st.integers(2, 4))):
        dns = data.draw(names_and_places(count))
        told = (
            dns if not told or data.draw(st.booleans()) else told
        )  # members and managers may still be told by old names
        directory: dict[str, Any] = {ou: {"entryUUID": ou} for ou in OUS if ou}
        for number, dn in enumerate(dns):
            manager = told[managers[number]]
            directory[dn] = {
                "entryUUID": f"id{number}",
                "pwdAccountLockedTime": locked[number],
                "manager": manager,
            }
        for name, members in groups.items():
            directory[f"cn={name}"] = {
                "entryUUID": name,
                "member": [told[number] for number in members],
            }
        stage.write(desired, {"corp": ldif(directory)})
        before = platform.read("main")
        known = {user.external_id for user in before.users if user.source == "corp"}
        plan, _ = stage.plan(at=f"2026-01-{day + 1:02}T00:00:00Z")
        for change in plan.changes:
            if change.kind == "user" and change.source == "corp" and change.action != "update":
                assert change.action == "create", change
                assert (change.after or {})["external_id"] not in known
        stage.apply(plan)
        after = platform.read("main")
        assert known <= {user.external_id for user in after.users if user.source == "corp"}
        if day:  # the first run may take members by hand out of its groups
            others = {user.username for user in before.users if user.source != "corp"}
            assert outside(after, others) == outside(before, others)


def everybody(state: PlatformState) -> dict[str, set[str]]:
    """Group → the logins of all its members, those of nested groups included."""
    logins = {user.id: user.username for user in state.users}
    found: dict[str, set[str]] = {}
    for group in state.groups:
        within, waiting = {group.id}, [group.id]
        while waiting:
            above = waiting.pop()
            inner = {one.id for one in state.groups if above in one.groups} - within
            within |= inner
            waiting += inner
        found[group.name] = {logins[one.user] for one in state.memberships if one.group in within}
    return found


@settings(max_examples=examples(100), suppress_health_check=[HealthCheck.too_slow])
@given(
    directory=directories(),
    kept=st.lists(
        st.sampled_from(["cn=one", "cn=two", "cn=three"]), min_size=1, max_size=3, unique=True
    ),
    others=st.sampled_from(["ignore", "flatten", None]),
)
def test_whom_a_kept_group_holds_is_whom_a_flattened_one_holds(
    directory: dict[str, Any],
    kept: list[str],
    others: str | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    held = []
    for nested, rest in (("keep", others), ("flatten", "flatten")):
        rule = {"source": "corp", "select": kept, "nested": nested}
        more = [{"source": "corp", "select": ["cn=*"], "nested": rest}] if rest else []
        platform = MemoryPlatform()
        stage = Stage(tmp_path_factory.mktemp("nested"), platform)
        stage.write(DESIRED | {"groups": [rule, *more]}, {"corp": ldif(directory)})
        stage.apply(stage.plan()[0])
        held.append(everybody(platform.read("main")))
    kept_names = {name[3:] for name in kept} & held[0].keys()
    assert {name: held[0][name] for name in kept_names} == {
        name: held[1][name] for name in kept_names
    }


@settings(
    max_examples=examples(60),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(data=st.data())
def test_a_login_does_what_the_plan_of_everybody_does_for_that_person(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """A login looks at those users alone that it may be about; with all of them it says the same."""
    platform = MemoryPlatform()
    stage = Stage(tmp_path_factory.mktemp("logins"), platform)
    desired = data.draw(rules())
    stage.write(
        desired,
        {"corp": ldif(data.draw(directories())), "other": ldif(data.draw(directories("other-")))},
    )
    stage.apply(stage.plan()[0])
    stage.by_hand(
        BY_HAND[:1] if not any(one.username == "eve" for one in platform.read("main").users) else []
    )
    stage.write(data.draw(rules()), {"corp": ldif(data.draw(directories()))})
    state = stage.loaded().desired
    source, current = state.sources[0], platform.read("main")
    with closing(LdifDirectory(source)) as directory:
        snapshot = directory.read(query(state, source))
    for person in snapshot.persons:
        one = msgspec.structs.replace(snapshot, persons=(person,))
        inputs = Inputs(
            state, "", (), (), Scope(), (one,), (current,), platform.abilities, "test", NOW
        )
        with pytest.MonkeyPatch.context() as everybody:
            everybody.setattr(decision, "concerned", lambda whole, _: whole.current[0])
            expected = _judged(inputs)
        assert _judged(inputs) == expected


def _judged(inputs: Inputs) -> Any:
    try:
        found = logins.judge(inputs)
    except UsageError as error:
        return str(error)
    return found.username, found.user, found.wanted, found.disabled, found.skip, found.plan.changes
