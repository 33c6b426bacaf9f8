"""`preset: vmmanager` with `type: vmmanager`: each rule that VMmanager documents, on VMmanager's own API.

The service is the stand-in, over HTTP. tests/processmaker_and_vmmanager.md names the tests rule by
rule; the rule about the group Users of Active Directory is in tests/servers/test_vmmanager.py.
"""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from reconcile.platforms.http import session
from reconcile.testing.vmmanager import Unknowns, VmManagerStandIn, vmmanager_service
from reconcile.testing.vmmanager.server import PASSWORD
from tests.scenarios.shell import Shell
from tests.scenarios.vmmanager import ADMINS, NAMES, STAFF, USER, VmCompany


@pytest.fixture(autouse=True)
def _password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VM_PASSWORD", PASSWORD)


@pytest.fixture
def service() -> Iterator[VmManagerStandIn]:
    with vmmanager_service() as running:
        yield running


@pytest.fixture
def company(shell: Shell, service: VmManagerStandIn, monkeypatch: pytest.MonkeyPatch) -> VmCompany:
    monkeypatch.setattr(session, "PAUSE", 0.001)
    return VmCompany(shell, service)


def test_without_a_mail_address_the_old_names_leave_people_out_and_the_new_ones_do_not(
    company: VmCompany,
) -> None:
    company.write({"uid=ann": None, "uid=bob": {"mail": None}}, NAMES)
    out = company.apply()
    assert "missing_field" in out
    assert "uid=bob,dc=example,dc=com" in out
    assert company.accounts() == {"ann@example.com": "active @user"}
    company.write({"uid=ann": None, "uid=bob": {"mail": None}})
    company.apply()
    assert company.accounts() == {
        "ann@example.com": "active @user",
        "bob@example.com": "active @user",
    }


def test_people_without_an_account_get_one_with_the_directorys_data(company: VmCompany) -> None:
    attributes = [{"field": "full_name", "value": "{{ givenName }} {{ sn }}"}]
    company.write({"uid=ann": {"sn": "Lee"}}, {"attributes": attributes})
    assert company.plan() == ["user ann@example.com create"]
    company.apply()
    ann = company.service.store.named("ann@example.com")
    assert ann["full_name"] == "The Lee"
    ann["full_name"] = "Somebody"
    assert company.plan() == ["user ann@example.com update"]
    company.apply()
    assert ann["full_name"] == "The Lee", "the directory goes before the platform"


def test_an_existing_account_becomes_the_directorys(company: VmCompany) -> None:
    ann = company.service.store.add("ann@example.com", "@user", machines=2)
    company.write({"uid=ann": None})
    assert company.plan() == ["user ann@example.com adopt"]
    company.apply()
    assert company.accounts() == {"ann@example.com": "active @user"}
    assert company.service.store.named("ann@example.com") is ann
    assert ann["machines"] == 2


def test_the_level_is_that_of_the_mapping_whatever_a_person_sets(company: VmCompany) -> None:
    people: dict[str, Any] = {f"uid={name}": None for name in ("ann", "bob", "cid")}
    people |= {
        "cn=admins": {"member": ["uid=ann"]},
        "cn=staff": {"member": ["uid=ann", "uid=bob"]},
    }
    mappings = [
        {"role": "@admin", "source": "corp", "groups": [ADMINS]},
        {"role": "@user", "source": "corp", "groups": [STAFF]},
    ]
    company.write(people, {"create": "mapped"}, role_mappings=mappings)
    company.apply()
    assert company.accounts() == {
        "ann@example.com": "active @admin",
        "bob@example.com": "active @user",
    }, "one role, the first that matches; without a group no account"
    company.service.store.named("bob@example.com")["roles"] = ["@admin.readonly"]
    company.service.store.named("ann@example.com")["roles"] = ["@user"]
    assert company.plan() == [
        "grant ann@example.com/@admin create",
        "grant bob@example.com/@admin.readonly delete",
    ]
    company.apply()
    assert company.accounts() == {
        "ann@example.com": "active @admin",
        "bob@example.com": "active @user",
    }


