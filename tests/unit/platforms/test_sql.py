import sqlite3

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError

from reconcile.config.secrets import secret
from reconcile.errors import PlatformUnreadable, UsageError
from reconcile.platforms.database import json_values
from reconcile.platforms.database.database import Database
from reconcile.platforms.database.json_values import decode, encode
from reconcile.platforms.database.row_errors import refusal
from reconcile.platforms.database.urls import connect
from reconcile.platforms.ledger import lock


@given(st.dictionaries(st.text(), st.text()))
def test_attributes_come_back(attributes: dict[str, str]) -> None:
    assert decode(encode(attributes), "anna") == attributes


def test_attributes_of_another_hand() -> None:
    assert decode('{"a": 1.5, "b": true, "c": null, "d": {"e": []}}', "anna") == {
        "a": "1.5",
        "b": "true",
        "d": '{"e":[]}',
    }


@pytest.mark.parametrize("text", ["", "null", "[]", "7", "{", '"a"'])
def test_what_is_no_object_is_refused(text: str) -> None:
    with pytest.raises(PlatformUnreadable, match="'anna'"):
        decode(text, "anna")


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        (
            "UNIQUE constraint failed: index 'users_username'",
            "another user of the workspace has this username",
        ),
        (
            "UNIQUE constraint failed: users.workspace_id, users.source_id, users.external_id",
            "another one of the same source has this external id",
        ),
        (
            "UNIQUE constraint failed: grants.user_id, grants.role_id",
            "the user has this role already",
        ),
        ("CHECK constraint failed: users_first_name_length", "the first_name is too long"),
        ("CHECK constraint failed: users_status", "the database's rule users_status forbids it"),
        (
            "NOT NULL constraint failed: users.username",
            "the database's rule users.username forbids it",
        ),
        ("no more licences", "no more licences"),
    ],
)
def test_reasons_are_for_people(said: str, meant: str) -> None:
    error = IntegrityError("INSERT INTO users …", {"email": "secret"}, sqlite3.IntegrityError(said))
    assert refusal(error) == meant


HELD = lock.Held("main", "joe", "box", 4711, None, "2026-03-01T07:00:00Z", 0.0)


def test_a_lock_of_another_machine_is_dead_after_five_minutes_of_silence() -> None:
    assert not lock.is_dead(HELD._replace(age=300.0), "here")
    assert lock.is_dead(HELD._replace(age=300.5), "here")


def test_a_lock_tells_who_and_what_to_do() -> None:
    fresh = lock.describe(HELD._replace(age=12.3), "here")
    assert fresh.startswith(
        "the workspace 'main' is locked by joe on box, process 4711, since 2026-03-01T07:00:00Z"
    )
    assert "12 s ago: wait" in fresh
    assert "--force" in lock.describe(HELD._replace(age=400.0), "here")


def connected(url: str) -> Database:
    return connect(secret.SecretText(lambda: url), ".")


KINDS = ("postgresql+psycopg", "mariadb+pymysql")
PARTS = ("HUNTER", "SECRET")
"""What the passwords below are made of."""
SPLIT = (
    "HUNTER@SECRET/x",
    "HUNTER/@SECRET",
    "HUNTER@SECRET",
    "HUNTER/x@SECRET",
    "HUNTER:1@SECRET",
    "HUNTER?x@SECRET",
)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "password", [*SPLIT, "HUNTER@2?SECRET", "HUNTER#@SECRET", "@HUNTER", "HUNTER@"]
)
def test_a_password_that_is_not_quoted_is_no_part_of_a_host(kind: str, password: str) -> None:
    for url in (f"{kind}://acc:{password}@h.example/db", f"{kind}://{password}:x@h.example/db"):
        with pytest.raises(UsageError, match=r"^platform\.url") as refused:
            connected(url)
        assert not [part for part in PARTS if part in str(refused.value)], url
        assert refused.value.__cause__ is None
    with pytest.raises(UsageError, match=r"quote the account and the password: \{\{ env"):
        connected(f"{kind}://acc:{password}@h.example/db")


@pytest.mark.parametrize(
    "url", ["HUNTER/SECRET:x@h/db", "h/db?user=a&password=HUNTER@SECRET", "HUNTER/x?y@SECRET"]
)
def test_an_account_that_is_not_quoted_is_no_part_of_a_host(url: str) -> None:
    with pytest.raises(UsageError, match="quote the account") as refused:
        connected(f"postgresql+psycopg://{url}")
    assert not [part for part in PARTS if part in str(refused.value)]


@pytest.mark.parametrize(
    "password", ["HUNTER#SECRET", "HUNTER/SECRET", "HUNTER:SECRET", "HUNTER?x", "HUNTER%40%2Fx"]
)
def test_a_password_whose_end_is_plain_is_taken(password: str) -> None:
    database = connected(f"postgresql+psycopg://acc:{password}@h.example:5433/db")
    assert str(database) == "PostgreSQL database db on h.example:5433"


def test_a_file_may_have_any_name() -> None:
    assert str(connected("sqlite:////folder/a@b@c.db")) == "SQLite database /folder/a@b@c.db"


@pytest.mark.parametrize("password", SPLIT)
def test_a_masked_url_shows_nothing_of_its_password(password: str) -> None:
    assert secret.masked(f"x://acc:{password}@h.example/db") == "x://acc:***@h.example/db"
    given = f"x://acc:{{{{ env('A') }}}}@{password}@h/db?password={password}"
    assert secret.masked(given) == "x://acc:***@h/db?password=***"


def test_what_a_database_says_is_one_line_and_not_endless() -> None:
    said = json_values.brief("no\n\tmore \u2028 licences" + "x" * 100_000)
    assert said.startswith("no more licencesxxx")
    assert said.endswith("…")
    assert len(said) == 501
    assert json_values.quoted("a\nb") == r"'a\nb'"
