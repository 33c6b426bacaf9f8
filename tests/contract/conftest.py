"""The adapters that the contract tests run over, and the database servers they share.

There is one server of each kind for a process, started when it is first wanted.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing
from pathlib import Path

import pytest

from reconcile.platforms.database import database
from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import Case
from tests import ready_statements, ready_tables
from tests.contract.platforms import CASES, SERVERS, Acme, Servers, acme, parameters, sql
from tests.contract.servers import Opened
from tests.effort import turns
from tests.servers.databases import Server

ready_statements.install()
ready_tables.install()


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """Gives the running server of a kind."""
    with ExitStack() as stack:
        running: dict[str, Server] = {}

        def get(kind: str) -> Server:
            if kind not in running:
                running[kind] = stack.enter_context(_starter(kind)())
            return running[kind]

        yield get


def _starter(kind: str) -> Callable[[], AbstractContextManager[Server]]:
    if kind == "mariadb" and os.environ.get("RECONCILE_TESTS_MYSQL") == "1":
        from tests.servers.mysql import mysql

        return mysql
    if kind == "mariadb":
        from tests.servers.mariadb import mariadb

        return mariadb
    from tests.servers.postgresql import postgresql

    return postgresql


@pytest.fixture(params=parameters(CASES))
def case(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> Iterator[Case]:
    """Each adapter of the ManagedPlatform port, empty."""
    with CASES[request.param](tmp_path, servers) as made:
        yield made


@pytest.fixture
def platform(case: Case) -> ManagedPlatform:
    """The same without its name and what hinders it."""
    return case.platform


@pytest.fixture(params=turns(*SERVERS))
def db(request: pytest.FixtureRequest, servers: Servers) -> Iterator[Acme]:
    """A fresh database on each kind of server."""
    with acme(servers(request.param)) as made:
        yield made


@pytest.fixture
def maria(servers: Servers) -> Iterator[Acme]:
    """A fresh database on MariaDB."""
    with acme(servers("mariadb")) as made:
        yield made


@pytest.fixture
def postgres(servers: Servers) -> Iterator[Acme]:
    """A fresh database on PostgreSQL."""
    with acme(servers("postgresql")) as made:
        yield made


@pytest.fixture
def opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opened]:
    """Opens platforms that do not wait for others for long; MariaDB counts whole seconds."""
    monkeypatch.setattr(database, "BUSY", 1.0)
    with ExitStack() as stack:
        yield lambda where: stack.enter_context(
            closing(sql(tmp_path, where if isinstance(where, str) else where.url))
        )
