"""The contract of platforms over a workspace of ProcessMaker 3 on a real MariaDB server.

Not all of the suite means something there; what does not apply is named here, with its reason.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconcile.ports import ManagedPlatform
from reconcile.testing import Case
from reconcile.testing.contract.history import test_a_run_is_recorded_with_every_change  # noqa: F401
from reconcile.testing.contract.names import *
from reconcile.testing.contract.objects import *
from reconcile.testing.contract.quiet import *
from tests.contract.platforms import Servers
from tests.processmaker.platform import case as made
from tests.processmaker.platform import refusing
from tests.processmaker.tables import LENIENT, STRICT

pytestmark = pytest.mark.server

REDUCED: dict[str, str] = {}


@pytest.fixture(params=["joint", pytest.param("elsewhere", marks=pytest.mark.full)])
def case(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> Iterator[Case]:
    """The ledger in the workspace's database, on a strict server; and in a file, on a lenient one."""
    for name in (request.node.name, request.node.originalname):
        if name in REDUCED:
            pytest.skip(REDUCED[name])
    kind = refusing()
    joint = request.param == "joint"
    state = "" if joint else f"sqlite:///{tmp_path}/state/ledger.db"
    with made(servers("mariadb"), kind, state, STRICT if joint else LENIENT) as platform:
        yield Case("processmaker", platform, kind.refused.add)


@pytest.fixture
def platform(case: Case) -> ManagedPlatform:
    return case.platform
