"""The whole contract over the tables of an application, on SQLite, PostgreSQL and MariaDB.

The ledger is in the application's own database, and for SQLite in a file elsewhere too.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import Case
from reconcile.testing.contract.history import *
from reconcile.testing.contract.names import *
from reconcile.testing.contract.nesting import *
from reconcile.testing.contract.objects import *
from reconcile.testing.contract.quiet import *
from tests.contract.applications import KINDS, opened, settings
from tests.contract.platforms import Servers, parameters

ELSEWHERE = "sqlite, ledger elsewhere"


@pytest.fixture(params=[pytest.param(ELSEWHERE, marks=pytest.mark.full), *parameters(KINDS)])
def case(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    servers: Servers,
) -> Iterator[Case]:
    folder = tmp_path_factory.mktemp("application")
    kind, _, elsewhere = request.param.partition(",")
    with KINDS[kind](folder, servers) as (url, hinder):
        state = None if elsewhere else "platform"
        with opened(settings(url, folder, state=state), tmp_path) as platform:
            yield Case(kind, platform, hinder)


@pytest.fixture
def platform(case: Case) -> ManagedPlatform:
    return case.platform
