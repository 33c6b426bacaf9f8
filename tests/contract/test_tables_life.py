"""The life of a company in the tables of an application, with the ledger beside them."""

from contextlib import ExitStack, closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from reconcile.platforms.ledger.schema import SCHEMA
from reconcile.ports import ManagedPlatform
from tests.contract.applications import KINDS, opened, settings
from tests.contract.platforms import Servers, parameters
from tests.scenarios.company_life import life
from tests.scenarios.stage import Stage


def drop_ledger(url: str) -> None:
    engine = sa.create_engine(url)
    with closing(engine.connect()) as connection:
        for table in reversed(SCHEMA.tables()):
            table.drop(connection)
        connection.execute(sa.text(f"DROP TABLE {SCHEMA.version_table}"))
        connection.commit()
    engine.dispose()


@pytest.mark.parametrize("kind", parameters(KINDS))
def test_a_company_in_tables(
    kind: str, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, servers: Servers
) -> None:
    folder = tmp_path_factory.mktemp("application")
    with KINDS[kind](folder, servers) as (url, _), ExitStack() as stack:
        application = settings(url, folder, state="platform")

        def again() -> ManagedPlatform:
            return stack.enter_context(opened(application, tmp_path))

        def lose_ledger() -> ManagedPlatform:
            drop_ledger(url)
            return again()

        life(Stage(tmp_path, again()), lose_ledger)
