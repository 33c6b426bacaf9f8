"""What a platform cannot do is said when the plan is made, and never found out when it is applied."""

from pathlib import Path
from typing import Any

import pytest

from reconcile.errors import RulesRefused
from reconcile.model.platform import Abilities
from reconcile.platforms.memory.application import MemoryApplication
from reconcile.render.wording import headline
from reconcile.testing.driven import driven
from tests.scenarios.stage import DESIRED, Stage, ldif

SOURCE = DESIRED["sources"][0]


def stage_of(
    folder: Path, directory: dict[str, Any], desired: dict[str, Any], **able: Any
) -> Stage:
    abilities = Abilities(**{"any_role": True, "nested_groups": True, **able})
    stage = Stage(folder, driven(folder, MemoryApplication(abilities=abilities)))
    stage.write(DESIRED | desired, {"corp": ldif(directory)})
    return stage


def played(stage: Stage) -> tuple[set[str], list[str]]:
    """Applies the plan; the users there are, and the skips in words."""
    plan, _ = stage.plan()
    report = stage.apply(plan)
    assert [one for one in report.outcomes if one.result != "applied"] == []
    assert stage.plan()[0].changes == ()
    skips = [f"{one.username or one.subject}: {one.detail}" for one in plan.skips]
    assert {one.code for one in plan.skips} <= {"not_supported"}
    return {line.split()[0] for line in stage.state()["users"]}, skips


@pytest.mark.parametrize(
    ("able", "why"),
    [
        ({"charset": "ascii"}, "has characters beyond ASCII, which the platform cannot keep"),
        ({"charset": "latin-1"}, "has characters beyond Latin-1, which the platform cannot keep"),
        (
            {"lengths": {"username": 6}, "lengths_in": "bytes"},
            "has more than 6 bytes, which is all the platform keeps",
        ),
    ],
)
def test_a_value_that_does_not_fit_is_a_skip(able: Any, why: str, tmp_path: Path) -> None:
    stage = stage_of(tmp_path, {"uid=ann": None, "uid=łukasz": {"cn": "x", "sn": "x"}}, {}, **able)
    users, skips = played(stage)
    assert users == {"ann"}
    assert skips == [f"łukasz: the username {why}"]


def test_a_field_that_cannot_change_stays(tmp_path: Path) -> None:
    able = {"fixed": {"user": frozenset({"username"})}}
    stage = stage_of(tmp_path, {"uid=ann": {"entryUUID": "1"}}, {}, **able)
    played(stage)
    stage.write(DESIRED, {"corp": ldif({"uid=eve": {"entryUUID": "1", "sn": "New"}})})
    users, skips = played(stage)
    assert users == {"ann"}
    assert skips == ["eve: the platform cannot change the username of a user"]


def test_no_user_or_group_gets_a_name_that_the_platform_protects(tmp_path: Path) -> None:
    able = {"protected": {"user": ("root", "sys*"), "group": ("AWS*",)}}
    groups = {"groups": [{"source": "corp", "select": ["cn=*"]}]}
    directory = {
        "uid=ann": None,
        "uid=SYSTEM": None,
        "uid=root2": {"entryUUID": "2"},
        "cn=aws-readers": {"member": "uid=ann"},
        "cn=readers": {"member": "uid=ann"},
    }
    stage = stage_of(tmp_path, directory, groups, **able)
    users, skips = played(stage)
    assert users == {"ann", "root2"}
    assert sorted(stage.state()["groups"]) == ["readers"]
    assert skips == [
        "aws-readers: the platform protects the name 'aws-readers'",
        "SYSTEM: the platform protects the name 'SYSTEM'",
    ]
    renamed = {"uid=ann": None, "uid=root": {"entryUUID": "2"}}
    stage.write(DESIRED, {"corp": ldif(renamed)})
    users, skips = played(stage)
    assert users == {"ann", "root2"}
    assert skips == ["root: the platform protects the name 'root'"]


def test_one_role_where_there_can_be_no_more(tmp_path: Path) -> None:
    mappings = [
        {"source": "corp", "groups": [f"cn={name},dc=example,dc=com"], "role": name}
        for name in ("boss", "operator")
    ]
    directory = {
        "uid=ann": None,
        "cn=boss": {"member": "uid=ann"},
        "cn=operator": {"member": "uid=ann"},
    }
    roles = {"role_mappings": mappings, "roles": {"mode": "multiple"}}
    stage = stage_of(tmp_path, directory, roles, several_roles=False)
    _, skips = played(stage)
    assert skips == ["ann: the platform gives a user one role, and the rules give boss, operator"]


