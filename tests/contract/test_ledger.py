"""The ledger in each database: the tables its migrations make, and a life of a platform driven over it."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from reconcile.errors import PlatformUnreadable, UsageError
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.ledger import tables as t
from reconcile.platforms.ledger.schema import SCHEMA
from reconcile.platforms.memory.application import MemoryApplication
from reconcile.testing.builders import HOLDER
from reconcile.testing.driven import driven, ledger
from tests.contract.platforms import SERVERS, Servers, acme
from tests.contract.test_driver import FIRST, SECOND, House
from tests.effort import turns


def test_the_revisions_are_those_of_the_migrations() -> None:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", SCHEMA.migrations)
    scripts = ScriptDirectory.from_config(config)
    found = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(found)) == SCHEMA.revisions


def test_the_migrations_make_the_tables_as_the_code_knows_them(tmp_path: Path) -> None:
    with closing(driven(tmp_path)) as platform, platform.lock(["main"], HOLDER):
        pass
    engine = sa.create_engine(f"sqlite:///{tmp_path}/ledger.db", poolclass=sa.NullPool)
    made = sa.inspect(engine)
    known = {table.name: table for table in (*t.SHARED, t.objects, t.links, t.journal)}
    assert set(made.get_table_names()) == {*known, SCHEMA.version_table}
    for name, table in known.items():
        columns = {column["name"]: column for column in made.get_columns(name)}
        assert set(columns) == set(table.c.keys()), name
        for column in table.c:
            assert columns[column.name]["nullable"] == bool(column.nullable), column
            assert str(columns[column.name]["type"]) == str(column.type), column
        keys = made.get_pk_constraint(name)["constrained_columns"]
        assert keys == [column.name for column in table.primary_key], name
        unique = {tuple(one["column_names"]) for one in made.get_unique_constraints(name)}
        assert unique == {
            tuple(column.name for column in one.columns)
            for one in table.constraints
            if isinstance(one, sa.UniqueConstraint)
        }, name
        foreign = {tuple(one["constrained_columns"]) for one in made.get_foreign_keys(name)}
        assert foreign == {tuple(key.column_keys) for key in table.foreign_key_constraints}, name


@pytest.mark.server
@pytest.mark.parametrize("kind", turns(*SERVERS))
def test_a_life_with_the_ledger_on_a_server(kind: str, tmp_path: Path, servers: Servers) -> None:
    with acme(servers(kind)) as database:
        house = House(tmp_path)
        house.platform = DrivenPlatform(house.application, ledger(tmp_path, database.url))
        plain = House(tmp_path)
        for made in (house, plain):
            with closing(made.platform):
                for changes in (FIRST, SECOND):
                    report = made.apply(changes)
                    assert {one.result for one in report.outcomes} == {"applied"}
        with closing(house.platform), closing(plain.platform):
            assert house.seen() == plain.seen()
            assert len(house.platform.history.runs("main")) == 2


def test_the_file_is_its_owners_alone(tmp_path: Path) -> None:
    with closing(driven(tmp_path)) as platform, platform.lock(["main"], HOLDER):
        pass
    assert (tmp_path / "ledger.db").stat().st_mode & 0o777 == 0o600


def test_a_database_of_the_sql_platform_is_no_ledger(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute("CREATE TABLE sources (name TEXT)")
    with (
        closing(driven(tmp_path)) as platform,
        pytest.raises(PlatformUnreadable, match=r"did not make: sources.*`state`"),
        platform.lock(["main"], HOLDER),
    ):
        pass


def test_a_url_that_is_none_is_named_after_its_setting(tmp_path: Path) -> None:
    platform = DrivenPlatform(MemoryApplication(), ledger(tmp_path, "nonsense"))
    with pytest.raises(UsageError, match="state is not a database URL"):
        platform.read("main")


def test_a_damaged_journal_is_said_with_what_to_do(tmp_path: Path) -> None:
    house = House(tmp_path)
    with closing(house.platform):
        house.apply(FIRST)
    with closing(sqlite3.connect(tmp_path / "ledger.db")) as connection:
        connection.execute(
            "INSERT INTO journal (workspace_id, state, body) VALUES (1, 'open', '{')"
        )
        connection.commit()
    with (
        closing(house.reopened()) as platform,
        pytest.raises(PlatformUnreadable, match="journal of the ledger is damaged"),
    ):
        platform.read("main")
