"""A server whose roles are kept in line: an account of reconcile with its database, and by hand."""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar, NamedTuple
from urllib.parse import quote

from reconcile.model import desired
from reconcile.model.book import Call
from reconcile.platforms.managed import managed
from reconcile.platforms.postgresql_roles import PostgresqlRoles
from reconcile.platforms.postgresql_roles.acts import Act
from reconcile.ports import ManagedPlatform, no_progress
from tests.servers.databases import Server

ROLES = ("operator", "guest", "clerk", "r", "x/y")
"""Roles that a person has made, for rules to grant."""
PASSWORD = "s3cret: @/%"
_SOME = 500
"""Roles in one statement."""
_numbers = itertools.count()


class Text:
    """A secret that is none."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text


class Site(NamedTuple):
    """The account and database of reconcile on a server."""

    server: Server
    name: str
    account: str

    @property
    def url(self) -> str:
        return self.server.url(self.name, self.account, quote(PASSWORD, safe=""))

    def by_hand(self, *statements: str, database: str = "") -> list[tuple[object, ...]]:
        """Runs SQL as an administrator would; the last statement's rows."""
        return self.server.run(*statements, database=database or self.name)

    def roles(self) -> list[str]:
        """Names of all roles but the server's own, the administrator and the account."""
        rows = self.by_hand(
            "SELECT rolname::text FROM pg_roles WHERE oid >= 16384 "
            f"AND rolname <> '{self.account}' ORDER BY rolname"
        )
        return [str(name) for (name,) in rows if name not in ROLES]

    def adapter(self, kind: type[PostgresqlRoles] = PostgresqlRoles, **options: Any) -> Any:
        return kind(desired.Platform("postgresql_roles", Text(self.url), options=options))

    def platform(
        self, kind: type[PostgresqlRoles] = PostgresqlRoles, state: str = "", **options: Any
    ) -> ManagedPlatform:
        options = {"roles": list(ROLES), **options}
        settings = desired.Platform(
            "postgresql_roles",
            Text(self.url),
            options=options,
            state=Text(state) if state else None,
        )
        return managed(kind(settings), settings, no_progress)


class Refusing(PostgresqlRoles):
    """Has the server refuse users of some names, as no rule of PostgreSQL's own does."""

    refused: ClassVar[set[str]] = set()

    def _acts(self, call: Call, comments: dict[str, str]) -> list[Act]:
        acts = super()._acts(call, comments)
        if call.fields.get("username") in self.refused:
            acts.append({"do": "refuse", "text": "the application says no"})
        return acts


def refusing() -> type[Refusing]:
    """A kind of adapter with names of its own to refuse."""
    return type("Refusing", (Refusing,), {"refused": set()})


@contextmanager
def site(server: Server, rights: str = "CREATEROLE", *, clear: bool = True) -> Iterator[Site]:
    """A fresh database and account; afterwards every role that came is gone, where that matters."""
    number = next(_numbers)
    made = Site(server, f"state_{number}", f"keeper_{number}")
    server.create(made.name, made.account, PASSWORD)
    server.run(f"ALTER ROLE {made.account} {rights}", *(f'CREATE ROLE "{name}"' for name in ROLES))
    try:
        yield made
    finally:
        if clear:
            _clear(made)


def _clear(made: Site) -> None:
    databases = made.by_hand(
        "SELECT datname::text FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'",
        database="postgres",
    )
    for (name,) in databases:
        made.server.run(f'DROP DATABASE "{name}" WITH (FORCE)')
    rows = made.server.run("SELECT format('%I', rolname) FROM pg_roles WHERE oid >= 16384")
    names = [str(name) for (name,) in rows]
    for at in range(0, len(names), _SOME):
        some = ", ".join(names[at : at + _SOME])
        made.server.run(f"DROP OWNED BY {some}", f"DROP ROLE {some}")
