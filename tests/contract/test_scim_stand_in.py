"""The contract of platforms over the stand-in for SCIM services, which needs no other process."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconcile.ports import ManagedPlatform
from reconcile.testing import Case
from reconcile.testing.contract.history import *
from reconcile.testing.contract.names import *
from reconcile.testing.contract.nesting import *
from reconcile.testing.contract.objects import *
from reconcile.testing.contract.quiet import *
from reconcile.testing.scim import Quirks
from tests.contract.scim import stand_in_case


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    with stand_in_case(tmp_path, {}, Quirks()) as made:
        yield made


@pytest.fixture
def platform(case: Case) -> ManagedPlatform:
    return case.platform