def test_a_lacking_status_becomes_a_harder_one(tmp_path: Path) -> None:
    able = {"statuses": frozenset({"active", "inactive"}), "deletes": frozenset()}
    with pytest.raises(RulesRefused):
        stage_of(tmp_path, {"uid=ann": None}, {}, statuses=frozenset({"active"})).plan()
    lifecycle = {"lifecycle": {"on_missing": "deactivate"}}
    stage = stage_of(tmp_path, {"uid=ann": None, "uid=bob": None}, lifecycle, **able)
    played(stage)
    stage.write(DESIRED | lifecycle, {"corp": ldif({"uid=ann": None})})
    plan, _ = stage.plan()
    stage.apply(plan)
    assert "bob inactive of corp" in stage.state()["users"]


def test_a_kind_that_the_platform_lacks_is_refused_with_its_rule(tmp_path: Path) -> None:
    groups = {"groups": [{"source": "corp", "select": ["staff"]}]}
    stage = stage_of(
        tmp_path,
        {"uid=ann": None, "cn=staff": {"member": "uid=ann"}},
        groups,
        lacks=frozenset({"group"}),
    )
    with pytest.raises(RulesRefused) as refused:
        stage.plan()
    assert "has no groups: remove the rule" in str(refused.value)


def test_whoever_needs_a_role_and_has_none_is_not_created(tmp_path: Path) -> None:
    mappings = {
        "role_mappings": [
            {"source": "corp", "groups": ["cn=staff,dc=example,dc=com"], "role": "operator"}
        ]
    }
    directory = {"uid=ann": None, "uid=bob": None, "cn=staff": {"member": "uid=ann"}}
    stage = stage_of(tmp_path, directory, mappings, needs=frozenset({"role"}))
    users, skips = played(stage)
    assert users == {"ann"}
    assert skips == ["bob: the platform wants every user to have a role"]


ACTIVE_OR_NOT = frozenset({"active", "inactive"})


@pytest.mark.parametrize("deletes", [frozenset(), frozenset({"user"})], ids=["kept", "deletable"])
def test_whoever_is_to_be_blocked_is_never_deleted_for_lack_of_a_status(
    deletes: frozenset[str], tmp_path: Path
) -> None:
    people = {"uid=ann": None, "uid=bob": None}
    stage = stage_of(tmp_path, people, {}, statuses=ACTIVE_OR_NOT, deletes=deletes)
    played(stage)
    stage.write(DESIRED, {"corp": ldif({"uid=ann": None})})
    plan, _ = stage.plan()
    assert [(one.key, one.action) for one in plan.changes] == [("bob", "deactivate")]
    stage.apply(plan)
    assert stage.plan()[0].changes == ()
    stage.write(DESIRED, {"corp": ldif(people)})
    played(stage)
    assert "bob active of corp" in stage.state()["users"]


@pytest.mark.parametrize(
    ("deletes", "left", "skipped"),
    [
        (frozenset({"user"}), {"ann"}, []),
        (frozenset(), {"ann", "bob"}, ["the platform can neither erase nor delete a user"]),
    ],
    ids=["deleted", "kept"],
)
def test_who_is_to_be_erased_is_deleted_or_left(
    deletes: frozenset[str], left: set[str], skipped: list[str], tmp_path: Path
) -> None:
    erase = {"lifecycle": {"on_missing": "erase"}}
    people = {"uid=ann": None, "uid=bob": None}
    stage = stage_of(tmp_path, people, erase, statuses=ACTIVE_OR_NOT, deletes=deletes)
    played(stage)
    stage.write(DESIRED | erase, {"corp": ldif({"uid=ann": None})})
    plan, _ = stage.plan()
    assert [one.detail for one in plan.skips] == skipped
    stage.apply(plan)
    assert {line.split()[0] for line in stage.state()["users"]} == left


