"""The whole contract over the tables of an application, on SQLite, PostgreSQL and MariaDB."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import Case
from reconcile.testing.contract.history import *
from reconcile.testing.contract.names import *
from reconcile.testing.contract.nesting import *
from reconcile.testing.contract.objects import *
from tests.contract.applications import driven, settings, tables
from tests.contract.platforms import Servers

Hinder = Callable[[str], None]


@contextmanager
def on_sqlite(folder: Path, _servers: Servers) -> Iterator[tuple[str, Hinder]]:
    file = folder / "app.db"
    engine = sa.create_engine(f"sqlite:///{file}")
    tables().create_all(engine)
    engine.dispose()

    def hinder(username: str) -> None:
        with closing(sqlite3.connect(file)) as connection:
            for event in ("INSERT", "UPDATE"):
                connection.execute(
                    f"CREATE TRIGGER {event}_{username} BEFORE {event} ON person WHEN NEW.login = '{username}' "
                    "BEGIN SELECT RAISE(ABORT, 'the application says no'); END"
                )

    yield f"sqlite:///{file}", hinder


KINDS: dict[str, Callable[[Path, Servers], AbstractContextManager[tuple[str, Hinder]]]] = {
    "sqlite": on_sqlite,
}


@pytest.fixture(params=list(KINDS))
def case(
    request: pytest.FixtureRequest,
    tmp_path: Path,
    tmp_path_factory: pytest.TempPathFactory,
    servers: Servers,
) -> Iterator[Case]:
    folder = tmp_path_factory.mktemp("application")
    with (
        KINDS[request.param](folder, servers) as (url, hinder),
        driven(settings(url, folder), tmp_path) as platform,
    ):
        yield Case(request.param, platform, hinder)


@pytest.fixture
def platform(case: Case) -> ManagedPlatform:
    return case.platform
