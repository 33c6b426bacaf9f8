"""The contract of platforms over the roles of a real PostgreSQL server.

Not all of the suite means something there; what does not apply is named here, with its reason, and
`test_postgresql_roles_objects` has what is promised instead.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reconcile.ports import ManagedPlatform
from reconcile.testing import Case
from reconcile.testing.contract.history import *
from reconcile.testing.contract.names import *
from reconcile.testing.contract.nesting import *
from reconcile.testing.contract.objects import *
from reconcile.testing.contract.quiet import *
from tests.contract.platforms import Servers
from tests.effort import turns
from tests.servers.roles import refusing, site

pytestmark = pytest.mark.server

DEPARTMENTS = "a role is in no department, and has neither an e-mail address nor a manager"
ONE_SERVER = "the roles of a server are one workspace"
REDUCED = {
    "test_creates_are_read_back": DEPARTMENTS,
    "test_updates_of_every_kind": DEPARTMENTS,
    "test_attributes_of_any_text_are_merged": "a role has no attributes but one that is a time",
    "test_any_text_can_be_written_and_changed": DEPARTMENTS,
    "test_nothing_is_taken_by_writing_null": DEPARTMENTS,
    "test_status[joint-deactivate-inactive]": "the plan writes blocked in its place",
    "test_status[elsewhere-deactivate-inactive]": "the plan writes blocked in its place",
    "test_deletes_take_along_what_hangs_on_them": DEPARTMENTS,
    "test_a_department_with_others_below_stays": DEPARTMENTS,
    "test_an_adopted_account_belongs_to_the_source_and_keeps_what_it_has": DEPARTMENTS,
    "test_of_an_erased_user_the_row_stays_and_no_more": "an erased user is deleted by the plan",
    "test_one_that_cannot_be_erased_stays_as_it_was": "an erased user is deleted by the plan",
    "test_an_erase_takes_out_what_was_said_and_the_chain_holds": (
        "an erased user is deleted by the plan"
    ),
    "test_a_failing_change_is_isolated": DEPARTMENTS,
    "test_what_is_not_there_is_a_failure": DEPARTMENTS,
    "test_workspaces_are_apart": ONE_SERVER,
    "test_a_source_gets_another_name_with_everything_it_has": ONE_SERVER,
    "test_a_run_is_recorded_with_every_change": DEPARTMENTS,
    "test_names_may_be_swapped_and_handed_on": DEPARTMENTS,
    "test_departments_trade_places_between_levels": DEPARTMENTS,
    "test_departments_move_and_swap": DEPARTMENTS,
    "test_a_rename_that_fails_keeps_its_name_from_those_who_want_it": DEPARTMENTS,
    "test_what_is_there_cannot_be_created_again": DEPARTMENTS,
    "test_values_as_long_as_the_limits_say": DEPARTMENTS,
    "test_groups_are_created_within_each_other_and_in_a_circle": (
        "the server has no groups that are in each other"
    ),
}


@pytest.fixture(params=turns("joint", "elsewhere"))
def case(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> Iterator[Case]:
    """The ledger in a schema of the server, and in a file."""
    for name in (request.node.name, request.node.originalname):
        if name in REDUCED:
            pytest.skip(REDUCED[name])
    with site(servers("postgresql")) as made:
        kind = refusing()
        state = "" if request.param == "joint" else f"sqlite:///{tmp_path}/state/ledger.db"
        platform = made.platform(kind, state, on_delete={"reassign_to": made.account})
        with closing(platform):
            yield Case("postgresql_roles", platform, kind.refused.add)


@pytest.fixture
def platform(case: Case) -> ManagedPlatform:
    return case.platform
