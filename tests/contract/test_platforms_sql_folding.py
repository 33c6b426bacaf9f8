"""One folding of names: what the planner takes for two names no database refuses, and all hold the same in the end."""

import random
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
import pymysql
import pytest
from alembic import command
from alembic.config import Config

from reconcile.model.text.folding import fold_name
from reconcile.platforms.database.urls import connect
from reconcile.platforms.sql.schema import SCHEMA
from reconcile.testing.builders import group, ok, user, write
from tests.contract.platforms import Acme, Servers, Text, acme, prepare
from tests.contract.servers import Opened, usernames
from tests.scenarios.stage import DESIRED, Stage, ldif

pytestmark = [pytest.mark.server, pytest.mark.each]

FAMILIES = (
    "aAäÄ",
    "iIıİ",
    "sSßẞſ",
    "kKK",
    "ςσΣ",
    "eEéÉ",
    "åÅÅ",
    "жЖ",
    "ǆǅǄ",
    "ﬁf",
    "😀😁",
    " \u00a0",
    "\u0301\u0307",
)
"""Letters of which some folding takes one for another."""
DESIRED_STATE: dict[str, Any] = DESIRED | {
    "sources": [
        {
            **DESIRED["sources"][0],
            "users": {"create": "all", "fields": {"username": "{{ displayName }}"}},
        }
    ],
    "groups": [{"source": "corp", "select": ["cn=*"], "name": "{{ description }}"}],
    "departments": [{"source": "corp", "select": ["ou=*"], "title": "{{ description }}"}],
    "safety": {
        "limits": dict.fromkeys(
            ("users_lost", "memberships_lost", "grants_lost", "updates"), "none"
        )
    },
}


def nasty(generator: random.Random) -> list[str]:
    """Names that are alike: each letter of one is of the same family as that of the others."""
    families = [generator.choice(FAMILIES) for _ in range(generator.randint(1, 4))]
    names = {"".join(map(generator.choice, families)) for _ in range(4)}
    return sorted(f"x{name}x" for name in names)


def directory(names: list[str]) -> str:
    entries: dict[str, dict[str, Any]] = {}
    for number, name in enumerate(names):
        entries[f"uid=u{number}"] = {"displayName": name}
        entries[f"cn=g{number}"] = {"description": name, "member": [f"uid=u{number}"]}
        entries[f"ou=o{number}"] = {"description": name}
    return ldif(entries)


def test_planner_and_databases_agree(
    tmp_path: Path, postgres: Acme, maria: Acme, opened: Opened
) -> None:
    seed = random.randrange(1 << 32)
    generator = random.Random(seed)
    names = sorted({name for _ in range(40) for name in nasty(generator)})
    later = names[::-1]
    expected: dict[str, list[str]] = {}
    for url in ("sqlite:///names.db", postgres.url, maria.url):
        stage = Stage(tmp_path, opened(url))
        stage.write(DESIRED_STATE, {"corp": directory(names)})
        for step in (names, later):  # the second renames nearly everything, one into the other
            (tmp_path / "corp.ldif").write_text(directory(step), encoding="utf-8")
            made, _ = stage.plan()
            report = stage.apply(made)
            assert {one.result for one in report.outcomes} == {"applied"}, (seed, report.outcomes)
            again, _ = stage.plan()
            assert not again.changes, (seed, again.changes)
        state = stage.state()
        assert len({fold_name(one.partition(" active")[0]) for one in state["users"]}) == len(
            state["users"]
        )
        expected = expected or state
        assert state == expected, seed


def made_by_the_first_revision(db: Acme) -> None:
    """The tables as they were before the keys were made anew, with a workspace."""
    database = connect(Text(db.url), ".")
    config = Config()
    config.set_main_option("script_location", "reconcile.platforms.sql:migrations")
    with closing(database), database.writing() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    db.by_hand("INSERT INTO workspaces (name) VALUES ('main')")


