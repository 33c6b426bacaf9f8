"""The contract of transactions, over the adapters that promise them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconcile.testing.builders import Case
from reconcile.testing.contract.transactions import *
from tests.contract.platforms import CASES, TRANSACTIONAL, Servers, parameters


@pytest.fixture(params=parameters(TRANSACTIONAL))
def case(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> Iterator[Case]:
    """Each adapter that keeps a run as a whole or not at all, empty."""
    with CASES[request.param](tmp_path, servers) as made:
        yield made
