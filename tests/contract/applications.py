"""An application with tables of its own that have everything the tables platform can map."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, TypeAlias

import sqlalchemy as sa
from sqlalchemy.dialects import mysql

from reconcile.model import desired
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.managed import managed
from reconcile.platforms.tables.platform import TablesPlatform
from reconcile.ports import ManagedPlatform, no_progress
from reconcile.testing.driven import ledger
from tests.contract.platforms import Servers, Text, acme

ATTRIBUTES = {
    "phone": "phone",
    "quote": "quote",
    "a": "a",
    "b": "b",
    "c": "c",
    "kept": "kept",
    "gone": "gone",
    "": "attribute_1",
    'a"b\\': "attribute_2",
    "nul": "attribute_3",
    "ü 🙂": "attribute_4",
    "json": "attribute_5",
    "null": "null",
    "empty": 'quoted "column"',
}
MARIADB: Any = {"mariadb_engine": "InnoDB", "mariadb_default_charset": "utf8mb4"}
LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")
STATUSES = {"active": 1, "inactive": 2, "vacation": 3, "blocked": 4, "blocked_in_directory": 5}
MAPPING: dict[str, Any] = {
    "users": {
        "table": "person",
        "id": "number",
        "fields": {
            "username": "login",
            "first_name": "given name",
            "last_name": "family",
            "email": "mail",
            "department": "unit",
            "manager": "boss",
            **{f"attributes.{name}": column for name, column in ATTRIBUTES.items()},
        },
        "status": {"column": "state", **STATUSES, "erased": [9, 8]},
        "insert": {"password": "!{{ random(40) }}", "created": "{{ now }}"},
        "where": "kind != 'machine'",
    },
    "groups": {"table": "team", "fields": {"name": "name"}},
    "departments": {"table": "unit", "fields": {"title": "title", "parent": "above"}},
    "memberships": {"table": "person_team", "user": "person", "group": "team"},
    "nesting": {"table": "team_team", "member": "team", "group": "above"},
    "roles": {
        "table": "person_role",
        "user": "person",
        "role": "role",
        "where": "kind = 'person'",
        "names": {"table": "role", "create": True, "where": "realm = 'web'"},
    },
}


def tables() -> sa.MetaData:
    """What the application's own installer makes."""
    metadata = sa.MetaData()
    number = sa.Integer

    def link(name: str, first: str, second: str, *more: sa.Column[Any]) -> None:
        sa.Table(
            name,
            metadata,
            sa.Column("id", number, primary_key=True),
            sa.Column(first, number, nullable=False),
            sa.Column(second, number, nullable=False),
            *more,
            **MARIADB,
        )

    sa.Table(
        "unit",
        metadata,
        sa.Column("id", number, primary_key=True),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("above", number, sa.ForeignKey("unit.id")),
        **MARIADB,
    )
    sa.Table(
        "person",
        metadata,
        sa.Column("number", number, primary_key=True),
        sa.Column("login", sa.String(300), nullable=False),
        sa.Column("given name", sa.String(150), nullable=False),
        sa.Column("family", sa.String(200)),
        sa.Column("mail", sa.String(254), nullable=False),
        sa.Column("unit", number, sa.ForeignKey("unit.id")),
        sa.Column("boss", number, nullable=False, server_default="0"),
        sa.Column("state", number, nullable=False),
        sa.Column("password", sa.String(60), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False, server_default="human"),
        *(sa.Column(column, LONG) for column in ATTRIBUTES.values()),
        **MARIADB,
    )
    sa.Table(
        "team",
        metadata,
        sa.Column("id", number, primary_key=True),
        sa.Column("name", sa.String(300), nullable=False),
        **MARIADB,
    )
    sa.Table(
        "role",
        metadata,
        sa.Column("id", number, primary_key=True),
        sa.Column("name", sa.String(300), nullable=False),
        sa.Column("realm", sa.String(20), nullable=False),
        **MARIADB,
    )
    link("person_team", "person", "team")
    link("team_team", "team", "above")
    link("person_role", "person", "role", sa.Column("kind", sa.String(20), nullable=False))
    return metadata


def settings(
    url: str, folder: Path, mapping: Mapping[str, Any] = MAPPING, state: str | None = None
) -> desired.Platform:
    return desired.Platform(
        "tables",
        url=Text(url),
        folder=str(folder),
        state=None if state is None else Text(state),
        options=dict(mapping),
    )


@contextmanager
def opened(application: desired.Platform, folder: Path) -> Iterator[ManagedPlatform]:
    """The application with its ledger: in its own database, or in a file of the folder."""
    adapter = TablesPlatform(application)
    if application.state is not None:
        platform = managed(adapter, application, no_progress)
    else:
        platform = DrivenPlatform(adapter, ledger(folder))
    with closing(platform):
        yield platform


Hinder: TypeAlias = Callable[[str], None]
"""From now on writing a user of this name fails."""
Installed: TypeAlias = Callable[[Path, Servers], AbstractContextManager[tuple[str, Hinder]]]


@contextmanager
def on_sqlite(folder: Path, _servers: Servers) -> Iterator[tuple[str, Hinder]]:
    file = folder / "app.db"
    install(f"sqlite:///{file}")

    def hinder(username: str) -> None:
        with closing(sqlite3.connect(file)) as connection:
            for event in ("INSERT", "UPDATE"):
                connection.execute(
                    f"CREATE TRIGGER {event}_{username} BEFORE {event} ON person WHEN NEW.login = '{username}' "
                    "BEGIN SELECT RAISE(ABORT, 'the application says no'); END"
                )

    yield f"sqlite:///{file}", hinder


@contextmanager
def on_postgresql(_folder: Path, servers: Servers) -> Iterator[tuple[str, Hinder]]:
    with acme(servers("postgresql")) as database:
        install(database.url)

        def hinder(username: str) -> None:
            database.by_hand(
                f"CREATE FUNCTION no_{username}() RETURNS trigger LANGUAGE plpgsql AS "
                "$$BEGIN RAISE EXCEPTION 'the application says no'; END$$",
                f"CREATE TRIGGER no_{username} BEFORE INSERT OR UPDATE ON person FOR EACH ROW "
                f"WHEN (NEW.login = '{username}') EXECUTE FUNCTION no_{username}()",
            )

        yield database.url, hinder


@contextmanager
def on_mariadb(_folder: Path, servers: Servers) -> Iterator[tuple[str, Hinder]]:
    with acme(servers("mariadb")) as database:
        install(database.url)

        def hinder(username: str) -> None:
            for event in ("INSERT", "UPDATE"):
                database.by_hand(
                    f"CREATE TRIGGER {event}_{username} BEFORE {event} ON person FOR EACH ROW "
                    f"IF NEW.login = '{username}' THEN "
                    "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'the application says no'; END IF"
                )

        yield database.url, hinder


def install(url: str) -> None:
    engine = sa.create_engine(url)
    tables().create_all(engine)
    engine.dispose()


KINDS: dict[str, Installed] = {
    "sqlite": on_sqlite,
    "postgresql": on_postgresql,
    "mariadb": on_mariadb,
}
