"""What the sql platform promises beyond the port in a file: paths, permissions, the schema, hands in the tables."""

import os
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from reconcile.errors import PlatformUnreadable, ReconcileError, UsageError
from reconcile.model import desired
from reconcile.model.change import Change
from reconcile.model.platform import PlatformState
from reconcile.model.report import APPLIED
from reconcile.platforms.database.schema import Schema
from reconcile.platforms.ledger.schema import SCHEMA as LEDGER
from reconcile.platforms.sql import SqlPlatform
from reconcile.platforms.sql.schema import SCHEMA
from reconcile.platforms.sql.tables.limits import LIMITS
from reconcile.platforms.sql.tables.tables import metadata
from reconcile.testing.builders import (
    CORP,
    HOLDER,
    change,
    grant,
    group,
    member,
    ok,
    user,
    view,
    write,
)
from tests.contract.platforms import HERE, prepare, sql
from tests.contract.sqlite import by_hand
from tests.servers.sources import Known


@pytest.fixture
def platform(tmp_path: Path) -> Iterator[SqlPlatform]:
    made = sql(tmp_path)
    yield made
    made.close()


# The file


def test_the_file_is_its_owners_alone(tmp_path: Path, platform: SqlPlatform) -> None:
    before = os.umask(0)
    try:
        with platform.lock(["main"], HERE), platform.transaction("main") as writer:
            writer.write([user("anna")])
            modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
    finally:
        os.umask(before)
    assert modes == {"acme.db": "0o600", "acme.db-journal": "0o600"}


def test_a_path_is_relative_to_the_settings_or_absolute(tmp_path: Path) -> None:
    for url in ("sqlite:///sub/odd #ü.db", f"sqlite:///{tmp_path}/absolute.db"):
        (tmp_path / "sub").mkdir(exist_ok=True)
        platform = sql(tmp_path, url)
        ok(platform, user("anna"))
        platform.close()
    assert sorted(path.name for path in tmp_path.rglob("*.db")) == ["absolute.db", "odd #ü.db"]


def test_a_database_without_our_tables_is_empty_and_stays_so(
    tmp_path: Path, platform: SqlPlatform
) -> None:
    by_hand(tmp_path, "CREATE TABLE theirs (id INTEGER)")
    before = (tmp_path / "acme.db").read_bytes()
    assert platform.read("main") == PlatformState("main")
    assert (tmp_path / "acme.db").read_bytes() == before
    ok(platform, user("anna"))
    assert by_hand(tmp_path, "SELECT count(*) FROM theirs") == [(0,)]


def test_a_file_that_could_not_be_made_is_no_empty_platform(tmp_path: Path) -> None:
    with closing(sql(tmp_path, "sqlite:///no/where/acme.db")) as platform:
        for attempt in (lambda: platform.read("main"), lambda: prepare(platform)):
            with pytest.raises(
                PlatformUnreadable,
                match=r"no folder for the SQLite database .*acme\.db: create it, or",
            ):
                attempt()
        assert [(check.ok, "no folder" in check.detail) for check in platform.check()] == [
            (False, True)
        ]
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("this is no database at all " * 100)
    (tmp_path / "folder.db").mkdir()
    for name, said in {"text.db": "not an SQLite database", "folder.db": "is a folder"}.items():
        platform = sql(tmp_path, f"sqlite:///{name}")
        with pytest.raises(PlatformUnreadable, match=said):
            platform.read("main")
        with pytest.raises(PlatformUnreadable, match=said):
            prepare(platform)
        assert [check.ok for check in platform.check()] == [False]


