"""Roles on bad days, and what people do by hand."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from reconcile.errors import PlatformUnreadable, UsageError
from reconcile.model import desired
from reconcile.platforms.database import database
from reconcile.platforms.postgresql_roles import PostgresqlRoles
from reconcile.testing.builders import (
    CORP,
    change,
    grant,
    group,
    member,
    ok,
    user,
    users,
    view,
    write,
)
from tests.contract.platforms import Servers
from tests.scenarios.stage import DESIRED, Stage, ldif, told
from tests.servers.roles import PASSWORD, Site, Text, site

pytestmark = pytest.mark.server


@pytest.fixture
def made(servers: Servers) -> Iterator[Site]:
    with site(servers("postgresql")) as fresh:
        yield fresh


def test_what_is_never_touched_is_not_even_seen(made: Site, tmp_path: Path) -> None:
    made.by_hand(
        "CREATE ROLE boss LOGIN SUPERUSER",
        "CREATE ROLE repl_one LOGIN REPLICATION",
        "CREATE ROLE staff",
        "GRANT staff TO boss",
        "GRANT staff TO repl_one",
    )
    rules = {
        "groups": [{"source": "corp", "select": ["cn=*"]}],
        "lifecycle": {"adopt_local": "always"},
    }
    names = (
        "boss",
        "REPL_ONE",
        "pg_anna",
        "postgres",
        made.account,
        "public",
        "operator",
        "staff",
        "ü" * 32,
        "ann",
    )
    entries: dict[str, Any] = {f"uid={name}": None for name in names}
    entries["cn=staff"] = {"member": [f"uid={name}" for name in names]}
    with closing(made.platform(protect=["repl_*"])) as platform:
        before = made.by_hand(
            "SELECT * FROM pg_authid WHERE rolname IN ('boss', 'repl_one') ORDER BY 1"
        )
        assert platform.read("main").users == ()
        stage = Stage(tmp_path, platform)
        stage.write(DESIRED | rules, {"corp": ldif(entries)})
        plan = stage.plan()[0]
        report = stage.apply(plan)
        assert [one for one in report.outcomes if one.result != "applied"] == []
        assert set(users(platform)) == {"ann"}
        skipped = {one.username: one.detail for one in plan.skips}
        assert set(skipped) - {"", "staff"} == set(names) - {"ann", "staff"}
        assert "protects" in skipped["pg_anna"]
        assert "protects" in skipped["REPL_ONE"]
        assert "does not touch it" in skipped["boss"]
        assert "63 bytes" in skipped["ü" * 32]
        after = made.by_hand(
            "SELECT * FROM pg_authid WHERE rolname IN ('boss', 'repl_one') ORDER BY 1"
        )
        assert after == before


def test_what_a_person_does_stays(made: Site, tmp_path: Path) -> None:
    directory = {"uid=ann": None, "uid=bob": None, "cn=staff": {"member": ["uid=ann"]}}
    rules = {"groups": [{"source": "corp", "select": ["cn=*"]}]}
    with closing(made.platform()) as platform:
        stage = Stage(tmp_path, platform)
        stage.write(DESIRED | rules, {"corp": ldif(directory)})
        stage.apply(stage.plan()[0])
        made.by_hand(
            "ALTER ROLE bob NOLOGIN CREATEDB",
            "GRANT staff TO bob",
            "GRANT pg_monitor TO ann",
            "CREATE ROLE other LOGIN",
            "GRANT staff TO other",
            "COMMENT ON ROLE ann IS NULL",
        )
        assert stage.plan()[0].changes == (), "nothing to put back"
        made.by_hand("REVOKE staff FROM ann")
        plan = stage.plan()[0]
        assert [told(one) for one in plan.changes] == ["+ membership ann/staff"] or plan.changes
        stage.apply(plan)
        seen = view(platform.read("main"))
        assert seen["memberships"] == {
            ("ann", "staff"): "corp",
            ("bob", "staff"): "",
            ("other", "staff"): "",
        }
        assert seen["users"]["bob"]["status"] == "blocked"


def owner(made: Site, name: str, where: str) -> None:
    made.by_hand(
        f"CREATE TABLE of_{name} (i int)", f"ALTER TABLE of_{name} OWNER TO {name}", database=where
    )


def test_what_a_dropped_role_owns_is_handed_over_everywhere(made: Site) -> None:
    made.by_hand(
        "CREATE ROLE heir",
        f"GRANT heir TO {made.account}",
        "CREATE DATABASE app",
        "CREATE DATABASE of_ann",
        "CREATE DATABASE shut",
    )
    with closing(made.platform(on_delete={"reassign_to": "heir"})) as platform:
        ok(platform, [user("ann"), user("bob"), user("cid")], group("g"), member("ann", "g"))
        owner(made, "ann", "app")
        owner(made, "bob", "shut")
        made.by_hand(
            "ALTER DATABASE of_ann OWNER TO ann",
            "GRANT SELECT ON pg_class TO cid",
            f"GRANT CONNECT ON DATABASE {made.name} TO ann",
        )
        made.by_hand("ALTER DATABASE shut ALLOW_CONNECTIONS false")
        reasons = write(
            platform, [change("user", "delete", name) for name in ("ann", "bob", "cid")]
        )
        assert reasons[0] == ""
        assert "privileges for table pg_class" in reasons[2], "another account has granted them"
        assert reasons[1].startswith("in the database shut it cannot be handed over")
        assert set(users(platform)) == {"bob", "cid"}
        owners = made.by_hand(
            "SELECT tableowner::text FROM pg_tables WHERE tablename = 'of_ann'", database="app"
        )
        assert owners == [("heir",)]
        assert made.by_hand(
            "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = 'of_ann'"
        ) == [("heir",)]
        made.by_hand("ALTER DATABASE shut ALLOW_CONNECTIONS true")
        ok(platform, change("user", "delete", "bob"))
        assert not made.by_hand(
            f"SELECT 1 FROM pg_auth_members WHERE member = '{made.account}'::regrole AND roleid <> 'heir'::regrole"
        )


def test_no_role_is_dropped_without_the_key(made: Site, tmp_path: Path) -> None:
    with closing(made.platform()) as platform:
        ok(platform, user("ann"))
        (reason,) = write(platform, change("user", "delete", "ann"))
        assert "on_delete" in reason
        assert platform.abilities.deletes == frozenset()
        assert set(users(platform)) == {"ann"}


def session(made: Site, name: str) -> psycopg.Connection[Any]:
    made.by_hand(f"ALTER ROLE {name} PASSWORD '{PASSWORD}'")
    return psycopg.connect(
        host="127.0.0.1",
        port=made.server.port,
        user=name,
        dbname=made.name,
        password=PASSWORD,
        autocommit=True,
    )


BLOCKED = {"status": "blocked", "status_origin": "corp", "status_cause": "missing"}


def test_sessions_of_the_blocked_are_ended_and_of_no_one_else(made: Site) -> None:
    made.by_hand(f"GRANT pg_signal_backend TO {made.account}")
    with closing(made.platform(end_sessions=True)) as platform:
        ok(platform, CORP, [user("ann"), user("bob")])
        with closing(session(made, "ann")) as ann, closing(session(made, "bob")) as bob:
            ok(platform, change("user", "block", "ann", BLOCKED))
            with pytest.raises(psycopg.OperationalError):
                ann.execute("SELECT 1")
            bob.execute("SELECT 1")
        with pytest.raises(psycopg.OperationalError, match="not permitted to log in"):
            session(made, "ann")


def test_sessions_that_may_not_be_ended_are_a_warning(
    made: Site, caplog: pytest.LogCaptureFixture
) -> None:
    with closing(made.platform(end_sessions=True)) as platform:
        ok(platform, CORP, user("ann"))
        with closing(session(made, "ann")) as ann:
            ok(platform, change("user", "block", "ann", BLOCKED))
            ann.execute("SELECT 1")
        assert "pg_signal_backend" in caplog.text
        assert users(platform)["ann"]["status"] == "blocked"


def test_an_account_without_the_right_changes_nothing(servers: Servers) -> None:
    with site(servers("postgresql"), "NOCREATEROLE") as made, closing(made.platform()) as platform:
        reasons = write(platform, [user("ann"), user("bob")])
        assert all("may not do this (permission denied to create role)" in one for one in reasons)
        assert made.roles() == []
        (*_, last) = platform.check()
        assert not last.ok
        assert "CREATEROLE" in last.detail


def test_another_who_holds_a_role_is_waited_for_and_then_all_is_undone(
    made: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY", 0.5)
    with closing(made.platform()) as platform:
        ok(platform, [user("ann"), user("bob")])
        with psycopg.connect(
            host="127.0.0.1", port=made.server.port, user="postgres", dbname=made.name
        ) as other:
            other.execute("ALTER ROLE bob RENAME TO bert")
            renames = [
                change("user", "update", name, {"username": f"{name}2"}) for name in ("ann", "bob")
            ]
            reasons = write(platform, renames)
            assert all("kept it busy" in one or "failed" in one for one in reasons), reasons
            other.rollback()
        assert set(users(platform)) == {"ann", "bob"}
        ok(platform, renames)


def test_more_roles_than_the_server_has_locks_for(made: Site) -> None:
    """Every comment takes a lock until the end of its transaction."""
    adapter = made.adapter(chunk=5000)
    assert adapter.calls_together == 5000
    adapter.read("main")
    (room,) = made.by_hand(
        "SELECT current_setting('max_locks_per_transaction')::int * current_setting('max_connections')::int"
    )[0]
    assert adapter.calls_together == room // 2
    with closing(made.platform(chunk=5000)) as platform:
        ok(platform, [user(f"u{n}") for n in range(int(room) * 2)])
        assert len(platform.read("main").users) == int(room) * 2


def test_check_says_what_was_found(made: Site) -> None:
    made.by_hand("CREATE ROLE heir", "CREATE ROLE ann LOGIN", "CREATE ROLE boss SUPERUSER")
    options: dict[str, Any] = {"end_sessions": True, "on_delete": {"reassign_to": "heir"}}

    def lines() -> dict[str, tuple[bool, str]]:
        with closing(made.platform(**options)) as platform:
            return {one.what: (one.ok, one.detail) for one in platform.check()}

    found = lines()
    assert found["account"] == (True, f"{made.account} has CREATEROLE")
    assert found["roles"][1].startswith("1 users, 0 groups; ")
    assert "rules may grant" in found["grants"][1]
    assert found["schema"] == (True, "reconcile will be created on the first apply")
    assert list(found)[-1] == "end_sessions"
    assert not found["end_sessions"][0]
    made.by_hand(f"GRANT pg_signal_backend TO {made.account}")
    assert lines()["on_delete"] == (
        False,
        f"{made.account} is no member of heir: run GRANT heir TO {made.account}",
    )
    made.by_hand(f"GRANT heir TO {made.account}")
    found = lines()
    assert found["databases"][0]
    assert "ledger" in found
    made.by_hand("CREATE DATABASE shut", "REVOKE CONNECT ON DATABASE shut FROM public")
    assert list(lines().items())[-1][0] == "databases"
    assert "shut" in lines()["databases"][1]
    made.by_hand(f"ALTER ROLE {made.account} SUPERUSER")
    assert "is a superuser, which reconcile does not need" in lines()["account"][1]


def test_a_ledger_lost_is_no_second_account(made: Site, tmp_path: Path) -> None:
    entries: dict[str, Any] = {"uid=ann": {"entryUUID": "1"}, "uid=bob": {"entryUUID": "2"}}
    with closing(made.platform()) as platform:
        stage = Stage(tmp_path, platform)
        stage.write(DESIRED, {"corp": ldif(entries)})
        stage.apply(stage.plan()[0])
        made.by_hand("DROP SCHEMA reconcile CASCADE", "ALTER ROLE ann RENAME TO anna")
        plan = stage.plan()[0]
        assert {(one.kind, one.action) for one in plan.changes if one.kind == "user"} == {
            ("user", "adopt")
        }
        stage.apply(plan)
        assert {name: one["external_id"] for name, one in users(platform).items()} == {
            "ann": "1",
            "bob": "2",
        }


def test_what_is_no_postgresql_url_is_refused() -> None:
    platform = PostgresqlRoles(desired.Platform("postgresql_roles", Text("sqlite:///x.db")))
    with pytest.raises(UsageError, match="needs a PostgreSQL server"):
        platform.read("main")
    nowhere = PostgresqlRoles(
        desired.Platform("postgresql_roles", Text("postgresql://a:b@127.0.0.1:1/x"))
    )
    with pytest.raises(PlatformUnreadable, match="cannot be reached"):
        nowhere.read("main")
    assert [check.ok for check in nowhere.check()] == [False]


def test_a_role_of_the_rules_is_granted_and_never_a_superuser(made: Site) -> None:
    made.by_hand("CREATE ROLE app_admin", "CREATE ROLE app_root SUPERUSER")
    with closing(made.platform(roles=["app_*", "pg_monitor"])) as platform:
        assert platform.read("main").roles == {"app_admin", "pg_monitor"}
        ok(platform, user("ann"), [grant("ann", "app_admin"), grant("ann", "pg_monitor")])
        (reason,) = write(platform, grant("ann", "app_root"))
        assert reason
        assert not made.by_hand("SELECT 1 FROM pg_auth_members WHERE roleid = 'app_root'::regrole")


def test_admin_option_says_what_may_be_changed(made: Site) -> None:
    version = int(str(made.by_hand("SHOW server_version_num")[0][0]))
    if version < 160000:
        pytest.skip("ADMIN OPTION has this meaning from PostgreSQL 16 on; unit tests have the rest")
    made.by_hand("CREATE ROLE ann LOGIN", "CREATE ROLE bob LOGIN", "CREATE ROLE staff")
    with closing(made.platform()) as platform:
        assert platform.read("main").users == ()
        (reason,) = write(platform, user("ann"))
        assert reason == "another role of the server has this name"
        found = {one.what: one.detail for one in platform.check()}
        assert "ann, bob" in found["admin option"]
        made.by_hand(f"GRANT ann, staff TO {made.account} WITH ADMIN OPTION")
        ok(platform, user("cid"), member("ann", "staff"), member("cid", "staff"))
        ok(platform, change("user", "update", "ann", {"username": "anna"}))
        gone = {"user": "anna", "group": "staff", "origin": "corp"}
        ok(platform, change("membership", "delete", "anna/staff", None, gone))
        assert set(users(platform)) == {"anna", "cid"}
        made.by_hand("GRANT staff TO anna")
        assert view(platform.read("main"))["memberships"][("anna", "staff")] == ""


def test_names_that_differ_by_case_alone_are_never_confused(made: Site, tmp_path: Path) -> None:
    """The server has both; reconcile takes neither for the person's, and makes no third."""
    made.by_hand('CREATE ROLE "Ann" LOGIN', "CREATE ROLE ann LOGIN", "CREATE ROLE bob LOGIN")
    entries: dict[str, Any] = {"uid=ANN": None, "uid=BOB": None, "uid=Cid": None}
    rules = {"lifecycle": {"adopt_local": "always"}}
    with closing(made.platform()) as platform:
        stage = Stage(tmp_path, platform)
        stage.write(DESIRED | rules, {"corp": ldif(entries)})
        plan = stage.plan()[0]
        report = stage.apply(plan)
        assert [one.detail for one in report.outcomes if one.result != "applied"] == []
        assert "ANN" in {one.username for one in plan.skips}
        seen = users(platform)
        assert "source" not in seen["ann"]
        assert "source" not in seen["Ann"]
        assert seen["BOB"]["source"] == "corp", "adopted, and called as in the directory"
        assert set(seen) == {"ann", "Ann", "BOB", "Cid"}


@pytest.mark.parametrize(
    "comment",
    [
        "[reconcile user id=%zz]",
        "[reconcile user id=]",
        "[reconcile user until=x]",
        "[reconcile user x=]",
    ],
)
def test_a_comment_that_a_person_made_up_does_no_harm(comment: str, made: Site) -> None:
    made.by_hand("CREATE ROLE ann LOGIN", f"COMMENT ON ROLE ann IS '{comment}'")
    with closing(made.platform(valid_until="ends")) as platform:
        assert platform.read("main").users[0].username == "ann"
        ok(platform, CORP, change("user", "adopt", "ann", {"source": "corp", "external_id": "1"}))
        assert users(platform)["ann"]["external_id"] == "1"