def test_who_is_deleted_in_place_of_erased_is_no_skip_of_a_fixed_name(tmp_path: Path) -> None:
    erase = {"lifecycle": {"on_missing": "erase"}}
    fixed = {"user": frozenset({"username"})}
    able = {"statuses": ACTIVE_OR_NOT, "fixed": fixed}
    stage = stage_of(tmp_path, {"uid=ann": None, "uid=bob": None}, erase, **able)
    played(stage)
    stage.write(DESIRED | erase, {"corp": ldif({"uid=ann": None})})
    assert played(stage) == ({"ann"}, [])


def test_an_attribute_with_a_name_that_cannot_be_is_refused(tmp_path: Path) -> None:
    attributes = [
        {"field": "title", "value": "x"},
        {"field": "job title", "value": "x"},
        {"field": "title2", "value": "x"},
    ]
    rules = {"sources": [SOURCE | {"users": {"create": "all", "attributes": attributes}}]}
    stage = stage_of(tmp_path, {"uid=ann": None}, rules, attribute_names="[a-z]+")
    with pytest.raises(RulesRefused) as refused:
        stage.plan()
    assert [path for path, _ in refused.value.rules] == [
        "sources[0].users.attributes[1].field",
        "sources[0].users.attributes[2].field",
    ]


@pytest.mark.parametrize("adopts", ["matching_email", "always"])
def test_where_names_say_nothing_no_account_is_adopted_by_one(adopts: str, tmp_path: Path) -> None:
    rules = {"lifecycle": {"adopt_local": adopts}}
    stage = stage_of(tmp_path, {"uid=ann": None}, rules, recognises_names=False)
    with pytest.raises(RulesRefused, match=r"lifecycle.adopt_local: contradicts the platform"):
        stage.plan()


@pytest.mark.parametrize("recognises", [True, False])
def test_where_names_say_nothing_a_lost_ledger_stays_lost(recognises: bool, tmp_path: Path) -> None:
    able: dict[str, Any] = {"fields": {"user": frozenset({"username", "email", "status"})}}
    stage = stage_of(tmp_path, {"uid=ann": None}, {}, recognises_names=recognises, **able)
    played(stage)
    (tmp_path / "ledger.db").unlink()
    plan, _ = stage.plan()
    assert bool([one for one in plan.changes if one.action == "adopt"]) == recognises
    assert bool(plan.skips) != recognises


def test_a_group_that_cannot_be_renamed_loses_members_and_gains_none(tmp_path: Path) -> None:
    groups = {"groups": [{"source": "corp", "select": ["cn=*"]}]}
    able = {"fixed": {"group": frozenset({"name"})}}
    people = {"uid=ann": None, "uid=bob": None, "uid=cid": None}
    before = {"cn=old": {"entryUUID": "g", "member": ["uid=ann", "uid=bob"]}}
    stage = stage_of(tmp_path, people | before, groups, **able)
    played(stage)
    after = {"cn=new": {"entryUUID": "g", "member": ["uid=bob", "uid=cid"]}}
    stage.write(DESIRED | groups, {"corp": ldif(people | after)})
    _, skips = played(stage)
    assert skips == ["new: the platform cannot change the name of a group"]
    lines = {line.split()[0]: line for line in stage.state()["users"]}
    assert "groups old" in lines["bob"]
    assert "groups" not in lines["ann"]
    assert "groups" not in lines["cid"]


def test_groups_departments_and_attributes_that_do_not_fit(tmp_path: Path) -> None:
    desired = {
        "groups": [{"source": "corp", "select": ["cn=*"]}],
        "departments": [{"source": "corp", "select": ["ou=*"]}],
        "sources": [
            SOURCE
            | {
                "users": SOURCE["users"]
                | {"attributes": [{"field": "title", "value": "{{ title }}"}]}
            }
        ],
    }
    directory = {
        "uid=ann": {"title": "Chief"},
        "ou=Łódź": None,
        "uid=bob,ou=Łódź": {"title": "x"},
        "cn=zespół": {"member": "uid=ann"},
    }
    stage = stage_of(tmp_path, directory, desired, charset="ascii")
    users, skips = played(stage)
    assert users == {"ann", "bob"}
    assert skips == [
        "zespół: the group has characters beyond ASCII, which the platform cannot keep",
        "Łódź: the department has characters beyond ASCII, which the platform cannot keep",
    ]
    directory["uid=ann"] = {"title": "Wódz"}
    stage.write(DESIRED | desired, {"corp": ldif(directory)})
    _, skips = played(stage)
    assert any("attribute title has characters beyond ASCII" in skip for skip in skips)