def test_without_permission_it_says_so(tmp_path: Path, platform: SqlPlatform) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    ok(platform, user("anna"))
    (tmp_path / "acme.db").chmod(0o400)
    assert [one.username for one in platform.read("main").users] == ["anna"]
    with pytest.raises(PlatformUnreadable, match="cannot be written"):
        prepare(platform)
    (tmp_path / "acme.db").chmod(0)
    with pytest.raises(PlatformUnreadable, match="permissions"):
        platform.read("main")


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("oracle://joe:s3cret@db/acme", "oracle is not supported"),
        ("mysql://joe:s3cret@db/acme", "mysql is not supported"),
        ("postgresql+asyncpg://joe:s3cret@db/acme", "not supported"),
        ("postgresql://db:s3cret/acme", "not a database URL"),
        ("postgresql://joe:s3cret@db", "does not name a database"),
        ("sqlite+aiosqlite:///s3cret.db", "not supported"),
        ("sqlite://", "does not name a file"),
        ("sqlite:///:memory:", "does not name a file"),
        ("sqlite:///acme.db?key=s3cret", "only a file name may follow"),
        ("s3cret acme.db", "not a database URL"),
    ],
)
def test_other_urls_are_refused_without_showing_them(tmp_path: Path, url: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as refused:
        sql(tmp_path, url).read("main")
    assert "s3cret" not in str(refused.value)
    assert [check.ok for check in sql(tmp_path, url).check()] == [False]


def test_problems_are_found_without_opening_the_secret() -> None:
    class Closed:
        def reveal(self) -> str:
            raise AssertionError("it was opened")

    assert list(SqlPlatform.problems(desired.Platform("sql", Closed()))) == []
    assert [place for place, _ in SqlPlatform.problems(desired.Platform("sql"))] == [("url",)]
    assert [
        place
        for place, _ in SqlPlatform.problems(desired.Platform("sql", Closed(), options={"x": 1}))
    ] == [("x",)]


# The schema


def test_an_unknown_revision_is_refused(tmp_path: Path, platform: SqlPlatform) -> None:
    ok(platform, user("anna"))
    by_hand(tmp_path, "UPDATE reconcile_revision SET version_num = '0815'")
    for attempt in (lambda: platform.read("main"), lambda: prepare(platform)):
        with pytest.raises(PlatformUnreadable, match=rf"'0815'.*'{SCHEMA.newest}'.*newer"):
            attempt()
    by_hand(tmp_path, "DELETE FROM reconcile_revision")
    with pytest.raises(PlatformUnreadable, match="none"):
        platform.read("main")


def test_tables_of_others_are_not_touched(tmp_path: Path, platform: SqlPlatform) -> None:
    by_hand(tmp_path, "CREATE TABLE users (name TEXT)")
    with pytest.raises(PlatformUnreadable, match="did not make: users"):
        prepare(platform)
    assert by_hand(tmp_path, "SELECT name FROM sqlite_master") == [("users",)]


@pytest.mark.parametrize("schema", [SCHEMA, LEDGER], ids=["sql", "ledger"])
def test_all_migrations_leave_the_tables_that_a_new_database_gets_at_once(
    tmp_path: Path, schema: Schema
) -> None:
    ways = {"at_once": schema.upgrade, "migrated": lambda link, _name: schema.migrate(link)}
    for name, make in ways.items():
        engine = sa.create_engine(f"sqlite:///{tmp_path}/{name}.db", poolclass=sa.NullPool)
        with engine.begin() as connection:
            make(connection, "database")
            assert schema.revision(connection, "database") == schema.newest
    at_once, migrated = (_definitions(tmp_path / f"{name}.db") for name in ways)
    assert at_once == migrated
    assert set(at_once) >= {table.name for table in schema.tables()}


def _definitions(path: Path) -> dict[str, list[str]]:
    """Table or index → its columns and constraints as SQLite has them, in no order."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"
        ).fetchall()
    # SQLite writes a column that was added later into the last line, before the bracket that
    # closes it.
    apart = {
        table: re.sub(r", (?=\w+ (?:TEXT|VARCHAR|INTEGER|DATETIME))", "\n", text)
        for table, text in rows
    }
    lines = {
        table: sorted(line.strip(" ,\t)") for line in text.splitlines())
        for table, text in apart.items()
    }
    return {table: [line for line in text if line] for table, text in lines.items()}


def test_the_revisions_are_those_of_the_migrations() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", "reconcile.platforms.sql:migrations")
    scripts = ScriptDirectory.from_config(config)
    assert (
        tuple(reversed([script.revision for script in scripts.walk_revisions()]))
        == SCHEMA.revisions
    )


def test_the_limits_are_the_lengths_of_the_columns() -> None:
    columns = {"group": ("groups", "name"), "department": ("departments", "title")}
    for field, limit in LIMITS.lengths.items():
        table, column = columns.get(field, ("users", field))
        if limit:
            kind = metadata.tables[table].c[column].type
            assert isinstance(kind, sa.String)
            assert kind.length == limit
    assert LIMITS.any_role


# Hands in the tables


def test_an_application_writes_with_as_little_as_it_has(
    tmp_path: Path, platform: SqlPlatform
) -> None:
    ok(platform, CORP, user("anna", source="corp"), group("staff"), grant("anna", "operator"))
    by_hand(
        tmp_path,
        "INSERT INTO users (workspace_id, username) SELECT id, 'Ben' FROM workspaces WHERE name = 'main'",
        "INSERT INTO memberships (user_id, group_id) SELECT u.id, g.id FROM users u, groups g",
        "INSERT INTO grants (user_id, role_id) SELECT u.id, r.id FROM users u, roles r WHERE username = 'Ben'",
        "UPDATE users SET status = 'blocked', status_origin = NULL WHERE username = 'anna'",
    )
    seen = view(platform.read("main"))
    assert seen["users"] == {
        "anna": {"status": "blocked", "source": "corp"},
        "Ben": {"status": "active"},
    }
    assert seen["memberships"] == {("anna", "staff"): "", ("Ben", "staff"): ""}
    assert seen["grants"] == {("anna", "operator"): "corp", ("Ben", "operator"): ""}
    for statement in (
        "INSERT INTO users (workspace_id, username) VALUES (1, 'ANNA')",
        "INSERT INTO users (workspace_id, username, status) VALUES (1, 'x', 'away')",
        "INSERT INTO users (workspace_id, username, department_id) VALUES (1, 'x', 99)",
        "INSERT INTO departments (workspace_id, title) VALUES (1, 'a'), (1, 'a')",
        f"INSERT INTO users (workspace_id, username) VALUES (1, '{'x' * 256}')",
    ):
        with pytest.raises(sqlite3.IntegrityError):
            by_hand(tmp_path, statement)


@pytest.mark.parametrize("count", ["'many'", "-1", "1.5"])
def test_a_reading_that_is_no_count_is_not_believed(
    tmp_path: Path, platform: SqlPlatform, count: str
) -> None:
    ok(platform, CORP)
    by_hand(tmp_path, f"INSERT INTO readings (source_id, persons) SELECT id, {count} FROM sources")
    with pytest.raises(
        PlatformUnreadable, match=r"table readings, source 'corp'.*is not a count: delete the row"
    ):
        platform.read("main")


def test_attributes_of_another_hand_are_read_as_text(tmp_path: Path, platform: SqlPlatform) -> None:
    ok(platform, user("anna", attributes={"kept": "1"}))
    odd = '{"kept": "1", "age": 7, "tags": ["a"], "gone": null}'
    by_hand(tmp_path, f"UPDATE users SET attributes = '{odd}'")
    (anna,) = platform.read("main").users
    assert anna.attributes == {"kept": "1", "age": "7", "tags": '["a"]'}
    ok(platform, change("user", "update", "anna", {"attributes": {"kept": "2"}}))
    assert by_hand(tmp_path, "SELECT attributes ->> 'age', attributes ->> 'kept' FROM users") == [
        (7, "2")
    ]
    by_hand(tmp_path, "UPDATE users SET attributes = '[]'")
    with pytest.raises(PlatformUnreadable, match="attributes of 'anna'"):
        platform.read("main")


def test_the_password_is_the_applications(tmp_path: Path, platform: SqlPlatform) -> None:
    ok(platform, user("anna"))
    by_hand(tmp_path, "UPDATE users SET password_hash = 'secret'")
    ok(platform, change("user", "update", "anna", {"username": "Anna", "status": "blocked"}))
    assert by_hand(tmp_path, "SELECT password_hash FROM users") == [("secret",)]


def test_times_are_set(tmp_path: Path, platform: SqlPlatform) -> None:
    ok(platform, user("anna"), group("staff"), member("anna", "staff"))
    by_hand(
        tmp_path,
        "UPDATE users SET created_at = '2020-01-01 00:00:00', updated_at = '2020-01-01 00:00:00'",
    )
    ok(platform, change("user", "update", "anna", {"email": "a@b.c"}))
    ((created, updated, now),) = by_hand(
        tmp_path, "SELECT created_at, updated_at, CURRENT_TIMESTAMP FROM users"
    )
    assert created == "2020-01-01 00:00:00"
    assert "2020-01-01 00:00:00" < str(updated) <= str(now)


def test_who_is_responsible_for_something_stays(tmp_path: Path, platform: SqlPlatform) -> None:
    ok(platform, [user("anna"), user("ben")])
    by_hand(
        tmp_path,
        "INSERT INTO responsibilities (user_id, kind, reference) SELECT id, 'process', 'invoice' FROM users "
        "WHERE username = 'anna'",
        "INSERT INTO responsibilities (user_id, kind, reference) SELECT id, 'case', '17' FROM users "
        "WHERE username = 'anna'",
    )
    reasons = write(platform, [change("user", "delete", "anna"), change("user", "delete", "ben")])
    assert reasons == [
        "still responsible for 2 things (case '17', process 'invoice'); reassign them first",
        "",
    ]
    assert [one.username for one in platform.read("main").users] == ["anna"]


def test_departments_in_a_circle_are_refused(tmp_path: Path, platform: SqlPlatform) -> None:
    ok(platform, [change("department", "create", name, {"title": name}) for name in "ab"])
    by_hand(tmp_path, "UPDATE departments SET parent_id = 3 - id")
    with pytest.raises(PlatformUnreadable, match="is below itself: correct its parent_id"):
        write(platform, change("department", "create", "a/c", {"title": "c", "parent": "a"}))


def test_a_role_goes_with_the_grant_that_failed(tmp_path: Path, platform: SqlPlatform) -> None:
    ok(platform, [user("anna"), user("ben")])
    by_hand(
        tmp_path,
        "CREATE TRIGGER no BEFORE INSERT ON grants WHEN NEW.user_id = 1 BEGIN SELECT RAISE(ABORT, 'no more'); END",
    )
    assert write(platform, [grant("anna", "x"), grant("ben", "y")]) == ["no more", ""]
    assert platform.read("main").roles == {"y"}


def test_a_manager_who_cannot_be_set_undoes_the_user(tmp_path: Path, platform: SqlPlatform) -> None:
    prepare(platform)
    by_hand(
        tmp_path,
        "CREATE TRIGGER no BEFORE UPDATE OF manager_id ON users WHEN OLD.username = 'b' "
        "BEGIN SELECT RAISE(ABORT, 'no boss for b'); END",
    )
    reasons = write(
        platform,
        [user("a"), user("b", manager="a"), user("c", manager="b"), user("d", manager="a")],
    )
    assert reasons == ["", "no boss for b", "the manager 'b' does not exist", ""]
    assert set(view(platform.read("main"))["users"]) == {"a", "d"}


def test_an_error_of_the_database_itself_undoes_everything(
    tmp_path: Path, platform: SqlPlatform
) -> None:
    ok(platform, user("anna"))
    by_hand(
        tmp_path,
        "CREATE TRIGGER no BEFORE INSERT ON users WHEN NEW.username = 'c' BEGIN SELECT RAISE(ROLLBACK, 'all'); END",
    )
    with pytest.raises(ReconcileError):
        write(platform, [user("b")], [user("c"), user("d")])
    assert [one.username for one in platform.read("main").users] == ["anna"]
    by_hand(tmp_path, "DROP TRIGGER no")
    ok(platform, [user("b")])


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ("update users set username = x'ff'", ("table users", "username is b'\\xff'", "not text")),
        ("update users set first_name = x'00'", ("table users", "first_name is b'\\x00'")),
        ("update users set department_id = 99", ("table users", "department_id", "departments")),
        ("update users set source_id = 77", ("table users", "source_id", "sources")),
        (
            "insert into memberships (user_id, group_id) values (1, 99)",
            ("table memberships", "group_id", "groups"),
        ),
        (
            "insert into nested_groups (group_id, member_group_id) values (1, 99)",
            ("table nested_groups", "groups"),
        ),
        (
            """insert into workspaces (name) values ('other'); insert into groups (workspace_id, name) values (2, 'x');
            insert into nested_groups (group_id, member_group_id) values (2, 1)""",
            (
                "table nested_groups, member_group_id 1",
                "group_id 2 is a group of another workspace",
            ),
        ),
        ("update departments set parent_id = id", ("table departments", "'Sales' is below itself")),
        ("update users set attributes = x'ff'", ("the SQLite database",)),
    ],
)
def test_rows_that_no_program_should_leave_behind_are_named(
    tmp_path: Path, edit: str, words: tuple[str, ...]
) -> None:
    file = tmp_path / "platform.db"
    changes = [
        Change("department", "create", "Sales", None, {"title": "Sales"}, "", "", "main"),
        Change("group", "create", "staff", None, {"name": "staff", "groups": {}}, "", "", "main"),
        Change(
            "user", "create", "ann", None, {"username": "ann", "attributes": {}}, "", "", "main"
        ),
    ]
    with closing(SqlPlatform(desired.Platform("sql", Known(f"sqlite:///{file}")))) as platform:
        with platform.lock(["main"], HOLDER), platform.transaction("main") as writer:
            writer.read()
            assert [list(writer.write([change])) for change in changes] == [
                [APPLIED],
                [APPLIED],
                [APPLIED],
            ]
        with sqlite3.connect(file) as connection:
            connection.executescript(edit)
        connection.close()
        with pytest.raises(PlatformUnreadable) as caught:
            platform.read("main")
    for word in words:
        assert word in str(caught.value)


def test_tables_of_somebody_else_are_refused_by_a_plan_already(tmp_path: Path) -> None:
    file = tmp_path / "platform.db"
    with sqlite3.connect(file) as connection:
        connection.execute("create table users (x)")
    connection.close()
    with closing(SqlPlatform(desired.Platform("sql", Known(f"sqlite:///{file}")))) as platform:
        with pytest.raises(
            PlatformUnreadable, match="has tables that reconcile did not make: users"
        ):
            platform.read("main")
        assert [check.ok for check in platform.check()][-1] is False
