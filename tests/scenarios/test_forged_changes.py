"""Changes that no rule makes, under any name, are refused by what they do to the platform."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings

from reconcile.errors import GuardRefused, PlanFileError, StalePlan
from reconcile.model.change import Change, Plan, Scope
from reconcile.model.platform import Grant, Group, Membership, PlatformState, Source, User
from reconcile.planning import beyond_rules
from reconcile.platforms.memory.platform import MemoryPlatform
from tests.effort import examples
from tests.scenarios import forging
from tests.scenarios.forging import change
from tests.scenarios.stage import BASE, DESIRED, Stage, ldif


def company() -> PlatformState:
    """Administrators and accounts of nobody, users of two sources, groups of one and by hand."""
    sources = (Source("corp", "ldif", BASE), Source("lab", "ldif", BASE))
    people = [
        User(name, name, name, name, f"{name}@example.com", source=source, external_id=f"id-{name}",
             dn=f"uid={name},{BASE}", status_origin=source)
        for source, names in (("corp", ("u1", "u2", "u3", "u4", "u5", "u6", "boss1")), ("lab", ("l1", "l2")))
        for name in names
    ]  # fmt: skip
    local = [User(name, name, email=f"{name}@example.com") for name in ("root", "guest", "admin2")]
    return PlatformState(
        "main",
        sources,
        groups=(
            Group("team", "team", "corp", "id-team", f"cn=team,{BASE}"),
            Group("staff", "staff", "corp", "id-staff", f"cn=staff,{BASE}"),
            Group("byhand", "byhand"),
        ),
        users=(*people, *local),
        roles=frozenset({"administrator", "clerk"}),
        memberships=(
            *(Membership(f"u{number}", "team", "corp") for number in range(1, 7)),
            Membership("boss1", "staff", "corp"),
            Membership("u1", "staff", "corp"),
            Membership("guest", "byhand"),
        ),
        grants=(
            Grant("root", "administrator"),
            Grant("admin2", "administrator"),
            Grant("boss1", "administrator", "corp"),
            *(Grant(f"u{number}", "clerk", "corp") for number in range(1, 7)),
        ),
    )


RULES: dict[str, Any] = {
    "sources": [
        DESIRED["sources"][0],
        DESIRED["sources"][0] | {"name": "lab", "files": ["lab.ldif"]},
    ],
    "role_mappings": [{"role": "clerk", "groups": ["cn=clerks"]}],
    "groups": [{"source": "corp", "select": ["cn=*"]}],
    "safety": {
        "limits": {"users_lost": 1, "memberships_lost": 2, "grants_lost": 1, "updates": 3},
        "protect": {"users": ["root", "boss*"], "min_admins": 2},
    },
}


def staged(folder: Path, **more: Any) -> Stage:
    stage = Stage(folder, MemoryPlatform(states=[company()]))
    stage.write(DESIRED | RULES | more, {"corp": ldif({}), "lab": ldif({})})
    return stage


OWN = {"source": "corp", "external_id": "id-u1", "dn": f"uid=u1,{BASE}"}


@pytest.mark.parametrize(
    ("forged", "code"),
    [
        (
            change("user", "adopt", "root", {"source": None}, {"source": "corp"}),
            "protected_user:main/root:1",
        ),
        (
            change("user", "adopt", "guest", {"source": None}, {"source": "corp"}),
            "account_taken:main/guest:1",
        ),
        (
            change("user", "adopt", "guest", dict.fromkeys(OWN), OWN | {"external_id": "id-new"}),
            "account_taken:main/guest:1",
        ),
        (
            change(
                "user",
                "update",
                "guest",
                {"email": "guest@example.com"},
                {"email": "x@y"},
                source="",
            ),
            "account_taken",
        ),
        (
            change(
                "user", "block", "guest", {"status": "active"}, {"status": "blocked"}, source=""
            ),
            "account_taken",
        ),
        (
            change("user", "delete", "guest", {"username": "guest"}, None, source=""),
            "account_taken:main/guest:1",
        ),
        (
            change(
                "user", "relink", "boss1", {"external_id": "id-boss1"}, {"external_id": "id-u1"}
            ),
            "protected_user:main/boss1:1",
        ),
        (
            change("user", "update", "u1", {"external_id": "id-u1"}, {"external_id": "id-new"}),
            "account_taken:main/u1:1",
        ),
        (
            change(
                "user",
                "relink",
                "u1",
                {"external_id": "id-u1", "email": "u1@example.com", "dn": f"uid=u1,{BASE}"},
                {"external_id": "id-new", "email": "new@example.com", "dn": f"uid=new,{BASE}"},
            ),
            "account_taken:main/u1:1",
        ),
        (
            change(
                "user",
                "relink",
                "u1",
                {"external_id": "id-u1", "email": "u1@example.com", "dn": f"uid=u1,{BASE}"},
                {"external_id": "id-new", "email": "new@example.com", "dn": None},
            ),
            "account_taken:main/u1:1",
        ),
        (  # the DN says the username once more, which is no second fact
            change(
                "user",
                "relink",
                "u1",
                {"external_id": "id-u1", "email": "u1@example.com"},
                {"external_id": "id-new", "email": "new@example.com"},
            ),
            "account_taken:main/u1:1",
        ),
        (
            change("user", "relink", "l1", {"source": "lab"}, {"source": "corp"}),
            "account_taken:main/l1:1",
        ),
        (
            change(
                "user", "relink", "l1", {"source": "lab"}, {"source": "nowhere"}, source="nowhere"
            ),
            "account_taken",
        ),
        (
            change("user", "relink", "u1", {"source": "corp"}, {"source": None}, source=""),
            "account_taken:main/u1:1",
        ),
        (
            change(
                "user",
                "create",
                "x",
                None,
                {"username": "x", "source": "nowhere"},
                source="nowhere",
            ),
            "account_taken:main/x:1",
        ),
        (
            change("group", "relink", "byhand", {"source": None}, {"source": "corp"}),
            "group_taken:main/byhand:1",
        ),
        (
            change("group", "relink", "team", {"source": "corp"}, {"source": "lab"}, source="lab"),
            "group_taken",
        ),
        (
            change(
                "group",
                "relink",
                "team",
                {"external_id": "id-team", "name": "team", "dn": f"cn=team,{BASE}"},
                {"external_id": "id-x", "name": "x", "dn": f"cn=x,{BASE}"},
            ),
            "group_taken:main/team:1",
        ),
        (
            change("group", "update", "byhand", {"name": "byhand"}, {"name": "x"}, source=""),
            "group_taken",
        ),
        (
            change(
                "group",
                "update",
                "team",
                {"groups": {}},
                {"groups": {"byhand": "lab"}},
                source="lab",
            ),
            "group_taken",
        ),
        (
            change(
                "grant",
                "create",
                "guest/clerk",
                None,
                {"user": "guest", "role": "clerk", "origin": "corp"},
            ),
            "not_its_own:main/guest/clerk:1",
        ),
        (
            change(
                "grant",
                "create",
                "l1/clerk",
                None,
                {"user": "l1", "role": "clerk", "origin": "corp"},
            ),
            "not_its_own:main/l1/clerk:1",
        ),
        (
            change(
                "grant",
                "create",
                "u1/administrator",
                None,
                {"user": "u1", "role": "administrator", "origin": "corp"},
            ),
            "not_its_own:main/u1/administrator:1",
        ),
        (
            change(
                "grant",
                "create",
                "u1/x",
                None,
                {"user": "u1", "role": "x", "origin": "no"},
                source="no",
            ),
            "not_its_own:main/u1/x:1",
        ),
        (
            change(
                "membership",
                "create",
                "l1/team",
                None,
                {"user": "l1", "group": "team", "origin": "corp"},
            ),
            "not_its_own:main/l1/team:1",
        ),
        (
            change(
                "membership",
                "create",
                "u1/byhand",
                None,
                {"user": "u1", "group": "byhand", "origin": "corp"},
            ),
            "not_its_own:main/u1/byhand:1",
        ),
        (
            change(
                "user",
                "block",
                "u1",
                {"status": "active"},
                {"status": "blocked"},
                source="elsewhere",
            ),
            "not_its_own:main/u1:1",
        ),
        (
            change("source", "update", "corp", {"base_dn": BASE}, {"base_dn": "dc=x"}),
            "not_its_own:main/corp:1",
        ),
        (
            change("source", "create", "x", None, {"name": "x", "type": "ldif"}, source="x"),
            "not_its_own:main/x:1",
        ),
        (
            change(
                "grant",
                "delete",
                "u1/clerk",
                {"user": "u1", "role": "clerk", "origin": "corp"},
                None,
                source="lab",
            ),
            "not_its_own:main/u1/clerk:1",
        ),
    ],
)
def test_what_no_rule_does_is_refused_by_its_effect(
    tmp_path: Path, forged: Change, code: str
) -> None:
    stage = staged(tmp_path)
    made, _ = stage.plan(accept=[])
    with pytest.raises(GuardRefused, match=code):
        stage.apply(forging.plan_of(made, [forged]))
    with stage.platform(stage.settings()) as platform:
        assert platform.read("main") == company()


ADOPTED = {"source": None, "username": "guest", "email": "guest@example.com"}


@pytest.mark.parametrize(
    ("adopts", "after", "said"),
    [
        ("always", {"username": "guest"}, ""),
        ("always", {"username": "GUEST", "email": "x@example.com"}, ""),
        ("always", {"username": "visitor"}, "an account of another name"),
        ("matching_email", {"email": "Guest@example.com"}, ""),
        ("matching_email", {"email": "x@example.com"}, "an account with another e-mail address"),
        ("matching_email", {"email": None}, "an account with another e-mail address"),
        ("never", {}, "what belongs to no source"),
    ],
)
def test_an_account_is_adopted_as_the_configuration_says(
    tmp_path: Path, adopts: str, after: dict[str, str | None], said: str
) -> None:
    desired = staged(tmp_path, lifecycle={"adopt_local": adopts}).loaded().desired
    before: dict[str, Any] = {field: ADOPTED[field] for field in {"source", *after}}
    forged = change("user", "adopt", "guest", before, {"source": "corp"} | after)
    found = [one.detail for one in beyond_rules([forged], company(), desired)]
    assert bool(found) == bool(said)
    assert all(said in detail for detail in found)


@pytest.mark.parametrize(
    "forged",
    [
        change(
            "user", "update", "guest", {"manager": "u1"}, {"manager": None}, source=""
        ),  # whom u1's erasure leaves
        change(
            "user", "block", "gone", {"status": "active"}, {"status": "blocked"}, source=""
        ),  # a stale plan
    ],
)
def test_what_is_refused_elsewhere_or_follows_from_an_erasure_is_not_refused_here(
    tmp_path: Path, forged: Change
) -> None:
    assert list(beyond_rules([forged], company(), staged(tmp_path).loaded().desired)) == []


def test_an_honest_plan_that_is_narrowed_to_a_group_brings_whom_it_takes_over(
    tmp_path: Path,
) -> None:
    source = DESIRED["sources"][0]
    rules = {
        "sources": [
            source | {"name": "north", "files": ["north.ldif"]},
            source | {"name": "south", "files": ["south.ldif"], "takes_over": ["north"]},
        ],
        "groups": [{"source": "south", "select": ["cn=fleet"]}],
    }
    stage = Stage(tmp_path, MemoryPlatform())
    zoe: dict[str, Any] = {"uid=zoe": None}
    stage.write(
        DESIRED | rules, {"north": ldif({"uid=ann": None, "uid=bob": None}), "south": ldif(zoe)}
    )
    stage.apply(stage.plan()[0])
    fleet = {"uid=ann": {"entryUUID": "south-ann"}, "cn=fleet": {"member": ["uid=ann", "uid=zoe"]}}
    stage.write(DESIRED | rules, {"north": ldif({"uid=bob": None}), "south": ldif(zoe | fleet)})
    made, _ = stage.plan(Scope(targets=("group:fleet",)))
    assert [one.key for one in made.changes] == ["fleet", "ann", "ann/fleet", "zoe/fleet"]
    stage.apply(made)
    assert stage.state()["users"][0] == "ann active of south groups fleet"


NEW = {"username": "new", "source": "lab", "external_id": "id-new"}
BLOCK = change("user", "block", "u1", {"status": "active"}, {"status": "blocked"})


@pytest.mark.parametrize(
    ("forged", "why"),
    [
        (
            (
                change("user", "create", "new", None, NEW, source="lab"),
                change("user", "update", "u2", {"username": "u2"}, {"username": "NEW"}),
            ),
            "another change also gives the name",
        ),
        ((BLOCK, BLOCK), "another change is about the same"),
        (
            (
                change(
                    "user", "update", "u1", {"email": "u1@example.com"}, {"email": "a@example.com"}
                ),
                change(
                    "user", "relink", "u1", {"email": "u1@example.com"}, {"email": "b@example.com"}
                ),
            ),
            "another change is about the same",
        ),
    ],
)
def test_no_two_changes_are_about_the_same(
    tmp_path: Path, forged: tuple[Change, ...], why: str
) -> None:
    stage = staged(tmp_path)
    made, _ = stage.plan(accept=[])
    with pytest.raises(GuardRefused, match=why):
        stage.apply(forging.plan_of(made, list(forged)))


def test_losses_are_counted_for_the_source_that_has_them_whatever_the_change_says(
    tmp_path: Path,
) -> None:
    stage = staged(tmp_path, safety={"limits": {"users_lost": "25%"}, "at_least": 1})
    made, _ = stage.plan(accept=[])
    blocks = [
        change("user", "block", name, {"status": "active"}, {"status": "blocked"}, source=source)
        for name, source in (("u1", "a"), ("u2", "b"))
    ]
    with pytest.raises(GuardRefused, match="not_its_own"):
        stage.apply(forging.plan_of(made, blocks))


@pytest.mark.parametrize(
    ("more", "forged"),
    [
        (
            {"lifecycle": {"adopt_local": "always"}},
            change("user", "adopt", "guest", {"source": None}, {"source": "corp"}),
        ),
        (
            {"links": [{"user": "guest", "source": "corp", "person": "id-u9"}]},
            change("user", "relink", "guest", {"source": None}, {"source": "corp"}),
        ),
        ({}, change("user", "relink", "u1", {"external_id": "id-u1"}, {"external_id": "id-new"})),
        (
            {"links": [{"group": "byhand", "source": "corp", "entry": "cn=x"}]},
            change("group", "relink", "byhand", {"source": None}, {"source": "corp"}),
        ),
        (
            {},
            change("user", "update", "u1", {"email": "u1@example.com"}, {"email": "x@example.com"}),
        ),
        (
            {},
            change(
                "grant",
                "create",
                "u1/clerk",
                None,
                {"user": "u1", "role": "clerk", "origin": "corp"},
            ),
        ),
    ],
)
def test_what_a_rule_can_do_is_not_refused(
    tmp_path: Path, more: dict[str, Any], forged: Change
) -> None:
    desired = staged(tmp_path, **more).loaded().desired
    assert list(beyond_rules([forged], company(), desired)) == []


ADMINISTRATOR, TEAM = "administrator", "team"


def check_kept(before: PlatformState, after: PlatformState) -> None:
    """What the configuration promises, seen from the two states alone."""
    was, now = ({user.id: user for user in state.users} for state in (before, after))
    serving = {"active", "vacation"}
    for name in ("root", "boss1"):
        kept = [
            (state[name].username, state[name].source, state[name].external_id)
            for state in (was, now)
        ]
        assert kept[0] == kept[1], "a protected account keeps its name and its owner"
        assert now[name].status in serving
    for user in before.users:
        if not user.source:
            manager = now[user.id].manager if user.id in now else None
            assert now.get(user.id) == msgspec.structs.replace(user, manager=manager), (
                "no source's account stays so"
            )
    admins = {
        one.user for one in after.grants
        if one.role == ADMINISTRATOR and not now[one.user].source and now[one.user].status in serving
    }  # fmt: skip
    assert admins >= {"root", "admin2"}
    for source in ("corp", "lab"):
        own = [user for user in before.users if user.source == source and user.status in serving]
        lost = [user for user in own if user.id not in now or now[user.id].status not in serving]
        assert len(lost) <= 1
        assert all(now[user.id].source == source for user in own if user.id in now)
    there = {user.id for user in after.users if user.status != "erased"}
    for kind, limit in (("memberships", 2), ("grants", 1)):
        left = {
            (one.user, getattr(one, "group", "") or getattr(one, "role", ""))
            for one in getattr(after, kind)
        }
        old = {
            (one.user, getattr(one, "group", "") or getattr(one, "role", ""))
            for one in getattr(before, kind)
        }
        assert len([pair for pair in old - left if pair[0] in there]) <= limit
    for grant in set(after.grants) - set(before.grants):
        assert grant.role == "clerk"
        assert now[grant.user].source == grant.origin
    for one in set(after.memberships) - set(before.memberships):
        assert now[one.user].source == one.origin == "corp"
    for user in before.users:
        if user.id in now and now[user.id].external_id not in ("", user.external_id):
            same = [
                getattr(user, fact) == getattr(now[user.id], fact)
                for fact in ("username", "email", "dn")
            ]
            assert sum(same) >= 2, "an account is handed over only if two facts agree"


@pytest.fixture(scope="module")
def honest(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Plan]:
    stage = staged(tmp_path_factory.mktemp("honest"))
    return stage.folder, stage.plan(accept=[])[0]


@settings(max_examples=examples(600), deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(forged=forging.changes(company()))
def test_no_forged_plan_passes_a_guard(forged: list[Change], honest: tuple[Path, Plan]) -> None:
    folder, made = honest
    platform = MemoryPlatform(states=[company()])
    try:
        Stage(folder, platform).apply(forging.plan_of(made, forged))
    except (PlanFileError, GuardRefused, StalePlan):
        assert platform.read("main") == company()
        return
    check_kept(company(), platform.read("main"))