PHONE = [
    SOURCE | {"users": SOURCE["users"] | {"attributes": [{"field": "phone", "value": "{{ tel }}"}]}}
]


def test_each_attribute_has_a_length_of_its_own(tmp_path: Path) -> None:
    people = {"uid=ann": {"tel": "12345"}, "uid=bob": {"tel": "123456"}}
    stage = stage_of(tmp_path, people, {"sources": PHONE}, lengths={"attribute phone": 5})
    plan, notices = stage.plan()
    created = {one.key: one.after or {} for one in plan.changes if one.kind == "user"}
    assert {name: after["attributes"] for name, after in created.items()} == {
        "ann": {"phone": "12345"},
        "bob": {},
    }
    assert any("attribute phone" in text for text in (*notices, *map(str, plan.skips)))


def test_an_attribute_that_the_platform_does_not_keep_is_refused(tmp_path: Path) -> None:
    stage = stage_of(
        tmp_path, {"uid=ann": None}, {"sources": PHONE}, attributes=frozenset({"title"})
    )
    with pytest.raises(RulesRefused) as refused:
        stage.plan()
    assert str(refused.value) == (
        "sources[0].users.attributes[0]: the platform has no attribute 'phone'; it has: title"
    )


def test_a_second_role_leaves_the_first(tmp_path: Path) -> None:
    mappings = [
        {"source": "corp", "groups": [f"cn={name},dc=example,dc=com"], "role": name}
        for name in ("boss", "operator")
    ]
    roles = {"role_mappings": mappings, "roles": {"mode": "multiple"}}
    one = {"uid=ann": None, "cn=boss": {"member": "uid=ann"}, "cn=operator": {"member": []}}
    stage = stage_of(tmp_path, one, roles, several_roles=False)
    played(stage)
    stage.write(DESIRED | roles, {"corp": ldif(one | {"cn=operator": {"member": "uid=ann"}})})
    played(stage)
    assert "ann active of corp roles boss" in stage.state()["users"]


def test_one_who_loses_what_every_user_needs_is_said(tmp_path: Path) -> None:
    mappings = {
        "role_mappings": [
            {"source": "corp", "groups": ["cn=staff,dc=example,dc=com"], "role": "operator"}
        ],
        "roles": {"on_unmapped": "remove"},
    }
    directory = {"uid=ann": None, "uid=bob": None, "cn=staff": {"member": ["uid=ann", "uid=bob"]}}
    stage = stage_of(tmp_path, directory, mappings, needs=frozenset({"role"}))
    played(stage)
    directory["cn=staff"] = {"member": ["uid=ann"]}
    stage.write(DESIRED | mappings, {"corp": ldif(directory)})
    plan, _ = stage.plan()
    assert [(one.username, one.exists) for one in plan.skips] == [("bob", True)]


def test_a_role_that_the_platform_does_not_have_is_refused(tmp_path: Path) -> None:
    mappings = [{"source": "corp", "groups": ["cn=staff,dc=example,dc=com"], "role": "operator"}]
    departments = [{"source": "corp", "select": ["ou=*"], "role": "seller"}]
    desired = {"role_mappings": mappings, "departments": departments}
    directory = {"uid=ann": None, "ou=Sales": None, "cn=staff": {"member": "uid=ann"}}
    stage = stage_of(tmp_path, directory, desired, any_role=False)
    with pytest.raises(RulesRefused) as refused:
        stage.plan()
    assert "has no role 'operator'; it has: none" in str(refused.value)
    assert "has no role 'seller'; it has: none" in str(refused.value)


NESTED = {"groups": [{"source": "corp", "select": ["cn=*"], "nested": "keep"}]}


def test_groups_in_each_other_are_nested_no_further_where_the_platform_has_no_circles(
    tmp_path: Path,
) -> None:
    directory: dict[str, Any] = {
        "uid=ann": None,
        "cn=a": {"member": ["uid=ann"]},
        "cn=b": {"member": ["cn=a"]},
        "cn=c": {"member": ["cn=b"]},
        "cn=top": {"member": ["cn=c"]},
    }
    stage = stage_of(tmp_path, directory, NESTED, circles=False)
    played(stage)
    directory["cn=a"]["member"] = ["uid=ann", "cn=c"]
    stage.write(DESIRED | NESTED, {"corp": ldif(directory)})
    _, skips = played(stage)
    why = "the groups 'a', 'b', 'c' are in each other, which the platform cannot have"
    assert skips == [f"c: {why}"]
    with stage.platform(None) as platform:
        names = {group.id: group.name for group in platform.read("main").groups}
        nested = {
            (one.name, names[up]) for one in platform.read("main").groups for up in one.groups
        }
    assert nested == {("a", "b"), ("b", "c"), ("c", "top")}


