"""The sql platform on a database server: reaching it, rights, tables, text."""

import socket
import sys

import psycopg
import pymysql
import pytest
import sqlalchemy as sa

from reconcile.errors import PlatformUnreadable, UsageError
from reconcile.model.platform import PlatformState
from reconcile.platforms.sql.tables.tables import metadata
from reconcile.testing.builders import CORP, change, grant, group, member, ok, user, write
from tests.contract.platforms import Acme, prepare
from tests.contract.servers import (
    Opened,
    is_mariadb,
    tables,
    usernames,
)

pytestmark = [pytest.mark.server, pytest.mark.each]


def test_reading_makes_nothing_and_the_server_is_named(db: Acme, opened: Opened) -> None:
    platform = opened(db)
    assert platform.read("main") == PlatformState("main")
    first, second = platform.check()
    assert ("MariaDB 10." if is_mariadb(db) else "PostgreSQL 1") in first.detail
    assert "first apply" in second.detail
    assert tables(db) == set()
    ok(platform, user("anna"))
    assert [check.ok for check in platform.check()] == [True, True, True]
    assert tables(db) == {*metadata.tables, "reconcile_revision"}
    assert platform.read("other") == PlatformState("other")


def test_what_cannot_be_reached_is_said_without_the_password(db: Acme, opened: Opened) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        wrong = {
            db.url.replace(
                f":{db.server.port}", f":{closed.getsockname()[1]}"
            ): "cannot be reached",
            db.url.replace("s3cret", "wr0ng"): "refuses the account",
            db.url.replace(db.name, "nowhere"): "lacks a right|no such database",
            f"{db.url}{'&' if '?' in db.url else '?'}colour=blue": "colour",
            db.url.replace("?ssl_disabled=true", "")
            + ("?ssl_ca=/no.pem" if is_mariadb(db) else "?sslmode=require"): (
                "No such file|does not support SSL"
            ),
        }
        for url, said in wrong.items():
            platform = opened(url)
            for attempt in (lambda: platform.read("main"), lambda: prepare(platform)):  # noqa: B023 - called at once
                with pytest.raises((PlatformUnreadable, UsageError), match=said) as refused:
                    attempt()
                assert not any(secret in str(refused.value) for secret in ("s3cret", "wr0ng"))
            assert [check.ok for check in platform.check()] == [False]


