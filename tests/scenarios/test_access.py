"""Who has which role and who gave it: `roles`, `users` with filters, `review`, `history` by role."""

import csv
import json
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from typing import Any

import pytest

from reconcile.app.access.since import since
from reconcile.errors import UsageError
from tests.scenarios.shell import RECONCILE, Shell, on_terminal
from tests.scenarios.test_outputs import valid

MORE = {
    "role_mappings": [
        {"role": "administrator", "source": "corp", "groups": ["cn=admins"]},
        {"role": "operator", "source": "corp", "default": True},
    ],
    "groups": [{"source": "corp", "select": ["cn=admins"]}],
}
PEOPLE: dict[str, Any] = {
    "uid=ann": None,
    "uid=bob": None,
    "uid=cid": None,
    "cn=admins": {"member": ["uid=ann", "uid=bob"]},
}


@pytest.fixture
def company(shell: Shell) -> Shell:
    """Ann and Bob are administrators, Cid is one by hand, and Bob has left."""
    shell.company(PEOPLE, **MORE)
    shell.run("apply", "--yes")
    shell.company({**PEOPLE, "uid=bob": {"pwdAccountLockedTime": "000001010000Z"}}, **MORE)
    shell.run("apply", "--yes")
    shell.sql(
        "insert into grants (user_id, role_id) select users.id, roles.id from users, roles"
        " where username = 'cid' and roles.name = 'administrator'"
    )
    (shell.folder / "corp.ldif").unlink()  # none of these commands reads a directory
    return shell


def rows(shell: Shell, *arguments: str) -> list[dict[str, Any]]:
    read: list[dict[str, Any]] = json.loads(shell.run(*arguments, "--format", "json")[0])
    return read


def test_roles_and_their_holders(company: Shell) -> None:
    for arguments in (["roles"], ["roles", "administrator"]):
        valid("roles", company.run(*arguments, "--format", "json")[0])
    counted = {row["role"]: row for row in rows(company, "roles")}
    assert {role: row["users"] for role, row in counted.items()} == {
        "administrator": 3,
        "operator": 1,
    }
    assert (counted["administrator"]["out_of_service"], counted["administrator"]["by_hand"]) == (
        1,
        1,
    )
    first = rows(company, "history")[0]
    ann, bob, cid = rows(company, "roles", "administrator")
    assert ann["rules"] == counted["administrator"]["rules"]
    assert (ann["reason"], ann["run"], ann["since"]) == (
        "member of cn=admins", first["run"], first["started"],
    )  # fmt: skip
    assert (bob["status"], bob["concerns"]) == ("inactive", ["out_of_service"])
    assert (cid["given_by"], cid["run"], cid["concerns"]) == ("by hand", None, ["by_hand"])
    place = ann["given_by"]
    number = int(place.removeprefix("reconcile.yml:"))
    assert "groups" in (company.folder / "reconcile.yml").read_text().splitlines()[number - 1]


def test_roles_fit_a_terminal(company: Shell) -> None:
    review = on_terminal([*RECONCILE, "review"], company.folder)
    assert max(map(len, review.splitlines())) <= 80, review
    shown = on_terminal([*RECONCILE, "roles", "administrator"], company.folder)
    lines = [text for text in shown.splitlines() if text]
    assert lines[0].split() == ["USERNAME", "STATUS", "GIVEN", "BY", "DATE", "RUN"]
    assert max(map(len, lines)) <= 80
    assert lines[1].split()[:2] == ["ann", "active"]
    assert "…" not in shown, "the id of a run is whole: `history` takes it"


def test_a_role_that_does_not_exist(company: Shell) -> None:
    _, err = company.run("roles", "Administrator", code=2)
    assert "the platform has no role 'Administrator'; did you mean 'administrator'?" in err
    _, err = company.run("users", "--group", "admin", code=2)
    assert "the platform has no group 'admin'; did you mean 'admins'?" in err
    assert "one role at a time" in company.run("roles", "operator", "administrator", code=2)[1]
    (company.folder / "operator").mkdir()
    assert len(rows(company, "roles", "--role", "operator")) == 1


@pytest.mark.parametrize(
    ("options", "usernames"),
    [
        (["--role", "administrator"], ["ann", "bob", "cid"]),
        (["--role", "administrator", "--role", "operator", "--status", "active"], ["ann", "cid"]),
        (["--group", "ADMINS"], ["ann", "bob"]),
        (["--group", "admins", "--status", "inactive"], ["bob"]),
        (["--by-hand"], ["cid"]),
        (["--by-hand", "--group", "admins"], []),
        (["--source", "corp", "--status", "inactive"], ["bob"]),
    ],
)
def test_users_are_filtered(company: Shell, options: list[str], usernames: list[str]) -> None:
    assert [row["username"] for row in rows(company, "users", *options)] == usernames


