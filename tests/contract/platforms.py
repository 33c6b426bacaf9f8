"""Making platforms, changes and a small company for the contract tests of platforms."""

import itertools
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote
from urllib.request import Request, urlopen

import pytest
from people_service.platform import PeopleService

from reconcile.model import desired
from reconcile.model.change import Change
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.memory.application import MemoryApplication
from reconcile.platforms.memory.platform import MemoryPlatform
from reconcile.platforms.sql import SqlPlatform
from reconcile.ports import ManagedPlatform
from reconcile.testing.builders import HOLDER, Case
from reconcile.testing.driven import driven, ledger
from tests.effort import turns
from tests.servers.databases import Server

HERE = HOLDER._replace(host=socket.gethostname())
"""A run of this process, which is alive."""


Servers: TypeAlias = Callable[[str], Server]
"""Gives the running server of a kind, starting it when it is first wanted."""


class Text:
    """A secret that is none."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text


class Acme(NamedTuple):
    """A database on a server that belongs to an account of its own."""

    server: Server
    name: str
    account: str
    password: str = "s3cret: @/%"

    @property
    def url(self) -> str:
        return self.server.url(self.name, self.account, quote(self.password, safe=""))

    def by_hand(self, *statements: str) -> list[tuple[object, ...]]:
        """Runs SQL as an administrator would; the last statement's rows."""
        return self.server.run(*statements, database=self.name)


_numbers = itertools.count()


@contextmanager
def acme(server: Server) -> Iterator[Acme]:
    """A fresh database."""
    made = Acme(server, f"acme_{next(_numbers)}", f"joe_{next(_numbers)}")
    server.create(made.name, made.account, made.password)
    yield made
    server.drop(made.name, made.account)


def sql(folder: Path, url: str = "sqlite:///acme.db") -> SqlPlatform:
    return SqlPlatform(desired.Platform("sql", Text(url), folder=str(folder)))


def prepare(platform: ManagedPlatform) -> None:
    """Makes the tables."""
    with platform.lock(["main"], HOLDER):
        pass


@contextmanager
def memory_case(_folder: Path, _servers: Servers) -> Iterator[Case]:
    refused: set[str] = set()

    def fault(change: Change) -> str | None:
        return (
            "the application says no"
            if (change.after or {}).get("username", change.key) in refused
            else None
        )

    yield Case("memory", MemoryPlatform(fault=fault), refused.add)


@contextmanager
def sqlite_case(folder: Path, _servers: Servers) -> Iterator[Case]:
    platform = sql(folder)

    def hinder(username: str) -> None:
        prepare(platform)
        with closing(sqlite3.connect(folder / "acme.db")) as connection:
            for event in ("INSERT", "UPDATE"):
                connection.execute(
                    f"CREATE TRIGGER {event}_{username} BEFORE {event} ON users WHEN NEW.username = '{username}' "
                    "BEGIN SELECT RAISE(ABORT, 'the application says no'); END"
                )

    yield Case("sqlite", platform, hinder)
    platform.close()


@contextmanager
def postgresql_case(folder: Path, servers: Servers) -> Iterator[Case]:
    with acme(servers("postgresql")) as database, closing(sql(folder, database.url)) as platform:

        def hinder(username: str) -> None:
            prepare(platform)
            database.by_hand(
                f"CREATE FUNCTION no_{username}() RETURNS trigger LANGUAGE plpgsql AS "
                "$$BEGIN RAISE EXCEPTION 'the application says no'; END$$",
                f"CREATE TRIGGER no_{username} BEFORE INSERT OR UPDATE ON users FOR EACH ROW "
                f"WHEN (NEW.username = '{username}') EXECUTE FUNCTION no_{username}()",
            )

        yield Case("postgresql", platform, hinder)


@contextmanager
def mariadb_case(folder: Path, servers: Servers) -> Iterator[Case]:
    with acme(servers("mariadb")) as database, closing(sql(folder, database.url)) as platform:

        def hinder(username: str) -> None:
            prepare(platform)
            for event in ("INSERT", "UPDATE"):
                database.by_hand(
                    f"CREATE TRIGGER {event}_{username} BEFORE {event} ON users FOR EACH ROW "
                    f"IF NEW.username = '{username}' THEN "
                    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the application says no'; END IF"
                )

        yield Case("mariadb", platform, hinder)


@contextmanager
def driven_case(folder: Path, _servers: Servers) -> Iterator[Case]:
    """An application without transactions, driven, with its ledger in a file."""
    refused: set[str] = set()

    def refuse(_kind: object, row: dict[str, Any]) -> str:
        return "the application says no" if row.get("username") in refused else ""

    application = MemoryApplication(refuse=refuse)
    with closing(driven(folder, application)) as platform:
        yield Case("driven", platform, refused.add)


@contextmanager
def rest_case(folder: Path, _servers: Servers) -> Iterator[Case]:
    """The adapter of the examples, over its service as a process of its own."""
    command = [sys.executable, "-m", "people_service.service", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        address = service.stdout.readline().strip()
        settings = desired.Platform("people_service", options={"address": address})
        try:
            with closing(DrivenPlatform(PeopleService(settings), ledger(folder))) as platform:
                yield Case("rest", platform, lambda name: _refuse(address, name))
        finally:
            service.terminate()


def _refuse(address: str, username: str) -> None:
    """From now on the service refuses a user of this name."""
    urlopen(Request(f"{address}/refuse/{username}", method="PUT"), timeout=10).close()


CASES: dict[str, Callable[[Path, Servers], AbstractContextManager[Case]]] = {
    "memory": memory_case,
    "driven": driven_case,
    "rest": rest_case,
    "sqlite": sqlite_case,
    "postgresql": postgresql_case,
    "mariadb": mariadb_case,
}
SERVERS = ("postgresql", "mariadb")
OWN_PROCESS = ("rest",)


def parameters(names: Iterable[str]) -> list[Any]:
    """The names of cases as parameters of a test, marked where they need a server.

    Those that need a process of their own take turns.
    """
    made: list[Any] = []
    for name in names:
        if name in SERVERS:
            made += turns(pytest.param(name, marks=pytest.mark.server))
        else:
            made += turns(name) if name in OWN_PROCESS else [name]
    return made


TRANSACTIONAL = ("memory", "sqlite", "postgresql", "mariadb")
"""The adapters that keep a run as a whole or not at all."""
transactional = pytest.mark.parametrize("case", parameters(TRANSACTIONAL), indirect=True)
"""For tests of what only those promise."""