@pytest.mark.parametrize(
    ("scheme", "module"), [("postgresql", "psycopg"), ("mysql+pymysql", "pymysql")]
)
def test_a_driver_that_is_missing_is_named(
    opened: Opened, scheme: str, module: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(
        UsageError, match=r"pip install 'reconcile-identity\[(postgresql|mariadb)\]'"
    ):
        opened(f"{scheme}://joe@127.0.0.1/acme").read("main")


def test_other_names_of_the_same_servers(db: Acme, opened: Opened) -> None:
    ok(opened(db), user("anna"))
    other = {"mariadb+pymysql": "mysql+pymysql", "postgresql+psycopg": "postgresql"}[
        db.server.scheme
    ]
    assert usernames(opened(db.url.replace(db.server.scheme, other))) == ["anna"]


def test_rights_as_the_manual_lists_them(db: Acme, opened: Opened) -> None:
    ok(opened(db), user("anna"))
    reader, writer = f"reader_{db.account}", f"writer_{db.account}"
    at = "@'127.0.0.1'" if is_mariadb(db) else ""
    every = f"{db.name}.*" if is_mariadb(db) else "ALL TABLES IN SCHEMA public"
    password = "IDENTIFIED BY 'x1'" if is_mariadb(db) else "PASSWORD 'x1'"
    for account, rights in ((reader, "SELECT"), (writer, "SELECT, INSERT, UPDATE, DELETE")):
        db.by_hand(
            f"CREATE USER {account}{at} {password}", f"GRANT {rights} ON {every} TO {account}{at}"
        )
    try:
        own = [db._replace(account=account, password="x1") for account in (reader, writer)]
        assert usernames(opened(own[0])) == ["anna"]
        with pytest.raises(PlatformUnreadable, match="lacks a right"):
            prepare(opened(own[0]))
        ok(
            opened(own[1]),
            CORP,
            [user("ben", source="corp")],
            group("g"),
            member("ben", "g"),
            grant("ben", "r"),
        )
        ok(opened(own[1]), change("user", "delete", "ben"))
    finally:
        for account in (reader, writer):
            db.by_hand(
                *([] if is_mariadb(db) else [f"DROP OWNED BY {account}"]),
                f"DROP USER {account}{at}",
            )


def test_an_account_that_may_not_create_tables_is_told(db: Acme, opened: Opened) -> None:
    if is_mariadb(db):
        db.by_hand(f"REVOKE CREATE ON {db.name}.* FROM {db.account}@'127.0.0.1'")
    else:
        db.by_hand(f"ALTER DATABASE {db.name} OWNER TO postgres")
    with pytest.raises(PlatformUnreadable, match="lacks a right"):
        prepare(opened(db))
    assert tables(db) == set()


# The schema


def test_the_tables_are_those_the_code_knows(db: Acme, opened: Opened) -> None:
    prepare(opened(db))
    schema = f"'{db.name}'" if is_mariadb(db) else "current_schema()"
    found = {
        (table, column)
        for table, column in db.by_hand(
            f"SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = {schema}"
        )
    }
    known = {
        (table.name, column.name) for table in metadata.tables.values() for column in table.columns
    }
    own = {("departments", "parent_or_0"), ("groups", "name_lower"), ("users", "username_lower")}
    assert found == known | {("reconcile_revision", "version_num")} | (
        own if is_mariadb(db) else set()
    )


def test_names_differ_by_accents_and_spaces_but_not_by_case(db: Acme, opened: Opened) -> None:
    """The tables themselves fold A to Z, as those of every database do; the writer folds all letters."""
    platform = opened(db)
    ok(
        platform,
        [user("José"), user("Jose"), user("straße"), user("strasse "), user("jose ")],
        [group("é"), group("e")],
    )
    assert usernames(platform) == ["Jose", "José", "jose ", "strasse ", "straße"]
    with pytest.raises((psycopg.IntegrityError, pymysql.IntegrityError)):
        db.by_hand("INSERT INTO users (workspace_id, username) VALUES (1, 'JOSé')")
    db.by_hand("INSERT INTO users (workspace_id, username) VALUES (1, 'Josè')")
    assert write(platform, user("JOSÉ")) == ["another user of the workspace has this username"]


@pytest.mark.parametrize("statements", [1, 4, 11, 20])
def test_an_interrupted_creation_is_started_over(
    maria: Acme, opened: Opened, statements: int
) -> None:
    platform = opened(maria)
    left = statements

    @sa.event.listens_for(sa.Engine, "after_cursor_execute")
    def interrupted(_connection: object, _cursor: object, statement: str, *_more: object) -> None:
        nonlocal left
        left -= statement.strip().startswith(("CREATE", "ALTER"))
        if not left:
            raise KeyboardInterrupt

    try:
        with pytest.raises(KeyboardInterrupt):
            prepare(platform)
    finally:
        sa.event.remove(sa.Engine, "after_cursor_execute", interrupted)
    assert tables(maria)
    assert platform.read("main") == PlatformState("main")
    ok(platform, user("anna"))
    assert usernames(platform) == ["anna"]


def test_tables_of_others_are_not_touched(db: Acme, opened: Opened) -> None:
    db.by_hand("CREATE TABLE users (name TEXT)")
    with pytest.raises(PlatformUnreadable, match="did not make: users"):
        prepare(opened(db))
    assert tables(db) == {"users"}


def test_a_lost_revision_is_no_interrupted_creation(maria: Acme, opened: Opened) -> None:
    ok(opened(maria), user("anna"))
    maria.by_hand("DELETE FROM reconcile_revision")
    for attempt in (lambda: opened(maria).read("main"), lambda: prepare(opened(maria))):
        with pytest.raises(PlatformUnreadable, match="revision none"):
            attempt()


def test_an_encoding_that_cannot_hold_every_name_is_refused(postgres: Acme, opened: Opened) -> None:
    name = f"{postgres.name}_latin"
    postgres.by_hand(
        f"CREATE DATABASE {name} OWNER {postgres.account} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
    )
    try:
        with pytest.raises(PlatformUnreadable, match="LATIN1"):
            prepare(opened(postgres.url.replace(postgres.name, name)))
    finally:
        postgres.by_hand(f"DROP DATABASE {name} WITH (FORCE)")


def test_what_does_not_fit_is_refused_whatever_the_servers_mode(
    maria: Acme, opened: Opened
) -> None:
    maria.by_hand("SET GLOBAL sql_mode = ''")
    try:
        (reason,) = write(opened(maria), user("anna", dn="x" * 70_000))
        assert reason.startswith("a value is too long")
    finally:
        maria.by_hand("SET GLOBAL sql_mode = DEFAULT")
