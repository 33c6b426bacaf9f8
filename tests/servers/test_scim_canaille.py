"""Canaille as the poor service: the part of the contract that it can keep, and what it cannot.

It has no paging, no filters and no external ids; names of users and groups cannot change; members
are shown and removed by user name; what is wrong is answered with a page of HTML. What of the
contract does not apply is in `NOT_HERE`, with the reason.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from reconcile.errors import PlatformUnreadable
from reconcile.model import desired
from reconcile.model.platform import Abilities
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.scim.platform import ScimPlatform
from reconcile.ports import ManagedPlatform
from reconcile.testing import ledger, user
from reconcile.testing.builders import ok
from reconcile.testing.contract import objects
from tests.scenarios.company_life import life
from tests.scenarios.stage import Stage
from tests.servers.scim.services import Running, Text, canaille

pytestmark = pytest.mark.server

NO_DEPARTMENTS: Final = "it has no departments"
NO_ROLES: Final = "it has no roles"
NO_RENAMES: Final = "names cannot change"
ONE: Final = "it has one workspace"
NOT_HERE: Final = {
    "test_creates_are_read_back": NO_DEPARTMENTS,
    "test_updates_of_every_kind": NO_DEPARTMENTS,
    "test_deletes_take_along_what_hangs_on_them": NO_DEPARTMENTS,
    "test_a_department_with_others_below_stays": NO_DEPARTMENTS,
    "test_nothing_is_taken_by_writing_null": NO_DEPARTMENTS,
    "test_what_is_not_there_is_a_failure": NO_DEPARTMENTS,
    "test_any_text_can_be_written_and_changed": NO_DEPARTMENTS,
    "test_attributes_of_any_text_are_merged": "it has no attributes of one's own",
    "test_an_adopted_account_belongs_to_the_source_and_keeps_what_it_has": NO_RENAMES,
    "test_of_an_erased_user_the_row_stays_and_no_more": NO_RENAMES,
    "test_one_that_cannot_be_erased_stays_as_it_was": NO_RENAMES,
    "test_a_failing_change_is_isolated": "nothing hinders it from outside",
    "test_workspaces_are_apart": ONE,
    "test_one_run_at_a_time": ONE,
    "test_a_source_gets_another_name_with_everything_it_has": NO_ROLES,
}
SUITE: Final = [name for name in vars(objects) if name.startswith("test_")]
SIMPLE: Final = [name for name in SUITE if name not in {*NOT_HERE, "test_status"}]


class Poor(ScimPlatform):
    """The adapter, knowing that users have no attributes of one's own."""

    @property
    def abilities(self) -> Abilities:
        return msgspec.structs.replace(super().abilities, attributes=frozenset())


def opened(service: Running, folder: Path, **options: Any) -> DrivenPlatform:
    oauth2 = {
        "token_url": f"{service.address}/oauth/token",
        "client_id": "scim",
        "client_secret": Text("s3cret"),
    }
    own = {"service": "canaille", "auth": {"oauth2": oauth2}}
    settings = desired.Platform("scim", Text(service.url), options=own | options)
    return DrivenPlatform(Poor(settings), ledger(folder))


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with canaille(tmp_path_factory.mktemp("canaille")) as running:
        yield running


@pytest.fixture
def platform(service: Running, tmp_path: Path) -> Iterator[DrivenPlatform]:
    """Empty, with a new ledger."""
    with closing(opened(service, tmp_path)) as made:
        adapter = made._platform
        contents = adapter.read("main")
        for kind in ("group", "user"):
            for own in contents.rows[kind]:
                adapter.delete("main", kind, own)
        yield made


def test_the_profile_names_tests_that_exist() -> None:
    assert NOT_HERE.keys() - set(SUITE) == set()


@pytest.mark.parametrize("name", SIMPLE)
def test_contract(name: str, platform: ManagedPlatform, tmp_path: Path) -> None:
    test = getattr(objects, name)
    wanted = test.__code__.co_varnames[: test.__code__.co_argcount]
    test(**{name: {"platform": platform, "tmp_path": tmp_path}[name] for name in wanted})


@pytest.mark.parametrize(("action", "status"), [("activate", "active"), ("block", "blocked")])
def test_status(action: str, status: Any, platform: ManagedPlatform) -> None:
    objects.test_status(platform, action, status)


def test_life(service: Running, platform: DrivenPlatform, tmp_path: Path) -> None:
    def lose_ledger() -> ManagedPlatform:
        (tmp_path / "ledger.db").unlink()
        return opened(service, tmp_path)

    life(Stage(tmp_path, platform), lose_ledger)


def test_what_reconcile_test_says(platform: DrivenPlatform) -> None:
    ok(platform, user("ann", first_name="A", last_name="B"))
    said = {check.what: check.detail for check in platform.check()}
    assert said["filter"] == "ignored: everyone comes; its answers are not used"
    assert said["platform"].endswith("can be read completely")


def test_without_its_preset_it_is_not_read(service: Running, tmp_path: Path) -> None:
    with (
        closing(opened(service, tmp_path, paging="index")) as made,
        pytest.raises(PlatformUnreadable, match=r"500.*html"),
    ):
        made.read("main")