def test_a_user_and_a_group_of_one_name_are_a_skip_where_names_are_shared(tmp_path: Path) -> None:
    directory = {"uid=ann": None, "uid=STAFF": None, "cn=staff": {"member": "uid=ann"}}
    groups = {"groups": [{"source": "corp", "select": ["cn=*"]}]}
    stage = stage_of(tmp_path, directory, groups, one_namespace=True)
    users, skips = played(stage)
    assert users == {"ann"}
    assert skips == [
        "STAFF: a group of the platform is called 'STAFF', and no two objects have the same name"
    ]
    directory["cn=Ann"] = {"member": "uid=ann"}
    stage.write(DESIRED | groups, {"corp": ldif(directory)})
    _, skips = played(stage)
    assert (
        skips[0]
        == "Ann: a user of the platform is called 'Ann', and no two objects have the same name"
    )


def test_a_name_of_what_is_not_listed_is_a_skip(tmp_path: Path) -> None:
    class Hiding(MemoryApplication):
        def read(self, workspace: str) -> Any:
            return super().read(workspace)._replace(taken=["root"])

    stage = Stage(tmp_path, driven(tmp_path, Hiding(abilities=Abilities(any_role=True))))
    directory = {"uid=ann": {"entryUUID": "1"}, "uid=Root": None}
    stage.write(DESIRED, {"corp": ldif(directory)})
    users, skips = played(stage)
    assert users == {"ann"}
    assert skips == ["Root: the platform has 'Root' already, and reconcile does not touch it"]
    stage.write(DESIRED, {"corp": ldif({"uid=root": {"entryUUID": "1"}})})
    users, skips = played(stage)
    assert users == {"ann"}, "nor is a user renamed to it"
    assert len(skips) == 1


def test_an_attribute_that_is_to_be_a_time_and_is_none_is_a_skip(tmp_path: Path) -> None:
    source = SOURCE | {
        "users": {"create": "all", "attributes": [{"field": "ends", "value": "{{ title }}"}]}
    }
    directory = {"uid=ann": {"title": "20270131"}, "uid=bob": {"title": "soon"}, "uid=cid": None}
    able = {"attributes": frozenset({"ends"}), "times": frozenset({"ends"})}
    stage = stage_of(tmp_path, directory, {"sources": [source]}, **able)
    users, skips = played(stage)
    assert users == {"ann", "cid"}
    assert skips == ["bob: the attribute ends is no time: soon"]


def test_two_names_that_the_platform_cannot_tell_apart_are_not_both_given(tmp_path: Path) -> None:
    able = {"names_ignore": "accents"}
    groups = {"groups": [{"source": "corp", "select": ["cn=*"]}]}
    directory = {
        "uid=jose": {"entryUUID": "1", "cn": "x", "sn": "x"},
        "cn=Büro": {"member": "uid=jose"},
    }
    stage = stage_of(tmp_path, directory, groups, **able)
    assert played(stage) == ({"jose"}, [])
    # An older account keeps its name, and so does the older group.
    later = directory | {
        "uid=josé": {"entryUUID": "2", "cn": "x", "sn": "x"},
        "uid=maße": {"entryUUID": "3", "cn": "x", "sn": "x"},
        "cn=buro": {"member": "uid=josé"},
    }
    stage.write(DESIRED | groups, {"corp": ldif(later)})
    users, skips = played(stage)
    assert users == {"jose", "maße"}
    assert sorted(stage.state()["groups"]) == ["Büro"]
    assert skips == [
        "buro: to the platform 'buro' is the name of the group 'Büro'",
        "josé: to the platform 'josé' is the name of the user 'jose'",
    ]
    # Once the older one has another name, the name is free.
    renamed = later | {"uid=pepe": {"entryUUID": "1", "cn": "x", "sn": "x"}}
    del renamed["uid=jose"]
    renamed["cn=Büro"] = {"member": "uid=pepe"}
    stage.write(DESIRED | groups, {"corp": ldif(renamed)})
    users, skips = played(stage)
    assert users == {"pepe", "josé", "maße"}
    assert skips == ["buro: to the platform 'buro' is the name of the group 'Büro'"]


