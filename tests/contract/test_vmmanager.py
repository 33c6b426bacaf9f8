"""The contract of platforms over the stand-in for VMmanager 6.

Not all of the suite means something there; what does not apply is named here, with its reason, and
`test_vmmanager_ways` has what is promised instead.
"""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reconcile.ports import ManagedPlatform
from reconcile.testing import Case
from reconcile.testing.contract.history import *
from reconcile.testing.contract.names import *
from reconcile.testing.contract.objects import *
from reconcile.testing.contract.quiet import *
from reconcile.testing.vmmanager import Unknowns, vmmanager_service
from tests.contract.vmmanager import opened

GROUPS = "VMmanager has neither groups nor departments"
MANAGERS = "an account has no manager"
ERASED = "an erased user is deleted by the plan"
ATTRIBUTES = "of attributes an account keeps full_name and lang alone"
REDUCED = {
    "test_creates_are_read_back": GROUPS,
    "test_updates_of_every_kind": GROUPS,
    "test_attributes_of_any_text_are_merged": ATTRIBUTES,
    "test_any_text_can_be_written_and_changed": GROUPS,
    "test_nothing_is_taken_by_writing_null": GROUPS,
    "test_deletes_take_along_what_hangs_on_them": GROUPS,
    "test_a_department_with_others_below_stays": GROUPS,
    "test_an_adopted_account_belongs_to_the_source_and_keeps_what_it_has": GROUPS,
    "test_of_an_erased_user_the_row_stays_and_no_more": ERASED,
    "test_one_that_cannot_be_erased_stays_as_it_was": ERASED,
    "test_an_erase_takes_out_what_was_said_and_the_chain_holds": ERASED,
    "test_an_erase_takes_out_earlier_accounts_and_failures_too": ERASED,
    "test_a_failing_change_is_isolated": MANAGERS,
    "test_what_is_not_there_is_a_failure": GROUPS,
    "test_workspaces_are_apart": GROUPS,
    "test_a_source_gets_another_name_with_everything_it_has": GROUPS,
    "test_a_source_renamed_to_one_that_is_there_becomes_one_with_it": GROUPS,
    "test_a_run_is_recorded_with_every_change": GROUPS,
    "test_names_may_be_swapped_and_handed_on": GROUPS,
    "test_losses_mean_the_names_of_before": GROUPS,
    "test_departments_trade_places_between_levels": GROUPS,
    "test_departments_move_and_swap": GROUPS,
    "test_names_are_unique_whatever_their_case": GROUPS,
    "test_what_is_there_cannot_be_created_again": GROUPS,
    "test_a_name_may_hold_the_slash_of_the_key": GROUPS,
    "test_values_as_long_as_the_limits_say": ATTRIBUTES,
}


@pytest.fixture
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    for name in (request.node.name, request.node.originalname):
        if name in REDUCED:
            pytest.skip(REDUCED[name])
    with vmmanager_service(Unknowns(login="username")) as service:
        # The account that makes the requests is not the suite's.
        hidden = [service.email]
        with closing(opened(service, tmp_path, workspaces=True, protect=hidden)) as platform:
            yield Case("vmmanager", platform, service.store.refused.add)


@pytest.fixture
def platform(case: Case) -> ManagedPlatform:
    return case.platform
