"""The life of a company as the roles of a PostgreSQL server, with its ledger in a schema of it."""

from contextlib import closing
from pathlib import Path

import pytest

from reconcile.ports import ManagedPlatform
from tests.contract.platforms import Servers
from tests.effort import sample
from tests.scenarios.company_life import life
from tests.scenarios.stage import Stage
from tests.servers.roles import site

pytestmark = pytest.mark.server


@pytest.mark.parametrize("drops", sample([True], [False]))
def test_on_postgresql(drops: bool, tmp_path: Path, servers: Servers) -> None:
    with site(servers("postgresql")) as made:
        options = {"on_delete": {"reassign_to": made.account}} if drops else {}

        def opened() -> ManagedPlatform:
            return made.platform(**options)

        def lose_ledger() -> ManagedPlatform:
            made.by_hand("DROP SCHEMA reconcile CASCADE")
            return opened()

        with closing(opened()) as platform:
            life(Stage(tmp_path, platform), lose_ledger)
