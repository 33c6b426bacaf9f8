"""What a platform cannot do is said when the plan is made, and never found out when it is applied."""

from pathlib import Path
from typing import Any

import pytest

from reconcile.errors import RulesRefused
from reconcile.model.platform import Limits
from reconcile.platforms.memory.application import MemoryApplication
from reconcile.testing.driven import driven
from tests.scenarios.stage import DESIRED, Stage, ldif

SOURCE = DESIRED["sources"][0]


def stage_of(
    folder: Path, directory: dict[str, Any], desired: dict[str, Any], **able: Any
) -> Stage:
    limits = Limits(**{"any_role": True, "nested_groups": True, **able})
    stage = Stage(folder, driven(folder, MemoryApplication(limits=limits)))
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
