"""The sql platform on a database server, and others who write there: hands, rules, transactions."""

import threading
from datetime import timedelta

import psycopg
import pymysql
import pytest

from reconcile.errors import PlatformUnreadable
from reconcile.testing.builders import CORP, change, grant, group, member, ok, user, view, write
from tests.contract.platforms import HERE, Acme
from tests.contract.servers import Opened, application, is_mariadb, usernames, wait_until, waiting

pytestmark = pytest.mark.server
REFUSED = "(?i)violates|constraint|duplicate|too long"


def test_an_application_writes_with_as_little_as_it_has(db: Acme, opened: Opened) -> None:
    platform = opened(db)
    ok(platform, CORP, user("anna", source="corp"), group("staff"), grant("anna", "operator"))
    db.by_hand(
        "INSERT INTO users (workspace_id, username) SELECT id, 'Ben' FROM workspaces WHERE name = 'main'",
        "INSERT INTO memberships (user_id, group_id) SELECT u.id, g.id FROM users u, groups g",
        "INSERT INTO grants (user_id, role_id) SELECT u.id, r.id FROM users u, roles r WHERE username = 'Ben'",
        "UPDATE users SET status = 'blocked', status_origin = NULL WHERE username = 'anna'",
        """UPDATE users SET attributes = '{"age": 7, "tags": ["a"], "gone": null}' WHERE username = 'Ben'""",
    )
    seen = view(platform.read("main"))
    assert seen["users"]["anna"] == {"status": "blocked", "source": "corp"}
    assert seen["users"]["Ben"] == {"status": "active", "attributes": {"age": "7", "tags": '["a"]'}}
    assert seen["memberships"] == {("anna", "staff"): "", ("Ben", "staff"): ""}
    ok(platform, change("user", "update", "Ben", {"attributes": {"kept": "2"}}))
    assert view(platform.read("main"))["users"]["Ben"]["attributes"] == {
        "age": "7",
        "tags": '["a"]',
        "kept": "2",
    }
    db.by_hand(
        "INSERT INTO groups (workspace_id, name) VALUES (1, 'inner')",
        "INSERT INTO nested_groups (group_id, member_group_id) "
        "SELECT o.id, i.id FROM groups o, groups i WHERE o.name = 'staff' AND i.name = 'inner'",
    )
    assert view(platform.read("main"))["nested"] == {("inner", "staff"): ""}
    for statement in (
        "INSERT INTO nested_groups (group_id, member_group_id) SELECT group_id, member_group_id FROM nested_groups",
        "INSERT INTO nested_groups (group_id, member_group_id) SELECT group_id, group_id FROM nested_groups",
        "INSERT INTO users (workspace_id, username) VALUES (1, 'ANNA')",
        "INSERT INTO users (workspace_id, username, status) VALUES (1, 'x', 'away')",
        "INSERT INTO users (workspace_id, username, department_id) VALUES (1, 'x', 99)",
        "INSERT INTO departments (workspace_id, title) VALUES (1, 'a'), (1, 'a')",
        f"INSERT INTO users (workspace_id, username) VALUES (1, '{'x' * 256}')",
    ):
        with pytest.raises(
            (psycopg.IntegrityError, psycopg.DataError, pymysql.DatabaseError), match=REFUSED
        ):
            db.by_hand(statement)


def test_times_are_utc_whatever_the_session(db: Acme, opened: Opened) -> None:
    platform = opened(db)
    zone = "SET time_zone = '+05:00'" if is_mariadb(db) else "SET TIME ZONE 'Asia/Karachi'"
    ok(platform, user("anna"))
    db.by_hand(zone, "INSERT INTO users (workspace_id, username) VALUES (1, 'ben')")
    now = "utc_timestamp()" if is_mariadb(db) else "now()"
    ages = db.by_hand(f"SELECT {now} - created_at, {now} - updated_at FROM users")
    seconds = [
        age.total_seconds() if isinstance(age, timedelta) else float(str(age))
        for row in ages
        for age in row
    ]
    late = [age for age in seconds if abs(age) > 60]
    assert len(ages) == 2
    assert late == []


def test_a_rule_of_the_database_is_named(db: Acme, opened: Opened) -> None:
    platform = opened(db)
    ok(platform, user("anna"))
    db.by_hand("ALTER TABLE users ADD CONSTRAINT no_gmail CHECK (email <> 'a@gmail.com')")
    reasons = write(
        platform, [user("ben"), user("cleo", email="a@gmail.com"), user("dora", status="away")]
    )
    assert reasons == [
        "",
        "the database's rule no_gmail forbids it",
        "the database's rule users_status forbids it",
    ]


