"""Database servers that the contract tests share: one of each kind for a process, started when it is first wanted."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack

import pytest

from tests.contract.platforms import Servers
from tests.servers.databases import Server


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
    if kind == "mariadb":
        from tests.servers.mariadb import mariadb

        return mariadb
    from tests.servers.postgresql import postgresql

    return postgresql
