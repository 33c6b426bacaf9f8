"""What is not known of VMmanager, and its bad days: nothing is lost, and what is said helps."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from reconcile.errors import PlatformUnreadable
from reconcile.model import desired
from reconcile.platforms.http import session
from reconcile.platforms.vmmanager import changes
from reconcile.platforms.vmmanager.platform import VmManagerPlatform
from reconcile.ports import Rejected, Unclear
from reconcile.testing import change, grant, user
from reconcile.testing.builders import CORP, ok, users, view, write
from reconcile.testing.vmmanager import Unknowns, VmManagerStandIn, vmmanager_service
from tests.contract.platforms import Text
from tests.contract.vmmanager import adapter, opened

Opened = Callable[..., tuple[VmManagerPlatform, VmManagerStandIn]]
NAMES = {f"u{number:05}@example.com" for number in range(1, 8)}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PAUSE", 0.001)


@pytest.fixture
def vm() -> Iterator[Opened]:
    """Opens the adapter over VMmanager with seven users, until the test is over."""
    with ExitStack() as stack:

        def get(unknowns: Unknowns, **options: Any) -> tuple[VmManagerPlatform, VmManagerStandIn]:
            service = stack.enter_context(vmmanager_service(unknowns))
            service.fill(7)
            options = {"protect": [service.email]} | options
            return stack.enter_context(closing(adapter(service, **options))), service

        yield get


def names(platform: VmManagerPlatform) -> set[str]:
    return {row["username"] for row in platform.read("main").rows["user"].values()}


# Reading


@pytest.mark.parametrize(
    ("unknowns", "options", "proved"),
    [
        (Unknowns(), {}, True),
        (Unknowns(), {"page_size": 3}, True),
        (Unknowns(), {"page_size": 8}, True),
        (Unknowns(size="page"), {"page_size": 3}, False),
        (Unknowns(size="page"), {"page_size": 8}, True),
        (Unknowns(size="page", largest_page=4), {"page_size": 5}, False),
        (Unknowns(size="none"), {"page_size": 3}, False),
        (Unknowns(largest_page=2), {}, True),
        (Unknowns(ignores_limit=True, refuses_limit=True), {"paging": "none"}, True),
        (Unknowns(refuses_orderby=True), {"orderby": ""}, True),
        (Unknowns(roles="objects"), {}, True),
        (Unknowns(roles="text"), {}, True),
    ],
)
def test_a_read_is_complete(
    vm: Opened, unknowns: Unknowns, options: dict[str, Any], proved: bool
) -> None:
    platform, service = vm(unknowns, **options)
    service.store.named("u00003@example.com")["roles"] = ["@advanced_user"]
    contents = platform.read("main")
    assert {row["username"] for row in contents.rows["user"].values()} == NAMES
    assert contents.proved == proved
    assert contents.links == {"grant": {("4", "@advanced_user")}}


@pytest.mark.parametrize(
    ("unknowns", "options", "why"),
    [
        (Unknowns(ignores_limit=True), {}, "set paging: none"),
        (Unknowns(first_page_again=True), {"page_size": 3}, "as the first page"),
        (Unknowns(pages_overlap=True), {"page_size": 3}, "a second time"),
        (Unknowns(size_moves=True), {"page_size": 3}, "the number of accounts went from"),
        (Unknowns(largest_page=3), {"paging": "none"}, "3 of 8 were seen"),
        (Unknowns(lists_nothing=True), {}, "lists no account, not even the one"),
        (Unknowns(cut_off=True), {}, "is no JSON"),
        (Unknowns(html_200=True), {}, "Look at url, paths.auth and auth"),
        (Unknowns(refuses_limit=True), {}, "set paging: none"),
        (Unknowns(refuses_orderby=True), {}, 'set orderby: ""'),
        (Unknowns(state="status"), {}, "say in fields.state"),
        (Unknowns(login="username"), {"login": "email"}, "see login and fields.login"),
    ],
)
def test_what_may_not_be_all_is_not_believed(
    vm: Opened, unknowns: Unknowns, options: dict[str, Any], why: str
) -> None:
    platform, _ = vm(unknowns, **options)
    with pytest.raises(PlatformUnreadable) as refused:
        platform.read("main")
    assert why in str(refused.value)
    assert not list(platform.check())[-1].ok


def test_a_state_that_is_not_active_is_blocked(vm: Opened) -> None:
    platform, service = vm(Unknowns(active="1", suspended="0"), active_states=["1"])
    service.store.suspend("2", active=False)
    rows = platform.read("main").rows["user"]
    assert [rows[own]["status"] for own in ("2", "3")] == ["blocked", "active"]


def test_workspaces_are_installations(tmp_path: Path) -> None:
    with vmmanager_service() as service:
        settings = desired.Platform(
            "vmmanager",
            Text(service.url_of_workspaces),
            ("one", "two"),
            options={"auth": {"email": service.email, "password": Text(service.password)}},
        )
        with closing(VmManagerPlatform(settings)) as platform:
            platform.create("one", "user", {"username": "a@x", "status": "active"})
            assert len(platform.read("one").rows["user"]) == 2
            assert len(platform.read("two").rows["user"]) == 1


# Tokens


@pytest.mark.parametrize("status", [401, 403, 200])
def test_a_token_that_ends_is_renewed_in_the_middle(vm: Opened, status: int) -> None:
    platform, service = vm(Unknowns(token_dies_after=5, not_authorised=status), page_size=2)
    assert names(platform) == NAMES
    for number in range(4):
        platform.create("main", "user", {"username": f"n{number}@x", "status": "active"})
    assert service.tokens_given > 2
    assert len(service.store.accounts) == 12


def test_a_token_is_replaced_before_its_end(vm: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("reconcile.platforms.vmmanager.token.time.monotonic", lambda: now[0])
    platform, service = vm(Unknowns(), auth={
        "email": "reconcile@vm.example", "password": Text("s3cret"), "lifetime": 600
    })  # fmt: skip
    platform.read("main")
    now[0] += 530
    platform.read("main")
    assert service.tokens_given == 1
    now[0] += 20
    platform.read("main")
    assert service.tokens_given == 2


@pytest.mark.parametrize(
    ("unknowns", "auth", "why"),
    [
        (Unknowns(), {"password": Text("wrong")}, "wrong email or password (HTTP 401, error 3004)"),
        (Unknowns(confirmed=False), {}, "second factor"),
        (Unknowns(not_authorised=200), {"password": Text("wrong")}, "error 3004"),
        (Unknowns(token_dies_after=-1), {}, "Nothing more is tried"),
        (Unknowns(), {"token": Text("old")}, "not authorized (HTTP 401, error 3001)"),
    ],
)
def test_without_a_token_nothing_is_tried(
    vm: Opened, unknowns: Unknowns, auth: dict[str, Any], why: str
) -> None:
    platform, service = vm(
        unknowns, auth={"email": "reconcile@vm.example", "password": Text("s3cret")} | auth
    )
    with pytest.raises(PlatformUnreadable) as refused:
        platform.read("main")
    assert why in str(refused.value)
    assert [check.what for check in platform.check()] == ["platform"]
    assert len(service.requests) <= 8
    assert "s3cret" not in str(refused.value)


def test_a_token_of_its_own_and_the_cookie(vm: Opened) -> None:
    platform, service = vm(Unknowns(), auth={"token": Text("long"), "cookie": True})
    service._tokens["long"] = 0
    assert names(platform) == NAMES
    assert service.tokens_given == 0


# Bad days


@pytest.mark.parametrize(
    "unknowns",
    [
        Unknowns(too_many=3, retry_after="0"),
        Unknowns(too_many=3),
        Unknowns(unavailable=3),
        Unknowns(unavailable=3, html_503=True, retry_after="0"),
    ],
)
def test_429_and_503_are_waited_for(vm: Opened, unknowns: Unknowns) -> None:
    platform, service = vm(unknowns, page_size=3)
    assert names(platform) == NAMES
    for number in range(4):
        own = platform.create("main", "user", {"username": f"n{number}@x", "status": "active"})
        platform.update("main", "user", own, {"status": "blocked"})
    assert len(service.store.accounts) == 12
    assert len(service.store.machines_stopped) == 4


def test_a_503_of_something_in_between_proves_nothing(vm: Opened) -> None:
    platform, service = vm(Unknowns())
    platform.read("main")
    service.unknowns.unavailable, service.unknowns.html_503 = 1, True
    with pytest.raises(Unclear, match="503"):
        platform.update("main", "user", "2", {"status": "blocked"})
    with pytest.raises(PlatformUnreadable, match="cannot be read"):
        platform.read("main")


def test_a_creation_whose_answer_is_lost_is_looked_up(vm: Opened) -> None:
    platform, service = vm(Unknowns(lost_answers=1))
    platform.read("main")
    service.unknowns.lost_answers = 1
    own = platform.create("main", "user", {"username": "new@x", "status": "active"})
    assert service.store.accounts[int(own)]["login"] == "new@x"
    service.unknowns.lost_answers = 0
    service.unknowns.create_without_id = True
    own = platform.create("main", "user", {"username": "other@x", "status": "active"})
    assert service.store.accounts[int(own)]["login"] == "other@x"


def test_somebody_elses_account_is_not_taken_for_a_new_one(vm: Opened) -> None:
    platform, service = vm(Unknowns())
    platform.read("main")
    with pytest.raises(Rejected, match=r"already exists \(error 4001\)"):
        platform.create("main", "user", {"username": "u00001@example.com", "status": "active"})
    assert len(service.store.accounts) == 8


def test_a_new_account_that_should_be_blocked_is_not_left_active_in_silence(vm: Opened) -> None:
    platform, service = vm(Unknowns(suspend_does_nothing=True), settle=0)
    platform.read("main")
    with pytest.raises(Unclear, match="may not be blocked"):
        platform.create("main", "user", {"username": "new@x", "status": "blocked"})
    service.unknowns.suspend_does_nothing = False
    service.unknowns.create_as = "suspended"
    own = platform.create("main", "user", {"username": "two@x", "status": "active"})
    assert service.store.accounts[int(own)]["active"], "resumed where accounts begin suspended"


@pytest.mark.parametrize("read_one", ["account", "where", "none"])
def test_a_yes_that_is_none_is_found_out(vm: Opened, read_one: Any) -> None:
    platform, service = vm(
        Unknowns(
            single=read_one, suspend_does_nothing=True, rename_does_nothing=True,
            roles_do_nothing=True, delete_does_nothing=True,
        ),
        page_size=3, settle=0,
    )  # fmt: skip
    platform.read("main")
    with pytest.raises(Unclear, match="said yes to suspend, and the account 2 is not blocked"):
        platform.update("main", "user", "2", {"status": "blocked"})
    with pytest.raises(Rejected, match=r"set fixed: \[username\]"):
        platform.update("main", "user", "2", {"username": "new@x"})
    with pytest.raises(Rejected, match="the role is @user in the place of @admin"):
        platform.link("main", "grant", [("2", "@admin")])
    with pytest.raises(Rejected, match="the account still exists"):
        platform.delete("main", "user", "2")
    for name in ("suspend", "rename", "delete"):
        setattr(service.unknowns, f"{name}_does_nothing", False)
    service.unknowns.roles_do_nothing = False
    platform.update("main", "user", "2", {"status": "blocked", "username": "new@x"})
    platform.link("main", "grant", [("2", "@admin")])
    assert service.store.accounts[2]["login"] == "new@x"
    platform.delete("main", "user", "2")
    platform.delete("main", "user", "2")
    with pytest.raises(Rejected, match="there is no account 2"):
        platform.update("main", "user", "2", {"status": "active"})


def test_a_change_may_show_later(vm: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes, "FIRST_PAUSE", 0.001)
    platform, service = vm(Unknowns(late=3))
    platform.read("main")
    platform.update("main", "user", "2", {"status": "blocked"})
    assert service.store.machines_stopped == ["u00001@example.com"]


def test_a_block_that_shows_after_the_run_is_no_persons(tmp_path: Path) -> None:
    with (
        vmmanager_service() as service,
        closing(opened(service, tmp_path, settle=0, read_one="list")) as platform,
    ):
        ok(platform, CORP, user("a@x", source="corp"))
        service.unknowns.late = 4  # two pages of each of two lists
        why = {"status_origin": "corp", "status_cause": "missing"}
        before, after = {"status": "active"}, {"status": "blocked", **why}
        (failed,) = write(platform, change("user", "block", "a@x", after, before))
        assert "the next run tries again" in failed
        assert users(platform)["a@x"] == {"status": "blocked", "source": "corp", **why}


def test_read_only_rights_end_the_run(vm: Opened) -> None:
    platform, _ = vm(Unknowns(read_only=True))
    platform.read("main")
    with pytest.raises(PlatformUnreadable, match=r"access denied .*error 3003.* role @admin"):
        platform.update("main", "user", "2", {"status": "blocked"})


@pytest.mark.parametrize("bare", [False, True])
def test_errors_say_what_vmmanager_said(vm: Opened, bare: bool) -> None:
    platform, service = vm(Unknowns(refused=500 if bare else 422, bare_errors=bare))
    platform.read("main")
    fault: type[Exception] = Unclear if bare else Rejected
    with pytest.raises(fault, match="already exists"):
        platform.update("main", "user", "2", {"username": "u00002@example.com"})
    assert service.store.accounts[2]["login"] == "u00001@example.com"


# Roles, machines, the account of its own


def test_one_role_a_user(tmp_path: Path) -> None:
    with vmmanager_service() as service, closing(opened(service, tmp_path)) as platform:
        ok(platform, CORP, user("a@x"), user("b@x"), grant("a@x", "@admin"))
        assert view(platform.read("main"))["grants"] == {
            ("reconcile@vm.example", "@admin"): "",
            ("a@x", "@admin"): "corp",
        }
        gone = change("grant", "delete", "a@x/@admin", None, {"user": "a@x", "role": "@admin"})
        ok(platform, grant("a@x", "@advanced_user"), gone)
        assert service.store.named("a@x")["roles"] == ["@advanced_user"]
        gone = change(
            "grant", "delete", "a@x/@advanced_user", None, {"user": "a@x", "role": "@advanced_user"}
        )
        ok(platform, gone)
        assert service.store.named("a@x")["roles"] == ["@user"]
        (why,) = write(platform, grant("b@x", "custom"))
        assert "only the roles @admin" in why


def test_machines_keep_an_account(vm: Opened) -> None:
    platform, service = vm(Unknowns())
    service.store.accounts[2]["machines"] = 1
    platform.read("main")
    with pytest.raises(Rejected, match=r"owns 1 machine\. While it owns machines it cannot"):
        platform.delete("main", "user", "2")
    assert not [line for line in service.requests if line.startswith("DELETE")]
    service.unknowns.machines = ""
    with pytest.raises(Rejected, match=r"\(error 4003\). While it owns machines"):
        platform.delete("main", "user", "2")


def test_the_account_that_makes_the_requests_is_never_changed(vm: Opened) -> None:
    platform, service = vm(Unknowns(), protect=[])
    platform.read("main")
    for attempt in (
        lambda: platform.update("main", "user", "1", {"status": "blocked"}),
        lambda: platform.delete("main", "user", "1"),
        lambda: platform.link("main", "grant", [("1", "@user")]),
        lambda: platform.unlink("main", "grant", [("1", "@admin")]),
    ):
        with pytest.raises(Rejected, match="the account that reconcile uses"):
            attempt()
    assert service.store.accounts[1]["roles"] == ["@admin"]


def test_passwords_of_new_accounts_are_kept_nowhere(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reconcile.platforms.vmmanager.installation.secrets.token_urlsafe",
        lambda _: "hemligt")  # fmt: skip
    caplog.set_level(0)
    with vmmanager_service() as service, closing(opened(service, tmp_path)) as platform:
        ok(platform, user("a@x"))
        assert users(platform)["a@x"] == {"status": "active"}
    assert "hemligt" not in caplog.text
    assert all(b"hemligt" not in file.read_bytes() for file in tmp_path.rglob("*.db*"))


@pytest.mark.parametrize(
    ("options", "where", "why"),
    [
        ({}, ("auth",), "has no email and password"),
        ({"auth": {"email": "a", "token": "t", "password": "p"}}, ("auth",), "write one of them"),
        ({"auth": {"token": "t"}}, ("protect",), "name the token's account"),
        (
            {"auth": {"email": "a", "password": "p"}, "roles": ["@admin"]},
            ("roles",),
            "lacks @user",
        ),
        (
            {"auth": {"email": "a", "password": "p"}, "fields": {"email": "mail"}},
            ("fields", "email"),
            "login: username alone",
        ),
    ],
)
def test_settings_that_do_not_go_together(
    options: dict[str, Any], where: tuple[str, ...], why: str
) -> None:
    settings = desired.Platform("vmmanager", Text("https://vm"), options=options)
    problems = dict(VmManagerPlatform.problems(settings))
    assert why in problems[where]