# Other programs


def test_an_application_that_writes_is_waited_for(db: Acme, opened: Opened) -> None:
    platform = opened(db)
    ok(platform, [user("anna"), user("ben")])
    with application(db) as app:
        app("UPDATE users SET email = 'by@hand' WHERE username = 'anna'")
        assert usernames(platform) == ["anna", "ben"]
        with pytest.raises(PlatformUnreadable, match="kept it busy"):
            write(platform, user("cleo"))
        app("COMMIT")
    assert write(platform, user("cleo")) == [""]
    assert view(platform.read("main"))["users"]["anna"] == {"status": "active", "email": "by@hand"}


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE users SET email = 'x' WHERE username = 'anna'",
        "DELETE FROM memberships",
        "UPDATE memberships SET origin = NULL",
        "INSERT INTO users (workspace_id, username) VALUES (1, 'zoe')",
        "INSERT INTO grants (user_id, role_id) SELECT u.id, r.id FROM users u, roles r WHERE username = 'ben'",
        "INSERT INTO responsibilities (user_id, kind, reference) SELECT id, 'case', '17' FROM users",
        "DELETE FROM users WHERE username = 'anna'",
    ],
)
def test_what_was_read_for_writing_stays_until_the_end(
    db: Acme, opened: Opened, statement: str
) -> None:
    platform = opened(db)
    ok(platform, [user("anna"), user("ben")], group("g"), member("anna", "g"), grant("anna", "r"))
    ok(platform, user("anna"), workspace="other")
    done = threading.Event()

    def apply() -> None:
        with application(db) as app:
            app(statement)
            app("COMMIT")
        done.set()

    with platform.lock(["main"], HERE), platform.transaction("main") as writer:
        before = writer.read()
        with application(db) as app:  # what is not ours goes on
            app("SELECT * FROM users")
            app("INSERT INTO users (workspace_id, username) VALUES (2, 'zoe')")
        thread = threading.Thread(target=apply)
        thread.start()
        assert not done.wait(0.2)
        assert writer.read() == before
    thread.join(20)
    assert done.is_set()


def test_a_deadlock_undoes_the_run_or_the_other_program(db: Acme, opened: Opened) -> None:
    platform = opened(db)
    ok(platform, [user("anna"), user("ben")], group("staff"), group("team"))
    outcome: list[str] = []

    def apply() -> None:
        try:
            with platform.lock(["main"], HERE), platform.transaction("main") as writer:
                writer.read()
                writer.write([user("cleo")])
            outcome.append("kept")
        except PlatformUnreadable as error:
            outcome.append(str(error))

    with application(db) as app:
        app("UPDATE groups SET dn = 'x' WHERE name = 'staff'")
        app("UPDATE users SET email = 'x' WHERE username = 'ben'")
        thread = threading.Thread(target=apply)
        thread.start()
        wait_until(
            lambda: waiting(db) or bool(outcome)
        )  # on a slow machine it may have given up by now
        try:
            app("INSERT INTO users (workspace_id, username) VALUES (1, 'zoe')")
            app("COMMIT")
        except (psycopg.errors.DeadlockDetected, pymysql.OperationalError):
            app("ROLLBACK")
        thread.join(20)
    assert usernames(platform) in (["anna", "ben", "cleo"], ["anna", "ben", "zoe"])
    assert ("cleo" in usernames(platform)) == (outcome == ["kept"])
    assert outcome == ["kept"] or "at the same time" in outcome[0] or "kept it busy" in outcome[0]


def test_a_broken_connection_undoes_everything(db: Acme, opened: Opened) -> None:
    platform = opened(db)
    ok(platform, user("anna"))

    def cut() -> None:
        with platform.lock(["main"], HERE), platform.transaction("main") as writer:
            writer.read()
            writer.write([user("ben")])
            if is_mariadb(db):
                for (number,) in db.by_hand(
                    f"SELECT id FROM information_schema.processlist WHERE user = '{db.account}'"
                ):
                    db.by_hand(f"KILL {number}")
            else:
                db.by_hand(
                    f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{db.account}'"
                )
            writer.write([user("cleo")])

    with pytest.raises(PlatformUnreadable, match="the connection broke"):
        cut()
    assert usernames(platform) == ["anna"]
    ok(platform, user("ben"))
