"""The rest of the contract about history, over a workspace of ProcessMaker: its ledger is the usual one."""

import pytest

from reconcile.testing.contract.history import *
from tests.contract.test_processmaker import case, platform  # noqa: F401

pytestmark = [pytest.mark.server, pytest.mark.full]
