"""The contract of platforms over the stand-in for SCIM services, which needs no other process."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from reconcile.model import desired
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.scim.platform import ScimPlatform
from reconcile.ports import ManagedPlatform
from reconcile.testing import Case, ledger
from reconcile.testing.contract.history import *
from reconcile.testing.contract.names import *
from reconcile.testing.contract.nesting import *
from reconcile.testing.contract.objects import *
from reconcile.testing.scim import Quirks, scim_service
from tests.contract.platforms import Text

WAYS = {
    "patch": ({}, Quirks()),
    "silent": ({}, Quirks(patch_answers=False)),
    "put": ({"update": "put"}, Quirks()),
    "entra": ({"service": "entra"}, Quirks(remove_by_value_removes_all=False)),
    "cursor": ({"paging": "cursor", "page_size": 2}, Quirks(cursor=True)),
    "each": ({"members": {"read": "each"}, "page_size": 2}, Quirks(no_members_in_lists=True)),
}
"""How services differ, and the settings that suit them."""


@pytest.fixture(params=WAYS)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Case]:
    options, quirks = WAYS[request.param]
    with scim_service(quirks) as service:
        own = {
            "auth": {"bearer": Text(service.token)},
            "nested_groups": True,
            "departments": {"schema": "urn:example:Department"},
        }
        settings = desired.Platform("scim", Text(service.url_of_workspaces), options=own | options)
        with closing(DrivenPlatform(ScimPlatform(settings), ledger(tmp_path))) as platform:
            yield Case("scim", platform, service.store.refused.add)


@pytest.fixture
def platform(case: Case) -> ManagedPlatform:
    return case.platform
