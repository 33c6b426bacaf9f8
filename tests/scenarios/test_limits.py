"""What a platform cannot hold or keeps for itself: skipped, named, and nothing else suffers."""

from pathlib import Path
from typing import Any

import pytest

from reconcile.errors import UsageError
from reconcile.model.platform import Abilities
from reconcile.platforms.memory.platform import MemoryPlatform
from tests.scenarios.stage import BASE, DESIRED, Stage, ldif, told

LIMITS = Abilities(
    lengths={"username": 5, "last_name": 4, "group": 4, "department": 4, "attribute": 2},
    reserved_usernames=frozenset({"admin"}),
    any_role=True,
)
USERS = {"create": "all", "attributes": [{"field": "badge", "value": "{{ employeeNumber }}"}]}


def test_names_that_do_not_fit(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MemoryPlatform(abilities=LIMITS))
    directory: dict[str, Any] = {
        "ou=ok": None,
        "ou=toolong": None,
        "ou=below,ou=toolong": None,
        "uid=ann": None,
        "uid=Admin": None,
        "uid=muchtoolong": {"sn": "x"},
        "uid=bob": {"sn": "Longer"},
        "uid=cid": {"employeeNumber": "123"},
        "cn=team": {"member": ["uid=ann"]},
        "cn=teams": {"member": ["uid=ann"]},
    }
    desired = DESIRED | {
        "sources": [DESIRED["sources"][0] | {"users": USERS}],
        "groups": [{"source": "corp", "select": ["cn=*"]}],
        "departments": [{"source": "corp", "select": ["ou=*"]}],
    }
    stage.write(desired, {"corp": ldif(directory)})
    plan, _ = stage.plan()
    assert [told(change) for change in plan.changes] == [
        "+ source corp",
        "+ department ok",
        "+ group team",
        "+ user ann",
        "+ user cid",
        "+ membership ann/team",
    ]
    skips = {(skip.dn.partition(",dc=")[0], skip.code, skip.sentence) for skip in plan.skips}
    assert {skip.kind for skip in plan.skips} == {"department", "group", "user"}
    assert skips == {
        (
            "ou=toolong",
            "invalid_value",
            "department: the name has 7 characters, the platform takes 4",
        ),
        ("ou=below,ou=toolong", "parent_not_selected", "department: its parent cannot be created"),
        ("uid=Admin", "reserved_username", "the platform reserves the name 'Admin'"),
        ("uid=muchtoolong", "invalid_value", "username has 11 characters, the platform takes 5"),
        ("uid=bob", "invalid_value", "last_name has 6 characters, the platform takes 4"),
        ("uid=cid", "invalid_attribute", "attribute badge has 3 characters, the platform takes 2"),
        ("cn=teams", "invalid_value", "group: the name has 5 characters, the platform takes 4"),
    }


def test_who_cannot_have_a_new_name_keeps_the_one_of_before(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MemoryPlatform(abilities=LIMITS))
    desired = DESIRED | {
        "groups": [{"source": "corp", "select": ["cn=*"]}],
        "departments": [{"source": "corp", "select": ["ou=*"]}],
    }
    stage.write(
        desired,
        {
            "corp": ldif(
                {"ou=ok": None, "uid=ann,ou=ok": None, "cn=team": {"member": ["uid=ann,ou=ok"]}}
            )
        },
    )
    stage.apply(stage.plan()[0])
    before = stage.state()
    renamed: dict[str, Any] = {
        "ou=toolong": {"entryUUID": "id-ok"},
        "uid=muchtoolong,ou=toolong": {"entryUUID": "id-ann"},
        "cn=teamname": {"entryUUID": "id-team", "member": ["uid=muchtoolong,ou=toolong"]},
    }
    stage.write(desired, {"corp": ldif(renamed)})
    plan, _ = stage.plan()
    assert [told(change) for change in plan.changes] == [
        f"~ department ok dn ou=ok,{BASE} -> ou=toolong,{BASE}",
        f"~ group team dn cn=team,{BASE} -> cn=teamname,{BASE}",
        f"~ user ann dn uid=ann,ou=ok,{BASE} -> uid=muchtoolong,ou=toolong,{BASE}",
    ]
    assert {skip.code for skip in plan.skips} == {"invalid_value"}
    assert len(plan.skips) == 3
    assert stage.state() == before


def test_department_templates_that_fail(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MemoryPlatform())
    desired = DESIRED | {
        "departments": [{"source": "corp", "select": ["ou=*"], "title": "{{ description }}"}]
    }
    stage.write(
        desired, {"corp": ldif({"ou=a": {"description": "A"}, "ou=b": None, "uid=ann,ou=b": None})}
    )
    plan, _ = stage.plan()
    assert [told(change) for change in plan.changes] == [
        "+ source corp",
        "+ department A",
        "+ user ann",
    ]
    assert [(skip.code, skip.sentence) for skip in plan.skips] == [
        ("template_failed", "department: the template '{{ description }}' supplies nothing")
    ]


def test_a_login_that_is_no_text_is_none(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MemoryPlatform())
    entry = "\ndn: cn=odd,dc=example,dc=com\nobjectClass: inetOrgPerson\ncn: odd\nsn: odd\nuid:: /w==\nentryUUID: odd\n\n"
    stage.write(DESIRED, {"corp": ldif({"uid=ann": None}) + entry})
    plan, _ = stage.plan()
    assert [told(change) for change in plan.changes] == ["+ source corp", "+ user ann"]
    assert [(skip.dn, skip.code) for skip in plan.skips] == [
        ("cn=odd,dc=example,dc=com", "missing_field")
    ]


def test_a_platform_without_nested_groups_refuses_to_keep_them(tmp_path: Path) -> None:
    stage = Stage(tmp_path, MemoryPlatform(abilities=LIMITS))
    rules = [
        {"source": "corp", "select": ["cn=a"]},
        {"source": "corp", "select": ["cn=*"], "nested": "keep"},
    ]
    stage.write(DESIRED | {"groups": rules}, {"corp": ldif({"cn=a": None})})
    with pytest.raises(
        UsageError,
        match=r"^groups\[1\].nested: a platform of type sql has no groups within groups: ",
    ):
        stage.plan()