def test_history_of_a_role_a_group_and_a_time(company: Shell) -> None:
    def keys(*arguments: str) -> list[str]:
        return [
            change["key"]
            for run in rows(company, "history", *arguments)
            for change in run["changes"]
        ]

    assert keys("--role", "administrator") == ["ann/administrator", "bob/administrator"]
    assert keys("--role", "administrator", "--user", "BOB", "--since", "1d") == [
        "bob/administrator"
    ]
    assert keys("--group", "admins") == ["admins", "ann/admins", "bob/admins"]
    assert len(rows(company, "history", "--since", "1h")) == 2
    out, _ = company.run("history", "--role", "nobody", "--since", "2020-01-01")
    assert out == "No run has changed a role called 'nobody' since 2020-01-01T00:00:00Z.\n"
    tomorrow = rows(company, "history")[-1]["started"]
    assert "cannot be combined" in company.run("history", "--verify", "--role", "x", code=2)[1]
    assert "cannot be combined" in company.run("history", "2026", "--since", tomorrow, code=2)[1]


def test_a_review_in_every_format(company: Shell) -> None:
    text, _ = company.run("review")
    assert "Look at first (3): 2 out of service, 1 by hand, 0 no rule now" in text
    assert "cid" in text
    assert "  3 × user created, active" in text
    markdown, _ = company.run("review", "--format", "markdown")
    assert "**3 users have access by 2 roles and 1 group**" in markdown
    assert "2 out of service, 1 by hand, 0 no rule now" in markdown
    assert "| bob | role administrator | inactive | out of service |" in markdown
    assert "active → inactive" in markdown
    page, _ = company.run("review", "--format", "html", "--since", "2020-01-01")
    assert "<h1>3 users have access by 2 roles and 1 group</h1>" in page
    text, _ = company.run("review", "--format", "csv")
    records = list(csv.DictReader(text.splitlines()))
    held = [row for row in records if row["record"] == "access"]
    assert [row["username"] for row in held if row["name"] == "administrator"] == [
        "ann",
        "bob",
        "cid",
    ]
    (left,) = (row for row in records if row["what"] == "active → inactive")
    assert (left["username"], left["kind"]) == ("bob", "user")
    data = valid("review", company.run("review", "--format", "json")[0])
    assert [access["name"] for access in data["access"]] == ["administrator", "operator", "admins"]


def test_a_source_that_is_declared_no_more(company: Shell) -> None:
    company.sql("update grants set origin = 'old' where origin = 'corp'")
    ann = rows(company, "roles", "administrator")[0]
    assert (ann["given_by"], ann["concerns"]) == ("old, no rule now", ["no_rule"])
    assert ann["run"], "a source may have another name than when it gave the role"


def test_before_the_first_run(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    assert rows(shell, "roles") == []
    assert "0 users have access" in shell.run("review")[0]
    assert not (shell.folder / "platform.db").exists()


NOW = datetime(2026, 11, 29, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "start"),
    [
        ("7d", "2026-11-22T12:00:00Z"),
        ("12h", "2026-11-29T00:00:00Z"),
        ("2w", "2026-11-15T12:00:00Z"),
        ("2026-10-01", "2026-10-01T00:00:00Z"),
        ("2026-10-01T10:00:00+02:00", "2026-10-01T08:00:00Z"),
    ],
)
def test_the_start_of_a_period(text: str, start: str) -> None:
    assert since(text, NOW) == start


@pytest.mark.parametrize(
    "text", ["", "7", "7y", "-7d", "yesterday", "2026-13-01", "999999w", "٧d", "2027-01-01"]
)
def test_what_is_no_start(text: str) -> None:
    with pytest.raises(UsageError, match=r"^--since: "):
        since(text, NOW)


def test_a_platform_with_ids_of_its_own(shell: Shell) -> None:
    with closing(sqlite3.connect(shell.folder / "app.db")) as application:
        application.executescript(
            "create table people (name text primary key, active integer);"
            "create table teams (id integer primary key, name text);"
            "create table in_team (user_id text, group_id integer);"
            "create table has_role (user_id text, role text);"
        )
    tables = {
        "type": "tables",
        "url": "sqlite:///app.db",
        "users": {
            "table": "people",
            "id": "name",
            "fields": {"username": "name"},
            "status": {"column": "active", "active": 1, "inactive": 0},
        },
        "groups": {"table": "teams", "fields": {"name": "name"}},
        "memberships": {"table": "in_team"},
        "roles": {"table": "has_role", "user": "user_id", "role": "role"},
    }
    lifecycle = {"on_missing": "deactivate", "on_source_removed": "deactivate"}
    shell.company(PEOPLE, **MORE, platform=tables, lifecycle=lifecycle)
    shell.run("apply", "--yes")
    with closing(sqlite3.connect(shell.folder / "app.db")) as application, application:
        application.execute("insert into has_role values ('cid', 'administrator')")
    (run,) = {row["run"] for row in rows(shell, "history")}
    ann, bob, cid = rows(shell, "roles", "administrator")
    assert (ann["run"], bob["run"], cid["run"]) == (run, run, None)
    assert (ann["by_hand"], cid["by_hand"]) == (False, True)
    data = json.loads(shell.run("review", "--format", "json")[0])
    assert {row["run"] for row in data["access"][-1]["holders"]} == {run}