def test_tables_of_the_first_revision_get_the_new_keys(db: Acme, opened: Opened) -> None:
    made_by_the_first_revision(db)
    db.by_hand("INSERT INTO users (workspace_id, username) VALUES (1, 'ipek'), (1, 'Änna')")
    platform = opened(db)
    assert usernames(platform) == ["ipek", "Änna"]
    ok(platform, user("İpek"), group("İdari"), group("idari"))
    assert usernames(platform) == ["ipek", "Änna", "İpek"]
    with pytest.raises((psycopg.IntegrityError, pymysql.IntegrityError)):
        db.by_hand("INSERT INTO users (workspace_id, username) VALUES (1, 'IPEK')")


def test_an_interrupted_upgrade_goes_on(maria: Acme, opened: Opened) -> None:
    made_by_the_first_revision(maria)
    prepare(opened(maria))
    maria.by_hand("UPDATE reconcile_revision SET version_num = '0001'")
    ok(opened(maria), user("ipek"), user("İpek"))
    assert maria.by_hand("SELECT version_num FROM reconcile_revision") == [(SCHEMA.newest,)]


def test_rows_that_the_former_key_took_for_two_stay(
    postgres: Acme,
    opened: Opened,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    made_by_the_first_revision(postgres)
    postgres.by_hand(
        "DROP INDEX users_username",  # as where the database's locale is Turkish
        "CREATE UNIQUE INDEX users_username ON users (workspace_id, username)",
        "INSERT INTO users (workspace_id, username) VALUES (1, 'ALI'), (1, 'ali')",
    )
    platform = opened(postgres)
    ok(platform, user("ben"))
    assert usernames(platform) == ["ALI", "ali", "ben"]
    assert write(platform, user("Ali")) == ["another user of the workspace has this username"]
    with pytest.raises(psycopg.IntegrityError):
        postgres.by_hand("INSERT INTO users (workspace_id, username) VALUES (1, 'BEN')")
    assert "ids 2 of users" in caplog.text + capsys.readouterr().err


@pytest.mark.parametrize("other", ["ANNA", "anna ", "ännä", "an\u200dna", "anna😀"])
def test_by_hand_every_database_refuses_the_same(
    db: Acme, tmp_path: Path, opened: Opened, other: str
) -> None:
    def taken(insert: Callable[[str], object]) -> bool:
        try:
            insert(f"INSERT INTO users (workspace_id, username) VALUES (1, '{other}')")
        except (psycopg.IntegrityError, pymysql.IntegrityError, sqlite3.IntegrityError):
            return False
        return True

    platform, beside = opened(db), opened("sqlite:///beside.db")
    ok(platform, user("anna"))
    ok(beside, user("anna"))
    with closing(sqlite3.connect(tmp_path / "beside.db")) as connection:
        assert taken(db.by_hand) == taken(connection.execute) == (other != "ANNA")


@pytest.mark.parametrize("kind", ["sqlite", "postgresql", "mariadb"])
def test_of_equal_names_by_hand_none_is_chosen(
    kind: str, tmp_path: Path, servers: Servers, opened: Opened
) -> None:
    with ExitStack() as stack:
        db = stack.enter_context(acme(servers(kind))) if kind != "sqlite" else None
        stage = Stage(tmp_path, opened(db if db is not None else "sqlite:///twins.db"))
        stage.write(
            DESIRED_STATE | {"lifecycle": {"adopt_local": "always"}}, {"corp": directory(["Änna"])}
        )
        prepare(opened(db if db is not None else "sqlite:///twins.db"))
        insert = "INSERT INTO users (workspace_id, username) VALUES (1, 'ÄNNA'), (1, 'änna')"
        if db is not None:
            db.by_hand(insert)
        else:
            with closing(sqlite3.connect(tmp_path / "twins.db")) as connection, connection:
                connection.execute(insert)
        for _ in range(2):
            made, _ = stage.plan()
            assert [(skip.code, skip.username) for skip in made.skips] == [
                ("exists_locally", "Änna")
            ]
            assert not stage.apply(made).count("failed")
        assert not made.changes
        assert stage.state()["users"] == ["ÄNNA active local", "änna active local"]
