"""Accounts, passwords and triggers of a database: any character, and no words but ours and the application's."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
import yaml
from psycopg import sql as compose

from reconcile.errors import PlatformUnreadable
from reconcile.testing.builders import ok, user, write
from tests.contract.platforms import Acme, prepare
from tests.contract.servers import Opened, is_mariadb
from tests.scenarios.stage import DESIRED, ldif
from tests.servers.forking import Execute

pytestmark = pytest.mark.server

SECRETS = (
    ("acc@:%", "a$$b"),
    ("a/b", "p@ss:w/rd%41"),
    ("a b", " lead and trail "),
    ("ün-ï", "pässwort"),
    ("😀", "ünï€😀"),
    ("日本", "e\u0301"),
    ("q\"'`", "quote\"and'and\\back"),
    ("a&b=?#", "x#y?z&k=v"),
    ("{{ 1 }}", "a{{ 1+1 }}b{%raw%}%s"),
)


def account(db: Acme, name: str, password: str) -> None:
    """Makes an account that may do everything in the database."""
    if is_mariadb(db):
        with (
            pymysql.connect(
                host="127.0.0.1",
                port=db.server.port,
                user="root",
                charset="utf8mb4",
                ssl_disabled=True,
            ) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(
                "CREATE OR REPLACE USER %s@'127.0.0.1' IDENTIFIED BY %s", (name, password)
            )
            cursor.execute(f"GRANT ALL ON {db.name}.* TO %s@'127.0.0.1'", (name,))
        return
    role = compose.Identifier(name)
    with psycopg.connect(
        host="127.0.0.1", port=db.server.port, user="postgres", dbname=db.name, autocommit=True
    ) as administrator:
        administrator.execute(compose.SQL("DROP ROLE IF EXISTS {}").format(role))
        administrator.execute(
            compose.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(role, compose.Literal(password))
        )
        administrator.execute(
            compose.SQL("GRANT {} TO {}").format(compose.Identifier(db.account), role)
        )
        administrator.execute(
            compose.SQL("ALTER ROLE {} SET role TO {}").format(role, compose.Identifier(db.account))
        )


def forget(db: Acme, name: str) -> None:
    if is_mariadb(db):
        with pymysql.connect(
            host="127.0.0.1",
            port=db.server.port,
            user="root",
            charset="utf8mb4",
            ssl_disabled=True,
        ) as connection:
            connection.cursor().execute("DROP USER %s@'127.0.0.1'", (name,))
    else:
        with psycopg.connect(
            host="127.0.0.1", port=db.server.port, user="postgres", autocommit=True
        ) as administrator:
            administrator.execute(compose.SQL("DROP ROLE {}").format(compose.Identifier(name)))


def written(folder: Path, db: Acme) -> None:
    """The desired state, for an account that the environment names."""
    rest = "?ssl_disabled=true" if is_mariadb(db) else ""
    who = "{{ env('ACCOUNT') | urlencode }}:{{ env('PASSWORD') | urlencode }}"
    url = f"{db.server.scheme}://{who}@127.0.0.1:{db.server.port}/{db.name}{rest}"
    desired = DESIRED | {"platform": {"type": "sql", "url": url}}
    (folder / "reconcile.yml").write_text(yaml.safe_dump(desired, width=1000), encoding="utf-8")


@pytest.mark.parametrize(("name", "password"), SECRETS)
def test_accounts_and_passwords_of_any_characters(
    db: Acme, tmp_path: Path, name: str, password: str, quick: Execute
) -> None:
    written(tmp_path, db)
    (tmp_path / "corp.ldif").write_text(ldif({"uid=ann": None}), encoding="utf-8")
    account(db, name, password)
    try:
        environ = os.environ | {"ACCOUNT": name, "PASSWORD": password}
        code, _, err = quick(["apply", "--yes"], tmp_path, environ, "")
        assert (code, err) == (0, "")
        wrong = f"wr0ng-{password}"
        for arguments in (
            ["plan"],
            ["plan", "-vv", "--log-format", "json"],
            ["users", "--format", "json"],
            ["test"],
        ):
            code, out, err = quick(arguments, tmp_path, environ | {"PASSWORD": wrong}, "")
            assert code == 7
            for text in (out, err, json.dumps(err)):
                assert "wr0ng" not in text
                assert password not in text
            if arguments == ["plan"]:
                assert len(err.splitlines()) == 1
    finally:
        forget(db, name)


def trigger(db: Acme, postgresql: str, mariadb: str) -> None:
    """Has the database do something where a user called noel is written."""
    if is_mariadb(db):
        db.by_hand(
            "CREATE TRIGGER licences BEFORE INSERT ON users FOR EACH ROW "
            f"IF NEW.username = 'noel' THEN {mariadb}; END IF"
        )
        return
    db.by_hand(
        f"CREATE FUNCTION licences() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN {postgresql}; RETURN NEW; END$$",
        "CREATE TRIGGER licences BEFORE INSERT ON users FOR EACH ROW WHEN (NEW.username = 'noel') "
        "EXECUTE FUNCTION licences()",
    )


@pytest.mark.parametrize(
    ("postgresql", "mariadb"),
    [
        (
            "RAISE EXCEPTION 'no more licences'",
            "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no more licences'",
        ),
        (
            "RAISE EXCEPTION 'no more licences' USING ERRCODE = '45000'",
            "SIGNAL SQLSTATE '45123' SET MESSAGE_TEXT = 'no more licences', MYSQL_ERRNO = 30001",
        ),
        (
            "RAISE EXCEPTION 'no more licences' USING ERRCODE = 'MY001'",
            "SIGNAL SQLSTATE '02234' SET MESSAGE_TEXT = 'no more licences'",
        ),
        (
            "RAISE EXCEPTION 'no more licences' USING ERRCODE = 'no_data_found'",
            "SIGNAL SQLSTATE '23000' SET MESSAGE_TEXT = 'no more licences', MYSQL_ERRNO = 65000",
        ),
    ],
)
def test_a_trigger_refuses_one_row_with_any_code(
    db: Acme, opened: Opened, postgresql: str, mariadb: str
) -> None:
    platform = opened(db)
    prepare(platform)
    trigger(db, postgresql, mariadb)
    people = [user(f"new{number:02}") for number in range(25)]
    reasons = write(platform, [*people, user("noel"), user("olga")])
    assert reasons == [*([""] * 25), "no more licences", ""]


def test_what_the_server_cannot_do_is_no_fault_of_a_row(db: Acme, opened: Opened) -> None:
    platform = opened(db)
    prepare(platform)
    full = "SIGNAL SQLSTATE 'HY000' SET MESSAGE_TEXT = 'the disk', MYSQL_ERRNO = 1021"
    trigger(db, "RAISE EXCEPTION 'the disk' USING ERRCODE = 'disk_full'", full)
    with pytest.raises(PlatformUnreadable, match="its disk is full"):
        write(platform, [user("ann"), user("noel")])


def by_command(db: Acme, folder: Path, **people: Any) -> subprocess.CompletedProcess[str]:
    (folder / "corp.ldif").write_text(
        ldif({f"uid={name}": None for name in people}), encoding="utf-8"
    )
    written(folder, db)
    return subprocess.run(
        [sys.executable, "-m", "reconcile", "apply", "--yes"],
        cwd=folder,
        env=os.environ | {"ACCOUNT": db.account, "PASSWORD": db.password},
        capture_output=True,
        text=True,
        check=False,
    )


def test_who_failed_is_on_standard_error_in_one_line(
    db: Acme, opened: Opened, tmp_path: Path
) -> None:
    prepare(opened(db))
    trigger(
        db,
        "RAISE EXCEPTION 'no more licences'",
        "SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no more licences'",
    )
    done = by_command(db, tmp_path, ann=None, noel=None, olga=None)
    assert (done.returncode, done.stderr) == (
        6,
        "error: failed: create user noel: no more licences\n",
    )
    assert "failed: user noel: no more licences" in done.stdout


def test_a_connection_that_breaks_is_reported_in_one_line(
    db: Acme, opened: Opened, tmp_path: Path
) -> None:
    """psycopg logs on standard error what becomes of its pipeline."""
    ok(opened(db), user("zoe"))
    trigger(db, "PERFORM pg_terminate_backend(pg_backend_pid())", "KILL CONNECTION_ID()")
    done = by_command(db, tmp_path, ann=None, noel=None, olga=None)
    assert done.returncode == 7
    assert len(done.stderr.splitlines()) == 1
    assert "the connection broke, and what was not committed is undone" in done.stderr
    assert db.by_hand("SELECT username FROM users") == [("zoe",)]
