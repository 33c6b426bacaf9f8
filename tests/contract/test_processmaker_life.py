"""The life of a company in a workspace of ProcessMaker, with its ledger in the same database."""

from contextlib import closing
from pathlib import Path

import pytest

from reconcile.ports import ManagedPlatform
from tests.contract.platforms import Servers
from tests.processmaker.platform import emptied, forgotten, platform, suite_url
from tests.processmaker.tables import STRICT, admin_url, sql_mode
from tests.scenarios.company_life import life
from tests.scenarios.stage import Stage
from tests.servers.mariadb import MariaDB

pytestmark = pytest.mark.server


def test_in_a_workspace(tmp_path: Path, servers: Servers) -> None:
    server = servers("mariadb")
    assert isinstance(server, MariaDB)
    url = suite_url(admin_url(server))
    emptied(url.replace("{workspace}", "main"))

    def opened() -> ManagedPlatform:
        return platform(url, sources=("corp",))

    def lose_ledger() -> ManagedPlatform:
        forgotten(url.replace("{workspace}", "main"))
        return opened()

    with sql_mode(admin_url(server), STRICT), closing(opened()) as made:
        life(Stage(tmp_path, made), lose_ledger)
