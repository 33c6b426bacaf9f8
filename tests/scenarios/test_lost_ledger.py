"""The ledger is lost in the middle of a life: users are recognised, nothing is owned that cannot be proved."""

from pathlib import Path

import pytest

from reconcile.model.platform import Abilities
from reconcile.platforms.memory.application import MemoryApplication
from reconcile.testing.driven import driven
from tests.scenarios.stage import DESIRED, Stage, ldif

STATE = DESIRED | {
    "role_mappings": [
        {"source": "corp", "groups": ["cn=staff,dc=example,dc=com"], "role": "operator"}
    ],
    "groups": [{"source": "corp", "select": ["staff"]}],
}
BEFORE = {
    "uid=ann": {"mail": "ann@x.org"},
    "uid=bob": {"mail": "bob@x.org"},
    "uid=eve": {"mail": "eve@x.org"},
    "cn=staff": {"member": ["uid=ann", "uid=bob", "uid=eve"]},
}
AFTER = {
    "uid=ann": {"mail": "ann@x.org", "sn": "Married"},
    "uid=bob": {"mail": "bob@x.org"},
    "uid=new": {"mail": "new@x.org"},
    "cn=staff": {"member": ["uid=ann", "uid=new"]},
}
FORGETFUL = Abilities(
    any_role=True,
    nested_groups=True,
    fields={"user": frozenset({"username", "first_name", "last_name", "email", "status"})},
)
"""A platform that keeps no external ids."""


@pytest.mark.parametrize(
    ("abilities", "reason"),
    [
        (None, "recognised by the external id that the platform keeps"),
        (FORGETFUL, "recognised by username and e-mail address"),
    ],
    ids=["by external id", "by two facts"],
)
def test_a_lost_ledger_is_no_disaster(
    abilities: Abilities | None, reason: str, tmp_path: Path
) -> None:
    application = MemoryApplication(abilities=abilities)
    stage = Stage(tmp_path, driven(tmp_path, application))
    stage.write(STATE, {"corp": ldif(BEFORE)})
    stage.apply(stage.plan()[0])
    application.create("main", "user", {"username": "root", "status": "active"})
    (tmp_path / "ledger.db").unlink()
    stage = Stage(tmp_path, driven(tmp_path, application))
    stage.write(STATE, {"corp": ldif(AFTER)})

    plan, _ = stage.plan()
    users = {(one.key, one.action): one for one in plan.changes if one.kind == "user"}
    assert set(users) == {("ann", "adopt"), ("bob", "adopt"), ("new", "create")}
    assert users["ann", "adopt"].reason.startswith(reason)
    assert (users["ann", "adopt"].after or {})["last_name"] == "Married"
    losses = [
        one for one in plan.changes if one.action in ("delete", "block", "deactivate", "erase")
    ]
    assert losses == [], "eve has left, and bob the group: who put them there is not known any more"

    assert {one.result for one in stage.apply(plan).outcomes} == {"applied"}
    rows = application.read("main").rows["user"]
    assert sorted(row["username"] for row in rows.values()) == ["ann", "bob", "eve", "new", "root"]
    assert stage.plan()[0].changes == ()


def test_one_who_leaves_after_that_is_taken_out_of_service(tmp_path: Path) -> None:
    application = MemoryApplication()
    stage = Stage(tmp_path, driven(tmp_path, application))
    stage.write(STATE, {"corp": ldif(BEFORE)})
    stage.apply(stage.plan()[0])
    (tmp_path / "ledger.db").unlink()
    stage = Stage(tmp_path, driven(tmp_path, application))
    stage.apply(stage.plan()[0])
    stage.write(STATE, {"corp": ldif({name: BEFORE[name] for name in BEFORE if name != "uid=eve"})})
    plan, _ = stage.plan(accept=None)
    assert ("eve", "block") in {(one.key, one.action) for one in plan.changes}


@pytest.mark.parametrize("adopt", ["never", "matching_email", "always"])
def test_where_local_accounts_are_adopted_a_first_run_adopts_by_the_name(
    adopt: str, tmp_path: Path
) -> None:
    """The application had users before reconcile came: the ledger knows nothing, as if it were lost."""
    application = MemoryApplication(abilities=FORGETFUL)
    for name, email in (("ann", ""), ("bob", "bob@x.org"), ("own", "")):
        row = {"username": name, "email": email, "status": "active"}
        application.create("main", "user", row)
    stage = Stage(tmp_path, driven(tmp_path, application))
    directory = {name: BEFORE[name] for name in ("uid=ann", "uid=bob")}
    stage.write(DESIRED | {"lifecycle": {"adopt_local": adopt}}, {"corp": ldif(directory)})
    plan, _ = stage.plan()
    adopted = {one.key for one in plan.changes if (one.kind, one.action) == ("user", "adopt")}
    assert adopted == ({"ann", "bob"} if adopt == "always" else {"bob"})
    assert {one.username for one in plan.skips} == {"ann", "bob"} - adopted
    assert not [one for one in plan.changes if (one.kind, one.action) == ("user", "create")]
