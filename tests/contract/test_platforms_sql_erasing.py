"""What becomes of the things of an erased user, of passwords, and of users whom somebody deleted."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

import psycopg
import pymysql
import pytest

from reconcile.applying import apply
from reconcile.model import desired
from reconcile.model.change import Change, Digests, Fields, Plan, Scope
from reconcile.model.verification import fault
from reconcile.platforms.database.sqlite import SqliteDatabase
from reconcile.platforms.sql import SqlPlatform
from reconcile.testing.builders import (
    CORP,
    ERASED,
    HOLDER,
    change,
    grant,
    group,
    member,
    ok,
    user,
    write,
)
from tests.contract.platforms import SERVERS, Servers, Text, acme, parameters

Run: TypeAlias = Callable[..., list[tuple[object, ...]]]


class Place(NamedTuple):
    """A database, and how people write there."""

    url: str
    folder: Path
    run: Run

    @contextmanager
    def platform(self, **settings: Any) -> Iterator[SqlPlatform]:
        made = SqlPlatform(
            desired.Platform("sql", Text(self.url), folder=str(self.folder), options=settings)
        )
        with closing(made):
            yield made


@pytest.fixture(
    params=parameters(("sqlite", *SERVERS)),
)
def place(request: pytest.FixtureRequest, tmp_path: Path, servers: Servers) -> Iterator[Place]:
    if request.param == "sqlite":

        def run(*statements: str) -> list[tuple[object, ...]]:
            with closing(sqlite3.connect(tmp_path / "acme.db")) as connection, connection:
                return [connection.execute(statement).fetchall() for statement in statements][-1]

        yield Place("sqlite:///acme.db", tmp_path, run)
        return
    with acme(servers(request.param)) as database:
        yield Place(database.url, tmp_path, database.by_hand)


def related(place: Place, username: str, *things: tuple[str, str, str]) -> None:
    for relation, kind, reference in things:
        place.run(
            f"INSERT INTO responsibilities (user_id, relation, kind, reference) "
            f"SELECT id, '{relation}', '{kind}', '{reference}' FROM users WHERE username = '{username}'"
        )


def relations(place: Place) -> list[tuple[object, ...]]:
    return place.run(
        "SELECT username, relation, kind, reference FROM responsibilities r JOIN users u ON u.id = r.user_id "
        "ORDER BY username, relation, reference"
    )


def erasing(name: str, number: int = 1) -> Any:
    return change("user", "erase", name, {**ERASED, "username": f"erased-{number}"})


def test_work_and_property_are_handed_on_and_rights_go(place: Place) -> None:
    with place.platform(administrator="Boss", unknown_user="nobody") as platform:
        ok(platform, CORP, [user(name, source="corp") for name in ("anna", "ben", "BOSS")])
        for name in ("anna", "ben"):
            related(place, name, ("owner", "process", "invoice"), ("open_work", "case", f"{name}"))
            related(place, name, ("open_work", "case", "17"), ("permission", "process", "hire"))
            related(place, name, ("supervisor", "process", "hire"))
        ok(platform, [erasing("anna"), erasing("ben", 2)])
        assert relations(place) == [
            ("BOSS", "owner", "process", "invoice"),
            ("nobody", "open_work", "case", "17"),
            ("nobody", "open_work", "case", "anna"),
            ("nobody", "open_work", "case", "ben"),
        ]
        made = next(one for one in platform.read("main").users if one.username == "nobody")
        assert (made.status, made.source, made.status_origin) == ("inactive", "", "")


def test_without_an_heir_nothing_is_erased(place: Place) -> None:
    with place.platform(administrator="anna") as platform:
        ok(
            platform,
            CORP,
            [user("anna", source="corp", first_name="A"), user("ben", source="corp")],
            group("g"),
        )
        ok(platform, member("anna", "g"))
        related(place, "anna", ("owner", "process", "invoice"))
        reasons = write(platform, [erasing("anna"), erasing("ben", 2)])
        assert reasons == [
            (
                "it owns things that the administrator would take over, and there is no other account 'anna': "
                "name one in platform.administrator"
            ),
            "",
        ]
        assert relations(place) == [("anna", "owner", "process", "invoice")]
        assert len(platform.read("main").memberships) == 1


def test_a_user_of_a_source_has_no_password(place: Place) -> None:
    refused = (sqlite3.IntegrityError, psycopg.IntegrityError, pymysql.DatabaseError)
    with place.platform() as platform:
        ok(platform, CORP, user("anna", source="corp"), user("ben"))
        place.run("UPDATE users SET password_hash = 'x' WHERE username = 'ben'")
        with pytest.raises(refused, match="users_password"):
            place.run("UPDATE users SET password_hash = 'x' WHERE username = 'anna'")
        reasons = write(platform, change("user", "update", "ben", {"source": "corp"}))
        assert reasons[0], "only an adoption takes the password away"
        ok(platform, change("user", "adopt", "ben", {"source": "corp", "external_id": "e2"}))
        assert place.run("SELECT username FROM users WHERE password_hash IS NOT NULL") == []


def test_whom_somebody_deleted_is_told_from_who_is_new(place: Place) -> None:
    with place.platform() as platform:
        new: list[Fields] = [
            {"username": name, "source": "corp", "external_id": name}
            for name in ("a", "b", "c", "d")
        ]
        ok(platform, CORP, [change("user", "create", str(one["username"]), one) for one in new])
        assert platform.read("main").deleted == frozenset()
        place.run("DELETE FROM users WHERE username = 'a'")
        assert platform.read("main").deleted == {("corp", "a")}
        ok(platform, change("user", "delete", "b"), change("user", "erase", "c", ERASED))
        assert platform.read("main").deleted == {("corp", "a")}
        assert place.run("SELECT external_id FROM supplied ORDER BY external_id") == [
            ("a",),
            ("d",),
        ]
        ok(platform, change("user", "create", "a", new[0]))
        assert platform.read("main").deleted == frozenset()
        ok(platform, user("ed"))
        ok(platform, change("user", "adopt", "ed", {"source": "corp", "external_id": "e"}))
        ok(platform, change("user", "update", "ed", {"source": None, "external_id": None}))
        assert platform.read("main").deleted == frozenset(), (
            "an adoption that is taken back deletes nobody"
        )


def test_roles_may_have_to_be_there(place: Place) -> None:
    with place.platform(create_roles=False) as platform:
        ok(platform, user("anna"))
        place.run("INSERT INTO roles (workspace_id, name) SELECT id, 'operator' FROM workspaces")
        reasons = write(platform, [grant("anna", "operator"), grant("anna", "boss")])
        assert reasons == ["", "there is no role 'boss', and platform.create_roles is false"]
        assert platform.read("main").roles == {"operator"}


def test_nothing_personal_stays_in_the_file(tmp_path: Path) -> None:
    place = Place("sqlite:///acme.db", tmp_path, lambda *_: [])
    marks = [
        f"Marker{part}" for part in ("User", "First", "Last", "Mail", "Dn", "Phone", "Old", "Id")
    ]
    login, first, last, mail, name, phone, old, external = marks
    with place.platform() as platform:
        fields: Fields = {
            "username": old,
            "source": "corp",
            "external_id": external,
            "attributes": {"phone": phone},
        }
        ok(platform, CORP, [user(f"u{number:04}", source="corp") for number in range(500)])
        ok(
            platform,
            change("user", "create", old, fields),
            group("g"),
            member(old, "g"),
            grant(old, "r"),
        )
        ok(
            platform,
            change(
                "user",
                "update",
                old,
                {"username": login, "first_name": first, "last_name": last, "email": mail},
            ),
            change("user", "update", old, {"dn": f"uid={name},dc=example,dc=com"}),
        )
        ok(platform, [change("user", "delete", f"u{number:04}") for number in range(0, 500, 3)])
        content = (tmp_path / "acme.db").read_bytes()
        assert {mark for mark in marks if mark.encode() not in content} <= {old}
        ok(platform, change("user", "erase", login, ERASED))
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert [mark for mark in marks if mark.encode() in content] == [], file.name
    assert [file.name for file in tmp_path.iterdir()] == ["acme.db"]


def content(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir())


def many(platform: SqlPlatform) -> None:
    """Users enough for several pages, and one of them with a long name, Marker…, on pages of its own."""
    ok(platform, CORP, [user(f"u{number:04}", source="corp") for number in range(300)])
    ok(platform, user("anna", source="corp", dn="uid=Marker" + 9000 * "x"))


def test_a_killed_run_leaves_no_erased_user_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place("sqlite:///acme.db", tmp_path, lambda *_: [])
    with place.platform() as platform:
        many(platform)
        assert b"Marker" in content(tmp_path)
        monkeypatch.setattr(
            SqliteDatabase, "scrub", lambda _: None
        )  # as if it were killed after the commit
        ok(platform, change("user", "erase", "anna", ERASED))
        assert b"Marker" not in content(tmp_path)


def test_removing_a_dead_lock_scrubs_the_file_as_taking_it_over_does(tmp_path: Path) -> None:
    place = Place("sqlite:///acme.db", tmp_path, lambda *_: [])
    with place.platform() as platform:
        many(platform)
        with closing(sqlite3.connect(tmp_path / "acme.db")) as connection, connection:
            connection.execute("PRAGMA secure_delete = OFF")
            connection.execute("DELETE FROM users WHERE username = 'anna'")
            connection.execute(
                "INSERT INTO locks (workspace_id, token, login, host, pid, started_at, heartbeat_at) "
                "VALUES (1, 't', 'joe', 'elsewhere', 1, '2026-03-01T07:00:00Z', '2020-01-01 00:00:00')"
            )
        assert b"Marker" in content(tmp_path)
        removed = platform.unlock("main", "here")
        assert removed is not None
        assert removed.user == "joe"
        assert b"Marker" not in content(tmp_path)


def test_nothing_personal_stays_in_the_history(tmp_path: Path) -> None:
    place = Place("sqlite:///acme.db", tmp_path, lambda *_: [])
    login, old, mail, name, external, boss = (
        f"Marker{part}" for part in ("User", "Old", "Mail", "Dn", "Id", "Boss")
    )
    marks = [login, old, mail, name, external]

    def run(platform: SqlPlatform, *changes: Change) -> None:
        plan = Plan("test", "", (), (), Scope(), Digests("", {}, {}), changes)
        assert apply(plan, platform, HOLDER).count("applied") == len(changes)

    fields: Fields = {
        "username": old,
        "source": "corp",
        "external_id": external,
        "dn": f"uid={name},dc=example",
    }
    with place.platform() as platform:
        run(
            platform,
            CORP,
            group("g"),
            change("user", "create", old, fields),
            user(boss, manager=old),
            member(old, "g"),
        )
        run(
            platform,
            change(
                "user",
                "update",
                old,
                {"username": login, "email": mail},
                {"username": old, "email": ""},
            ),
        )
        run(platform, change("user", "update", boss, {"manager": None}, {"manager": login}))
        run(platform, change("user", "update", boss, {"manager": login}, {"manager": None}))
        content = (tmp_path / "acme.db").read_bytes()
        assert [mark for mark in marks if mark.encode() not in content] == []
        gone = change(
            "membership",
            "delete",
            f"{login}/g",
            None,
            {"user": login, "group": "g", "origin": "corp"},
        )
        before: Fields = {**fields, "username": login, "email": mail}
        cleared = change("user", "update", boss, {"manager": None}, {"manager": login})
        run(
            platform,
            cleared,
            gone,
            change("user", "erase", login, {**ERASED, "source": "corp"}, before),
        )
        previous = ""
        for link in platform.history.runs("main"):
            assert fault(link, previous, platform.history.entries("main", link.run.id)) == ""
            previous = link.hash
    for file in tmp_path.iterdir():
        content = file.read_bytes()
        assert [mark for mark in marks if mark.encode() in content] == [], file.name
        assert boss.encode() in content, "others stay"