def test_the_role_that_every_user_has_is_not_granted(tmp_path: Path) -> None:
    mappings = [
        {"source": "corp", "groups": ["cn=chiefs,dc=example,dc=com"], "role": "chief"},
        {"role": "user", "default": True},
    ]
    rules = {"role_mappings": mappings, "roles": {"mode": "single", "on_existing": "enforce"}}
    people = {"uid=ann": None, "uid=bob": None}
    stage = stage_of(
        tmp_path, people | {"cn=chiefs": {"member": "uid=ann"}}, rules, implied_role="user"
    )
    plan, _ = stage.plan()
    assert [one.key for one in plan.changes if one.kind == "grant"] == ["ann/chief"]
    played(stage)
    stage.write(DESIRED | rules, {"corp": ldif(people | {"cn=chiefs": {"member": "uid=bob"}})})
    plan, _ = stage.plan()
    grants = [f"{one.key} {one.action}" for one in plan.changes if one.kind == "grant"]
    assert sorted(grants) == ["ann/chief delete", "bob/chief create"]


def test_what_blocking_stops_is_said_at_each_loss_and_in_the_headline(tmp_path: Path) -> None:
    people = {f"uid={name}": None for name in ("ann", "bob", "cid", "dan", "eve")}
    stage = stage_of(tmp_path, people, {}, blocking_stops="their machines")
    played(stage)
    disabled = {"pwdAccountLockedTime": "000001010000Z"}
    left = {"uid=ann": disabled, "uid=bob": disabled, "uid=cid": None, "uid=dan": None}
    stage.write(DESIRED, {"corp": ldif(left)})
    plan, _ = stage.plan()
    reasons = {one.key: one.reason for one in plan.changes}
    assert reasons == {
        "ann": "disabled in corp; stops their machines",
        "bob": "disabled in corp; stops their machines",
        "eve": "no longer in corp; stops their machines",
    }
    assert [one.code for one in plan.notices] == ["blocking_stops"]
    assert headline(plan) == (
        "Plan: 0 to add, 0 to change, 3 to remove. 3 users are taken out of service, which stops "
        "their machines."
    )
    stage.apply(plan)
    plan, _ = stage.plan()
    assert plan.changes == ()
    assert plan.notices == ()


@pytest.mark.parametrize(
    ("statuses", "deletes", "now", "later"),
    [
        (ACTIVE_OR_NOT, frozenset({"user"}), "ann inactive of corp", None),
        (ACTIVE_OR_NOT, frozenset(), "ann inactive of corp", "ann inactive of corp"),
        (
            frozenset({"active", "blocked", "erased"}),
            frozenset(),
            "ann blocked of corp",
            "erased-N erased of corp",
        ),
    ],
    ids=["deleted", "kept", "erased"],
)
def test_the_grace_period_of_a_disabled_person_with_the_statuses_there_are(
    statuses: Any, deletes: frozenset[str], now: str, later: str | None, tmp_path: Path
) -> None:
    rules = {"lifecycle": {"on_disabled": {"action": "block", "after": "5d", "then": "erase"}}}
    people: dict[str, Any] = {"uid=ann": None, "uid=bob": None}
    stage = stage_of(tmp_path, people, rules, statuses=statuses, deletes=deletes)
    played(stage)
    people["uid=ann"] = {"pwdAccountLockedTime": "000001010000Z"}
    stage.write(DESIRED | rules, {"corp": ldif(people)})
    played(stage)
    assert stage.state()["users"] == [now, "bob active of corp"]
    at = "2026-01-06T00:00:00Z"
    stage.apply(stage.plan(at=at)[0])
    # Nobody is created again, and nothing is left to do.
    assert stage.plan(at=at)[0].changes == ()
    assert stage.state()["users"] == sorted(filter(None, [later, "bob active of corp"]))
    people["uid=ann"] = None
    stage.write(DESIRED | rules, {"corp": ldif(people)})
    stage.apply(stage.plan(at="2026-01-07T00:00:00Z")[0])
    assert "ann active of corp" in stage.state()["users"]
