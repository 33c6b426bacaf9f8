"""Tables as applications really have them, and days on which they are not as the mapping says."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from reconcile.errors import PlatformUnreadable, UsageError
from reconcile.platforms.tables.platform import TablesPlatform
from reconcile.ports import Rejected
from tests.contract.applications import settings
from tests.contract.platforms import Acme

DDL = """
CREATE TABLE account (
    id INTEGER PRIMARY KEY, login VARCHAR(20) NOT NULL UNIQUE, mail VARCHAR(30), phone TEXT NOT NULL DEFAULT '',
    state VARCHAR(10) NOT NULL DEFAULT 'on', level INTEGER, tenant INTEGER NOT NULL, hidden BOOLEAN NOT NULL DEFAULT 0
);
CREATE TABLE team (id INTEGER PRIMARY KEY, name VARCHAR(20) NOT NULL);
CREATE TABLE seat (account_id INTEGER NOT NULL, team_id INTEGER NOT NULL, UNIQUE (account_id, team_id));
CREATE TABLE booking (
    id INTEGER PRIMARY KEY,
    account_id INTEGER NOT NULL REFERENCES account (id) DEFERRABLE INITIALLY DEFERRED
);
CREATE TABLE note (id INTEGER PRIMARY KEY, account_id INTEGER REFERENCES account (id) ON DELETE CASCADE);
INSERT INTO account (id, login, tenant, hidden) VALUES (1, 'root', 1, 1), (2, 'ann', 1, 0), (3, 'zed', 2, 0);
INSERT INTO team VALUES (1, 'staff'), (2, 'ops');
INSERT INTO seat VALUES (1, 1), (2, 1), (3, 1), (2, 2);
"""
USERS: dict[str, Any] = {
    "table": "account",
    "fields": {"username": "login", "email": "mail", "attributes.phone": "phone"},
    "status": {"column": "state", "active": ["on", "new"], "inactive": "off"},
    "where": "tenant = 1 and hidden = false",
}
TEAMS: dict[str, Any] = {
    "groups": {"table": "team", "fields": {"name": "name"}},
    "memberships": {"table": "seat", "user": "account_id", "group": "team_id"},
}
Opened: TypeAlias = Callable[..., TablesPlatform]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    made = tmp_path / "app.db"
    by_hand(made, DDL)
    return made


def by_hand(file: Path, script: str) -> list[Any]:
    with closing(sqlite3.connect(file)) as connection, connection:
        if ";" in script:
            connection.executescript(script)
            return []
        return connection.execute(script).fetchall()


@pytest.fixture
def opened(file: Path) -> Iterator[Opened]:
    with ExitStack() as stack:

        def open_it(users: dict[str, Any] | None = None, **more: Any) -> TablesPlatform:
            mapping = {"users": USERS if users is None else users, **more}
            platform = TablesPlatform(settings("sqlite:///app.db", file.parent, mapping))
            return stack.enter_context(closing(platform))

        yield open_it


def names(platform: TablesPlatform) -> dict[str, str]:
    return {row["username"]: own for own, row in platform.read("main").rows["user"].items()}


def test_what_is_outside_of_where_is_neither_seen_nor_touched(opened: Opened, file: Path) -> None:
    platform = opened(**TEAMS)
    assert names(platform) == {"ann": "2"}
    contents = platform.read("main")
    assert set(contents.links["membership"]) == {("2", "1"), ("2", "2")}
    assert platform.abilities.reserved_usernames == {"root", "zed"}
    for call in (
        lambda: platform.update("main", "user", "1", {"email": "x"}),
        lambda: platform.link("main", "membership", [("1", "2")]),
        lambda: platform.update("main", "user", "3", {"status": "inactive"}),
        lambda: platform.create("main", "user", {"username": "root"}),
    ):
        with pytest.raises(Rejected):
            call()
    platform.delete("main", "user", "1")
    platform.delete("main", "group", "2")
    assert by_hand(file, "SELECT count(*), count(mail) FROM account") == [(3, 0)]
    assert by_hand(file, "SELECT account_id, team_id FROM seat ORDER BY 1") == [
        (1, 1),
        (2, 1),
        (3, 1),
    ]


def test_a_new_row_is_inside_of_where(opened: Opened, file: Path) -> None:
    platform = opened()
    own = platform.create("main", "user", {"username": "bob", "attributes": {"phone": "1"}})
    assert by_hand(
        file, f"SELECT tenant, hidden, state, phone, mail FROM account WHERE id = {own}"
    ) == [(1, 0, "on", "1", None)]
    strange = opened({**USERS, "where": "tenant = 1 and login != 'boss'"})
    for call in (
        lambda: strange.create("main", "user", {"username": "boss"}),
        lambda: strange.update("main", "user", own, {"username": "boss"}),
    ):
        with pytest.raises(Rejected, match=r"would be outside of `users\.where`"):
            call()
    assert names(strange).keys() == {"root", "ann", "bob"}
    outside = opened({**USERS, "where": "tenant > 1", "insert": {"tenant": 1}})
    with pytest.raises(Rejected, match="outside"):
        outside.create("main", "user", {"username": "new"})


def test_statuses_that_mean_the_same_and_one_that_means_nothing(opened: Opened, file: Path) -> None:
    platform = opened()
    by_hand(file, "UPDATE account SET state = 'new' WHERE id = 2;")
    assert platform.read("main").rows["user"]["2"]["status"] == "active"
    platform.update("main", "user", "2", {"status": "inactive"})
    assert by_hand(file, "SELECT state FROM account WHERE id = 2") == [("off",)]
    assert platform.abilities.statuses == {"active", "inactive"}
    by_hand(file, "UPDATE account SET state = 'odd' WHERE id = 2;")
    with pytest.raises(PlatformUnreadable) as unreadable:
        platform.read("main")
    assert str(unreadable.value) == (
        "account.state of the row 2 is 'odd', which no status of `users.status` means: "
        "add it there, or leave such rows out with `where`"
    )


def test_roles_in_a_column(opened: Opened, file: Path) -> None:
    roles = {"column": "level", "values": {"boss": 9, "clerk": 1}}
    platform = opened(roles=roles)
    assert platform.abilities.several_roles is False
    by_hand(file, "UPDATE account SET level = 5 WHERE id = 2;")
    contents = platform.read("main")
    assert set(contents.links["grant"]) == {("2", "5")}, "a value of the application's own"
    assert set(contents.roles) == {"boss", "clerk", "5"}
    platform.link("main", "grant", [("2", "boss")])
    platform.unlink("main", "grant", [("2", "5")])
    assert set(platform.read("main").links["grant"]) == {("2", "boss")}
    platform.unlink("main", "grant", [("2", "boss")])
    assert by_hand(file, "SELECT level FROM account WHERE id = 2") == [(None,)]
    platform.link("main", "grant", [("2", "5")])
    assert set(platform.read("main").links["grant"]) == {("2", "5")}
    needed = opened(roles={"column": "tenant", "values": {"one": 1, "two": 2}})
    assert needed.abilities.needs == {"role"}
    with pytest.raises(Rejected, match="has to hold a role"):
        needed.unlink("main", "grant", [("2", "one")])


def test_groups_as_roles(opened: Opened) -> None:
    platform = opened(**TEAMS, roles={"groups": True})
    assert platform.abilities.lacks == {"group", "department"}
    contents = platform.read("main")
    assert "group" not in contents.rows
    assert set(contents.roles) == {"staff", "ops"}
    assert set(contents.links["grant"]) == {("2", "staff"), ("2", "ops")}
    platform.unlink("main", "grant", [("2", "ops"), ("2", "nowhere")])
    with pytest.raises(Rejected, match="there is no role 'nowhere'"):
        platform.link("main", "grant", [("2", "nowhere")])
    assert set(platform.read("main").links["grant"]) == {("2", "staff")}
    platform.delete("main", "user", "2")
    assert platform.read("main").links["grant"] == set()


def test_names_as_ids(opened: Opened) -> None:
    platform = opened({**USERS, "id": "login"})
    assert platform.abilities.fixed == {"user": {"username"}}
    assert platform.create("main", "user", {"username": "bob"}) == "bob"
    platform.update("main", "user", "bob", {"email": "b@x"})
    assert platform.read("main").rows["user"]["bob"]["email"] == "b@x"


def test_who_is_referred_to_is_not_deleted(opened: Opened, file: Path) -> None:
    """SQLite looks at a deferred key only when everything is kept: then it would be too late."""
    platform = opened(**TEAMS)
    by_hand(
        file,
        "INSERT INTO booking (account_id) VALUES (2); INSERT INTO note (account_id) VALUES (2);",
    )
    with pytest.raises(Rejected, match=r"^booking\.account_id still refers to it$"):
        platform.delete("main", "user", "2")
    assert set(platform.read("main").links["membership"]) == {("2", "1"), ("2", "2")}
    by_hand(file, "DELETE FROM booking;")
    platform.delete("main", "user", "2")
    assert by_hand(file, "SELECT count(*) FROM note") == [(0,)]
    platform.delete("main", "user", "2")


@pytest.mark.parametrize(
    ("damage", "why"),
    [
        ("UPDATE account SET mail = x'ff'", ""),
        ("DROP TABLE account", "platform.users.table: the database has no table 'account'; it has"),
        ("ALTER TABLE account DROP COLUMN mail", "the table 'account' has no column 'mail'"),
        ("ALTER TABLE account RENAME COLUMN phone TO phones", "did you mean 'phones'?"),
    ],
)
def test_an_application_that_has_changed(damage: str, why: str, opened: Opened, file: Path) -> None:
    by_hand(file, damage + ";")
    platform = opened()
    if not why:
        assert platform.read("main").rows["user"]["2"]["email"] == "\ufffd"
        return
    for call in (lambda: platform.read("main"), lambda: platform.abilities):
        with pytest.raises(PlatformUnreadable) as unreadable:
            call()
        assert why in str(unreadable.value)
    assert why in next(one for one in platform.check() if not one.ok).detail


def test_rows_that_cannot_be_told_apart(opened: Opened, file: Path) -> None:
    platform = opened({**USERS, "id": "tenant", "where": ""})
    with pytest.raises(PlatformUnreadable, match="two rows of account have the id 1"):
        platform.read("main")
    (failed,) = (one for one in platform.check() if not one.ok)
    why = "account.tenant is no primary or unique key: name one in platform.users.id"
    assert why in failed.detail
    by_hand(file, "UPDATE team SET name = 'ops';")
    with pytest.raises(PlatformUnreadable, match="two roles in team have one name"):
        opened(**TEAMS, roles={"groups": True}).read("main")
    by_hand(file, "UPDATE account SET mail = 'x' WHERE id = 1;")
    nameless = opened({**USERS, "fields": {"username": "mail"}})
    with pytest.raises(PlatformUnreadable) as unreadable:
        nameless.read("main")
    assert 'with `users.where: "mail is not null"`' in str(unreadable.value)


def test_links_that_lead_nowhere_are_none(opened: Opened, file: Path) -> None:
    by_hand(file, "INSERT INTO seat VALUES (77, 1), (2, 88);")
    platform = opened(**TEAMS)
    assert set(platform.read("main").links["membership"]) == {("2", "1"), ("2", "2")}
    platform.link("main", "membership", [("2", "1")])
    with pytest.raises(Rejected, match="there is no group 88"):
        platform.link("main", "membership", [("2", "1"), ("2", "88")])
    with pytest.raises(Rejected, match="does not fit"):
        platform.link("main", "membership", [("two", "1")])


def test_what_test_says(opened: Opened) -> None:
    said = {one.what: one.detail for one in opened(**TEAMS).check()}
    assert said["mapping"] == "tables account, team, seat"
    assert said["contents"] == (
        "1 users, 2 groups, 2 memberships; 2 rows of account are left out by `where`"
    )
    assert said["lengths"] == "at most so many characters: username 20, email 30, name 20"
    assert "team.name is no unique key" in said["unique keys"]
    checks = [one.detail for one in opened(**TEAMS).check()]
    assert "a user cannot be deleted while booking.account_id refers to it" in checks
    assert "with a user the database deletes the rows of note.account_id" in checks


@pytest.mark.parametrize(
    ("users", "why"),
    [
        (
            {"where": ""},
            "account.tenant (INTEGER) takes no null and has no default: say in platform.users.insert",
        ),
        (
            {"where": "tenant = 'x'"},
            "'x' does not fit account.tenant (INTEGER): write a whole number",
        ),
        ({"where": "hidden = 3"}, "3 does not fit account.hidden (BOOLEAN): write true or false"),
        ({"where": "hiden = false"}, "no column 'hiden'; did you mean 'hidden'?"),
        ({"insert": {"tenant": "{{ random(4) }}"}}, "account.tenant (INTEGER) cannot hold this"),
        (
            {"insert": {"tenants": 1}},
            "platform.users.insert.tenants: the table 'account' has no column",
        ),
        (
            {"status": {"column": "state", "active": True}},
            "True does not fit account.state (VARCHAR(10)): write text",
        ),
        ({"fields": {"username": "hidden"}}, "account.hidden is BOOLEAN, and a field needs text"),
    ],
)
def test_what_test_says_of_a_mapping_that_does_not_fit(
    users: Any, why: str, opened: Opened
) -> None:
    *before, failed = opened({**USERS, **users}).check()
    assert all(one.ok for one in before)
    assert (failed.what, failed.ok) == ("mapping", False)
    assert why in failed.detail


def test_a_database_that_is_not_there(tmp_path: Path) -> None:
    platform = TablesPlatform(settings("sqlite:///none.db", tmp_path, {"users": USERS}))
    with pytest.raises(PlatformUnreadable, match="does not exist: name the database"):
        platform.read("main")
    assert not (tmp_path / "none.db").exists()
    (tmp_path / "none.db").write_text("no database at all, but some text that is long enough")
    (failed,) = platform.check()
    assert not failed.ok
    with pytest.raises(UsageError):
        TablesPlatform(settings("oracle://x", tmp_path, {"users": USERS})).read("main")


def test_what_one_program_locks_another_waits_for(
    opened: Opened, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from reconcile.platforms.database import database

    monkeypatch.setattr(database, "BUSY", 0.2)
    platform = opened()
    with closing(sqlite3.connect(file, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(PlatformUnreadable, match="kept it busy"):
            platform.update("main", "user", "2", {"email": "x"})
    platform.update("main", "user", "2", {"email": "x"})


ACCOUNTS = "CREATE TABLE account (id SERIAL PRIMARY KEY, login VARCHAR(20) UNIQUE, owner INTEGER)"
PLAIN = {"users": {"table": "account", "fields": {"username": "login"}}}


def server_platform(db: Acme, tmp_path: Path, mapping: Any) -> TablesPlatform:
    return TablesPlatform(settings(db.url, tmp_path, mapping))


@pytest.mark.server
def test_rows_that_a_policy_hides_are_not_missing(postgres: Acme, tmp_path: Path) -> None:
    postgres.by_hand(
        ACCOUNTS,
        "INSERT INTO account (login) VALUES ('ann')",
        "ALTER TABLE account ENABLE ROW LEVEL SECURITY",
        f"GRANT SELECT ON account TO {postgres.account}",
    )
    with closing(server_platform(postgres, tmp_path, PLAIN)) as platform:
        (*_, failed) = platform.check()
        assert "the account may not INSERT, UPDATE, DELETE on account" in failed.detail
        with pytest.raises(PlatformUnreadable, match="row-level security"):
            platform.read("main")


@pytest.mark.server
def test_a_key_that_waits_for_the_commit_is_the_fault_of_its_row(
    postgres: Acme, tmp_path: Path
) -> None:
    postgres.by_hand(
        ACCOUNTS,
        "CREATE TABLE org (id INTEGER PRIMARY KEY)",
        "ALTER TABLE account ADD FOREIGN KEY (owner) REFERENCES org DEFERRABLE INITIALLY DEFERRED",
        f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {postgres.account}",
        f"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO {postgres.account}",
    )
    mapping = {"users": {**PLAIN["users"], "insert": {"owner": 7}}}
    with closing(server_platform(postgres, tmp_path, mapping)) as platform:
        with pytest.raises(Rejected, match="account_owner_fkey"):
            platform.create("main", "user", {"username": "ann"})
        postgres.by_hand("INSERT INTO org VALUES (7)")
        assert platform.create("main", "user", {"username": "ann"})


@pytest.mark.server
@pytest.mark.parametrize(
    ("charset", "expected"), [("utf8mb4", "any"), ("utf8mb3", "basic"), ("latin1", "latin-1")]
)
def test_characters_that_a_column_cannot_hold(
    charset: str, expected: str, maria: Acme, tmp_path: Path
) -> None:
    maria.by_hand(
        "CREATE TABLE account (id INTEGER PRIMARY KEY AUTO_INCREMENT, login VARCHAR(20) UNIQUE) "
        f"DEFAULT CHARSET {charset}"
    )
    with closing(server_platform(maria, tmp_path, PLAIN)) as platform:
        assert platform.abilities.charset == expected
        assert platform.abilities.lengths["username"] == 20


@pytest.mark.server
@pytest.mark.parametrize(
    ("collation", "ignored"),
    [("utf8mb4_unicode_ci", "accents"), ("utf8mb4_bin", "case"), ("latin1_general_cs", "case")],
)
def test_names_that_a_collation_takes_for_one(
    collation: str, ignored: str, maria: Acme, tmp_path: Path
) -> None:
    maria.by_hand(
        "CREATE TABLE account (id INTEGER PRIMARY KEY AUTO_INCREMENT, login VARCHAR(20) UNIQUE) "
        f"COLLATE {collation}",
        "INSERT INTO account (login) VALUES ('jose')",
    )
    with closing(server_platform(maria, tmp_path, PLAIN)) as platform:
        assert platform.abilities.names_ignore == ignored
        if ignored == "accents":
            with pytest.raises(Rejected):
                platform.create("main", "user", {"username": "José"})
        else:
            assert platform.create("main", "user", {"username": "josé"})


@pytest.mark.server
def test_a_table_that_knows_no_transactions_is_refused(maria: Acme, tmp_path: Path) -> None:
    maria.by_hand(
        "CREATE TABLE account (id INTEGER PRIMARY KEY AUTO_INCREMENT, login VARCHAR(20)) ENGINE=MyISAM"
    )
    with closing(server_platform(maria, tmp_path, PLAIN)) as platform:
        with pytest.raises(PlatformUnreadable, match="ALTER TABLE account ENGINE=InnoDB"):
            platform.read("main")
        maria.by_hand("ALTER TABLE account ENGINE=InnoDB")
    with closing(server_platform(maria, tmp_path, PLAIN)) as platform:
        assert platform.read("main").rows["user"] == {}


def test_what_the_database_holds_for_equal_fails_alone(opened: Opened, file: Path) -> None:
    """As many at once as one statement takes: what is refused hinders no other."""
    from reconcile.model.book import Call
    from reconcile.ports import Rejected as Refused

    by_hand(file, "CREATE UNIQUE INDEX shouting ON account (upper(login));")
    platform = opened()
    calls = [
        Call("create", "user", fields={"username": name, "email": mail})
        for name, mail in [
            ("a", ""),
            ("A", ""),
            ("b", "x" * 31),
            ("c", "x" * 30),
            ("Ann", ""),
            ("d", ""),
        ]
    ]
    with platform.database.writing() as connection:
        answers = platform.make("main", calls, connection)
    said = [str(one) if isinstance(one, Refused) else "" for one in answers]
    assert [bool(text) for text in said] == [False, True, True, False, True, False]
    assert said[2] == "the email is too long"
    made = names(platform)
    assert made.keys() == {"ann", "a", "c", "d"}
    assert [made[name] for name in "acd"] == [answers[at] for at in (0, 3, 5)]
    changed = [
        Call("update", "user", made["a"], {"email": "a@x"}),
        Call("update", "user", "77", {"email": "nobody"}),
        Call("update", "user", made["c"], {"username": "D"}),
        Call("update", "user", made["d"], {"attributes": {"phone": "5"}, "status": "inactive"}),
        Call("update", "user", made["d"], {"attributes": {"phone": None}}),
    ]
    with platform.database.writing() as connection:
        answers = platform.make("main", changed, connection)
    assert [isinstance(one, Refused) for one in answers] == [False, True, True, False, False]
    assert str(answers[1]) == "it no longer exists"
    rows = platform.read("main").rows["user"]
    assert rows[made["a"]]["email"] == "a@x"
    assert (rows[made["d"]]["status"], rows[made["d"]]["attributes"]) == ("inactive", {})


def test_departments_in_a_circle_are_no_tree(opened: Opened, file: Path) -> None:
    by_hand(
        file,
        "CREATE TABLE unit (id INTEGER PRIMARY KEY, title TEXT NOT NULL, parent INTEGER NOT NULL DEFAULT 0);"
        "INSERT INTO unit VALUES (1, 'Top', 1), (2, 'Below', 1), (3, 'Lost', 77), (4, 'Deep', 2);",
    )
    users = {**USERS, "fields": {**USERS["fields"], "department": "level"}}
    units = {"table": "unit", "fields": {"title": "title", "parent": "parent"}}
    platform = opened(users, departments=units)
    rows = platform.read("main").rows["department"]
    assert {row["title"]: row["parent"] for row in rows.values()} == {
        "Top": "",
        "Below": "1",
        "Lost": "",
        "Deep": "2",
    }
    new = platform.create("main", "department", {"title": "New", "parent": ""})
    assert by_hand(file, f"SELECT parent FROM unit WHERE id = {new}") == [(0,)]
    by_hand(file, "UPDATE unit SET parent = 4 WHERE id = 1;")
    with pytest.raises(PlatformUnreadable, match="Top and Deep and Below are below each other"):
        platform.read("main")


@pytest.mark.server
def test_many_updates_on_mariadb_keep_to_where(maria: Acme, tmp_path: Path) -> None:
    from reconcile.model.book import Call

    maria.by_hand(
        "CREATE TABLE account (id INTEGER PRIMARY KEY AUTO_INCREMENT, login VARCHAR(20), `50% off` VARCHAR(20), "
        "state TINYINT(1) NOT NULL, tenant INTEGER) DEFAULT CHARSET utf8mb4",
        "INSERT INTO account (login, state, tenant) VALUES ('a', 1, 1), ('b', 1, 1), ('c', 1, 2)",
    )
    users = {
        "table": "account",
        "fields": {"username": "login", "email": "50% off"},
        "status": {"column": "state", "active": True, "inactive": False},
        "where": "tenant = 1",
    }
    with closing(server_platform(maria, tmp_path, {"users": users})) as platform:
        fields = {"email": "ü%s 🙂", "status": "inactive"}
        calls = [Call("update", "user", own, fields) for own in ("1", "2", "3", "4")]
        with platform.database.writing() as connection:
            answers = platform.make("main", calls, connection)
        assert [isinstance(one, Rejected) for one in answers] == [False, False, True, True]
        rows = platform.read("main").rows["user"]
        assert {(row["email"], row["status"]) for row in rows.values()} == {("ü%s 🙂", "inactive")}
    assert maria.by_hand("SELECT state FROM account WHERE id = 3") == [(1,)]