def test_an_account_deleted_in_vmmanager_comes_back(company: VmCompany) -> None:
    company.write({"uid=ann": None, "uid=bob": None})
    company.apply()
    del company.service.store.accounts[company.service.store.named("ann@example.com")["id"]]
    assert company.plan() == ["user ann@example.com create"]
    company.apply()
    assert company.accounts()["ann@example.com"] == "active @user"


def test_people_deleted_from_the_directory_are_blocked(company: VmCompany) -> None:
    people: dict[str, Any] = {f"uid={name}": None for name in ("ann", "bob", "cid", "dan")}
    company.write(people)
    company.apply()
    del people["uid=ann"]
    company.write(people)
    out = company.shell.run("plan", "--check", code=3)[0]
    assert "stops their machines" in out
    assert "1 to remove. 1 user is taken out of service, which stops their machines." in out
    company.apply()
    assert company.accounts()["ann@example.com"] == "suspended @user"
    company.write(people | {"uid=ann": None})
    company.apply()
    assert company.accounts()["ann@example.com"] == "active @user"
    runs = json.loads(company.shell.run("history", "--format", "json")[0])
    out = company.shell.run("plan", "--undo", runs[-1]["run"])[0]
    assert "stops their machines" in out


def test_people_blocked_in_the_directory_are_blocked_and_the_ledger_knows_why(
    company: VmCompany,
) -> None:
    people: dict[str, Any] = {f"uid={name}": None for name in ("ann", "bob", "cid", "dan")}
    company.write(people)
    company.apply()
    company.write(people | {"uid=bob": {"pwdAccountLockedTime": "000001010000Z"}})
    company.apply()
    company.service.store.suspend(
        str(company.service.store.named("cid@example.com")["id"]), active=False
    )
    assert company.accounts()["bob@example.com"] == "suspended @user"
    assert "disabled in the directory" in company.shell.run("explain", "bob@example.com")[0]
    company.write(people)
    company.apply()
    assert company.accounts()["bob@example.com"] == "active @user"
    assert company.accounts()["cid@example.com"] == "suspended @user", "by hand, so it stays"


def test_without_its_settings_a_directorys_users_are_blocked(company: VmCompany) -> None:
    company.service.store.add("keeper@vm.example", "@admin")
    company.write({"uid=ann": None, "uid=bob": None})
    company.apply()
    company.write({}, sources=[])
    out = company.apply_loss()
    assert "2 applied" in out
    assert company.accounts() == {
        "keeper@vm.example": "active @admin",
        "ann@example.com": "suspended @user",
        "bob@example.com": "suspended @user",
    }


# Beside the rules


def test_losing_few_is_refused_sooner_than_elsewhere(company: VmCompany) -> None:
    people: dict[str, Any] = {f"uid=u{number}": None for number in range(40)}
    company.write(people)
    company.apply()
    few = dict(list(people.items())[3:])
    company.write(few)
    out = company.shell.run("plan", code=4)[0]
    assert "users_lost:main/corp:3" in out
    assert "the limit users_lost is 3%" in out
    shown = company.shell.run("validate", "--effective")[0]
    assert "# platform vmmanager" in next(
        line for line in shown.splitlines() if "users_lost" in line
    )
    company.write(few, safety={"limits": {"users_lost": "10%"}})
    assert len(company.plan()) == 3


def test_who_owns_machines_is_not_deleted(company: VmCompany) -> None:
    lifecycle = {"on_missing": "delete"}
    people: dict[str, Any] = {f"uid={name}": None for name in ("ann", "bob", "cid")}
    company.write(people, lifecycle=lifecycle)
    company.apply()
    company.service.store.named("ann@example.com")["machines"] = 3
    company.write({"uid=cid": None}, lifecycle=lifecycle, safety={"limits": {"users_lost": "none"}})
    out, _ = company.shell.run("apply", "--yes", code=6)
    assert "the account owns 3 machines" in out
    assert "hand them to another account" in out
    assert company.accounts().keys() == {"ann@example.com", "cid@example.com"}
    company.service.store.named("ann@example.com")["machines"] = 0
    company.apply()
    assert company.accounts().keys() == {"cid@example.com"}


