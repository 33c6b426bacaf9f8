"""The contract of platforms over two implementations of SCIM, with departments as resources."""

import itertools
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
from reconcile.testing.contract.quiet import *
from tests.effort import turns
from tests.servers.scim.scim2_schemas import DEPARTMENT
from tests.servers.scim.services import Running, Text, scim2_server, scimmy

pytestmark = pytest.mark.server
_numbers = itertools.count(1)


SERVICES = {"scim2-server": scim2_server, "scimmy": scimmy}


@pytest.fixture(scope="module", params=turns(*SERVICES))
def service(request: pytest.FixtureRequest) -> Iterator[Running]:
    with SERVICES[request.param]() as running:
        yield running


@pytest.fixture
def case(tmp_path: Path, service: Running) -> Iterator[Case]:
    number = next(_numbers)
    url = service.url.replace("{workspace}", f"t{number}-{{workspace}}")
    options = {
        "auth": {"bearer": Text("sekret")},
        "nested_groups": True,
        "departments": {"schema": DEPARTMENT},
    }
    settings = desired.Platform("scim", Text(url), options=options)
    with closing(DrivenPlatform(ScimPlatform(settings), ledger(tmp_path))) as platform:
        yield Case("scim", platform, service.refuse)
    service.refuse("")


@pytest.fixture
def platform(case: Case) -> ManagedPlatform:
    return case.platform
