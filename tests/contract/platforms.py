"""Making platforms, changes and a small company for the contract tests of platforms."""

import itertools
import os
import socket
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias
from urllib.parse import quote

import pytest

from reconcile.model import desired
from reconcile.model.change import Action, Change, Fields, Kind
from reconcile.model.platform import PlatformState
from reconcile.platforms.database.urls import connect
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.ledger.ledger import SqlLedger
from reconcile.platforms.memory.application import MemoryApplication
from reconcile.platforms.memory.platform import MemoryPlatform
from reconcile.platforms.sql import SqlPlatform
from reconcile.ports import Holder, ManagedPlatform
from tests.servers.databases import Server

HOLDER = Holder("anna", "here", os.getpid(), "2026-03-01T08:00:00Z")
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


class Case(NamedTuple):
    """An adapter under test, and how to hinder it from outside: `hinder(username)` makes writing that user fail."""

    name: str
    platform: ManagedPlatform
    hinder: Callable[[str], None]


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
    ledger = SqlLedger(
        lambda: connect(desired.Platform("sql", Text("sqlite:///ledger.db"), folder=str(folder)))
    )
    with closing(DrivenPlatform(application, ledger)) as platform:
        yield Case("driven", platform, refused.add)


CASES: dict[str, Callable[[Path, Servers], AbstractContextManager[Case]]] = {
    "memory": memory_case,
    "driven": driven_case,
    "sqlite": sqlite_case,
    "postgresql": postgresql_case,
    "mariadb": mariadb_case,
}
SERVERS = ("postgresql", "mariadb")


def parameters(names: Iterable[str]) -> list[Any]:
    """The names of cases as parameters of a test, marked where they need a server."""
    return [
        pytest.param(name, marks=pytest.mark.server) if name in SERVERS else name for name in names
    ]


transactional = pytest.mark.parametrize(
    "case", parameters(["memory", "sqlite", "postgresql", "mariadb"]), indirect=True
)
"""For tests of what only those promise that keep a run as a whole or not at all."""


def change(
    kind: Kind,
    action: Action,
    key: str,
    after: Fields | None = None,
    before: Fields | None = None,
    workspace: str = "main",
) -> Change:
    if action != "create" and before is None:
        before = {}
    return Change(kind, action, key, before, after, "a test", "corp", workspace)


def user(name: str, **fields: str | dict[str, str | None] | None) -> Change:
    return change("user", "create", name, {"username": name, **fields})


def member(name: str, group: str, origin: str | None = "corp") -> Change:
    return change(
        "membership", "create", f"{name}/{group}", {"user": name, "group": group, "origin": origin}
    )


def grant(name: str, role: str, origin: str | None = "corp") -> Change:
    return change(
        "grant", "create", f"{name}/{role}", {"user": name, "role": role, "origin": origin}
    )


def department(title: str, parent: str | None = None, **fields: str | None) -> Change:
    key = f"{parent}/{title}" if parent else title
    return change("department", "create", key, {"title": title, "parent": parent, **fields})


def group(name: str, **fields: str | dict[str, str | None] | None) -> Change:
    return change("group", "create", name, {"name": name, **fields})


CORP = change(
    "source",
    "create",
    "corp",
    {
        "name": "corp",
        "type": "openldap",
        "base_dn": "dc=example,dc=com",
        "domain": "example.com",
        "note": "Head office",
    },
)


def nested(name: str, before: dict[str, str | None], after: dict[str, str | None]) -> Change:
    return change("group", "update", name, {"groups": after}, {"groups": before})


def write(
    platform: ManagedPlatform, *batches: Change | Sequence[Change], workspace: str = "main"
) -> list[str]:
    """Writes each batch in one transaction; the reasons of all."""
    reasons: list[str] = []
    with platform.lock([workspace], HOLDER), platform.transaction(workspace) as writer:
        writer.read()
        for batch in batches:
            written = writer.write([batch] if isinstance(batch, Change) else batch)
            reasons += ["" if one.result == "applied" else one.detail for one in written]
    return reasons


def ok(
    platform: ManagedPlatform, *batches: Change | Sequence[Change], workspace: str = "main"
) -> None:
    reasons = write(platform, *batches, workspace=workspace)
    assert not any(reasons), reasons


def view(state: PlatformState) -> dict[str, Any]:
    """The state in names."""
    names = {one.id: one.username for one in state.users}
    groups = {one.id: one.name for one in state.groups}
    departments = {one.id: one for one in state.departments}

    def path(one: str) -> str:
        return f"{path(departments[one].parent)}/{departments[one].title}" if one else ""

    return {
        "sources": {one.name: one for one in state.sources},
        "departments": {
            path(one.id)[1:]: (one.source, one.external_id, one.dn) for one in state.departments
        },
        "groups": {one.name: (one.source, one.external_id, one.dn) for one in state.groups},
        "nested": {
            (one.name, groups[above]): origin
            for one in state.groups
            for above, origin in one.groups.items()
        },
        "users": {
            one.username: {
                field: getattr(one, field)
                for field in one.__struct_fields__
                if field not in {"id", "username", "department", "manager"} and getattr(one, field)
            }
            | ({"department": path(one.department)[1:]} if one.department else {})
            | ({"manager": names[one.manager]} if one.manager else {})
            for one in state.users
        },
        "roles": set(state.roles),
        "memberships": {
            (names[one.user], groups[one.group]): one.origin for one in state.memberships
        },
        "grants": {(names[one.user], one.role): one.origin for one in state.grants},
    }


def users(platform: ManagedPlatform) -> Any:
    return view(platform.read("main"))["users"]


def ids(platform: ManagedPlatform) -> dict[str, str]:
    return {one.username: one.id for one in platform.read("main").users}


ERASED: Fields = {
    "username": "erased-x",
    "first_name": "unknown",
    "last_name": "unknown",
    "email": "",
    "status": "erased",
    "status_origin": "corp",
    "status_cause": "missing",
    "external_id": None,
    "dn": None,
    "department": None,
    "manager": None,
    "attributes": {"phone": None},
}