def test_the_account_that_makes_the_requests_and_local_ones_are_never_touched(
    company: VmCompany,
) -> None:
    company.service.store.add("root@vm.example", "@admin")
    company.service.email = "ann@example.com"
    company.service.store.add("ann@example.com", "@admin")
    before = company.service.store.named("ann@example.com").copy()
    company.write({"uid=ann": None, "uid=bob": None})
    out = company.apply()
    assert "reserved_username" in out
    company.write({"uid=bob": None})
    company.apply()
    assert company.service.store.named("ann@example.com") == before
    assert company.service.store.named("root@vm.example")["roles"] == ["@admin"]


def test_names_migrate_all_or_none(company: VmCompany) -> None:
    people: dict[str, Any] = {"uid=ann": {"mail": "a@mail.example"}, "uid=bob": None}
    company.write(people, NAMES)
    company.apply()
    ids = {one["id"] for one in company.service.store.accounts.values()}
    company.write(people)
    taken = company.service.store.add("ann@example.com")
    out = "".join(company.shell.run("migrate-usernames", "--yes", code=4))
    assert "a@mail.example -> ann@example.com: the platform has a local" in out
    del company.service.store.accounts[taken["id"]]
    company.shell.run("migrate-usernames", "--yes")
    assert company.accounts().keys() == {"ann@example.com", "bob@example.com"}
    assert {one["id"] for one in company.service.store.accounts.values()} == ids
    assert company.plan() == []


def test_vmmanager_migrated_the_names_itself(company: VmCompany) -> None:
    for name in ("ann", "bob"):
        login = f"{name}@mail.example"
        company.service.store.add(login, auth_source="ldap", ldap_login=name)
    people = {f"uid={name}": {"mail": f"{name}@mail.example"} for name in ("ann", "bob")}
    company.write(people, NAMES)
    company.apply()
    assert company.service.store.migrate("example.com") == 2
    company.write(people)
    assert company.plan() == []


def test_logins_of_a_newer_version(shell: Shell) -> None:
    with vmmanager_service(Unknowns(login="username", roles="objects", state="status")) as service:
        company = VmCompany(shell, service)
        company.write(
            {"uid=ann": {"mail": "a@mail.example"}}, platform={"fields": {"state": "status"}}
        )
        company.apply()
        ann = service.store.named("ann@example.com")
        assert ann["email"] == "a@mail.example"
        company.write(
            {"uid=ann": {"mail": "b@mail.example"}}, platform={"fields": {"state": "status"}}
        )
        company.apply()
        assert ann["email"] == "b@mail.example"


def test_a_lost_ledger_blocks_nobody_and_doubles_nobody(company: VmCompany) -> None:
    people: dict[str, Any] = {"uid=ann": None, "uid=bob": None}
    company.write(people)
    company.apply()
    before = company.accounts()
    (company.shell.folder / "ledger.db").unlink()
    assert company.plan() == ["user ann@example.com adopt", "user bob@example.com adopt"]
    company.apply()
    assert company.accounts() == before


def test_what_is_checked_first(company: VmCompany) -> None:
    company.service.fill(3)
    company.service.store.suspend("2", active=False)
    company.write({}, sources=[])
    out = company.shell.run("test")[0]
    for part in (
        "size is the total, 4",
        "email is the login; 4 of 4 have an @",
        "active (active): 3, suspended (blocked): 1",
        "@user: 3, @admin: 1",
        "local: 4",
        "0 accounts own machines",
        "read by account",
        "can be read completely",
    ):
        assert part in out
    assert {one.split()[0] for one in company.service.requests} == {"GET", "POST"}
    assert [one for one in company.service.requests if one.startswith("POST")] == [
        "POST /auth/v4/public/token"
    ]


def test_unknown_roles_are_an_error_of_the_rules(company: VmCompany) -> None:
    company.write({"uid=ann": None}, role_mappings=[USER | {"role": "@nothing"}])
    err = "".join(company.shell.run("plan", code=2))
    assert "@nothing" in err
