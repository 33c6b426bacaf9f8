"""What the tables platform costs beside the sql platform, over the same LDIF files: `python -m tests.bench.tables`.

Whole processes: the first import, nothing to do, all profiles updated. On SQLite, and with
`--servers` on PostgreSQL and MariaDB as well.
"""

import argparse
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import sqlalchemy as sa

from tests.bench.measuring import Cost, measure
from tests.bench.population import ldif
from tests.bench.scenarios import RECONCILE
from tests.servers.databases import Server

_RULES = """\
version: 1
{platform}
sources:
  - name: corp
    type: ldif
    files: [{file}]
    base_dn: dc=example,dc=com
    users:
      create: all
      attributes:
        - {{field: phone, value: "{{{{ telephoneNumber }}}}"}}
role_mappings:
  - {{role: operator, default: true}}
groups:
  - {{source: corp, select: ["cn=*"]}}
safety: {{limits: {{updates: none}}}}
"""
_SQL = 'platform: {{type: sql, url: "{url}"}}'
_TABLES = """\
platform:
  type: tables
  url: "{url}"
  users:
    table: app_user
    fields: {{username: login, first_name: first, last_name: last, email: mail, attributes.phone: phone}}
    status: {{column: state, active: 1, inactive: 0, blocked: 2, blocked_in_directory: 3}}
    insert: {{password: "!{{{{ random(40) }}}}", created: "{{{{ now }}}}"}}
  groups: {{table: app_group, fields: {{name: name}}}}
  memberships: {{table: app_user_group}}
  roles: {{table: app_user_role, names: {{table: app_role}}}}
state: platform"""
WORKS = ("import", "nothing", "update")


def install(url: str) -> None:
    """The tables of an application, with one role."""
    metadata = sa.MetaData()
    key = sa.Integer
    options = {"mariadb_engine": "InnoDB", "mariadb_default_charset": "utf8mb4"}
    sa.Table(
        "app_user",
        metadata,
        sa.Column("id", key, primary_key=True),
        sa.Column("login", sa.String(150), nullable=False, unique=True),
        *(sa.Column(name, sa.String(254), nullable=False) for name in ("first", "last", "mail")),
        sa.Column("phone", sa.String(50)),
        sa.Column("state", key, nullable=False),
        sa.Column("password", sa.String(128), nullable=False),
        sa.Column("created", sa.DateTime, nullable=False),
        **options,
    )
    for name in ("app_group", "app_role"):
        sa.Table(
            name,
            metadata,
            sa.Column("id", key, primary_key=True),
            sa.Column("name", sa.String(150), nullable=False, unique=True),
            **options,
        )
    for name, other in (("app_user_group", "app_group"), ("app_user_role", "app_role")):
        column = other.removeprefix("app_") + "_id"
        sa.Table(
            name,
            metadata,
            sa.Column("id", key, primary_key=True),
            sa.Column("user_id", key, sa.ForeignKey("app_user.id"), nullable=False),
            sa.Column(column, key, sa.ForeignKey(f"{other}.id"), nullable=False),
            sa.UniqueConstraint("user_id", column),
            **options,
        )
    engine = sa.create_engine(url)
    metadata.create_all(engine)
    with engine.begin() as connection:
        connection.execute(metadata.tables["app_role"].insert(), [{"name": "operator"}])
    engine.dispose()


def one_run(folder: Path, urls: dict[str, str]) -> dict[str, Cost]:
    """Each work once on empty platforms; what was measured is then checked to have been done."""
    costs: dict[str, Cost] = {}
    for kind, platform in (("sql", _SQL), ("tables", _TABLES)):
        if kind == "tables":
            install(urls[kind])
        files = {}
        for name in ("before", "after"):
            files[name] = folder / f"{kind}-{name}.yml"
            rules = _RULES.format(
                platform=platform.format(url=urls[kind].replace("%", "%%")), file=f"{name}.ldif"
            )
            files[name].write_text(rules.replace("%%", "%"), encoding="utf-8")
            files[name].chmod(0o600)
        for work in WORKS:
            command = [
                RECONCILE,
                "apply",
                "--yes",
                files["after" if work == "update" else "before"],
            ]
            costs[f"{kind} {work}"] = measure(command, folder)
        measure([RECONCILE, "plan", "--check", files["after"]], folder)
    return costs


@contextmanager
def databases(kind: str, folder: Path, servers: dict[str, Server]) -> Iterator[dict[str, str]]:
    """A fresh database for each platform."""
    if kind == "sqlite":
        files = {name: folder / f"{name}.db" for name in ("sql", "tables")}
        for file in files.values():
            file.unlink(missing_ok=True)
        yield {name: f"sqlite:///{file}" for name, file in files.items()}
        return
    server = servers[kind]
    for name in ("sql", "tables"):
        server.create(f"bench_{name}", f"joe_{name}", "secret")
    yield {name: server.url(f"bench_{name}", f"joe_{name}", "secret") for name in ("sql", "tables")}
    for name in ("sql", "tables"):
        server.drop(f"bench_{name}", f"joe_{name}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a table of medians for each kind of database."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.tables", description=__doc__)
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--servers", action="store_true", help="PostgreSQL and MariaDB too")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="reconcile-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        for state in ("before", "after"):
            text = ldif(given.persons, updated=state == "after")
            (folder / f"{state}.ldif").write_text(f"version: 1\n\n{text}", encoding="utf-8")
        servers: dict[str, Server] = {}
        if given.servers:
            from tests.servers.mariadb import mariadb
            from tests.servers.postgresql import postgresql

            servers = {
                "postgresql": stack.enter_context(postgresql()),
                "mariadb": stack.enter_context(mariadb()),
            }
        for kind in ("sqlite", *servers):
            runs = []
            for _ in range(given.runs):
                with databases(kind, folder, servers) as urls:
                    runs.append(one_run(folder, urls))
            _table(kind, given.persons, runs)
    return 0


def _table(kind: str, persons: int, runs: Sequence[dict[str, Cost]]) -> None:
    _say(f"\n{kind}, {persons:,} persons; load {os.getloadavg()[0]:.1f}; median of {len(runs)}")
    _say(
        f"  {'':10}{'sql wall':>10}{'CPU':>8}{'MiB':>6}{'tables wall':>13}{'CPU':>8}{'MiB':>6}{'×':>7}"
    )
    for work in WORKS:
        sql, tables = (
            Cost.typical([run[f"{platform} {work}"] for run in runs])
            for platform in ("sql", "tables")
        )
        _say(
            f"  {work:10}{sql.wall:10.2f}{sql.cpu:8.2f}{sql.mib:6.0f}"
            f"{tables.wall:13.2f}{tables.cpu:8.2f}{tables.mib:6.0f}{tables.cpu / sql.cpu:7.2f}"
        )


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
