"""`python -m tests.bench.roles`: the roles of a PostgreSQL server, reconcile beside ldap2pg.

20,000 persons and 200 groups of 100, each as a whole process on an empty server of its own: the
first import, and then a run with nothing to do. ldap2pg is installed into an environment of its own.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import venv
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from tests.bench.measuring import Cost, measure
from tests.bench.population import GROUP_COUNT, GROUPS, PEOPLE, SUFFIX, ldif
from tests.bench.scenarios import RECONCILE
from tests.servers.postgresql import postgresql
from tests.servers.roles import PASSWORD, Site, site
from tests.servers.slapd import slapd

LDAP2PG = ("ldap2pg==5.9", "psycopg2-binary")
AS_INSTALLED = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "autovacuum": "on",
    "max_connections": "100",
    "shared_buffers": "128MB",
}
"""PostgreSQL's own defaults: what it says is kept is on the disk."""
GOALS = {"import": 3.0, "nothing": 1.3}
"""How many times as fast as ldap2pg, in wall time."""

_OURS = """\
version: 1
platform: {{type: postgresql_roles, url: "{url}"}}
sources:
  - name: corp
    type: openldap
    servers: ["{ldap}"]
    tls: {{mode: none}}
    bind: {{anonymous: true}}
    base_dn: {suffix}
    users: {{create: all}}
groups:
  - {{source: corp, select: ["cn=*"]}}
"""
_THEIRS = f"""\
version: 5
postgres:
  roles_blacklist_query: [postgres, "pg_*", "keeper_*", operator, guest, clerk, r, "x/y"]
sync_map:
- ldap: {{base: "{GROUPS}", filter: "(objectClass=groupOfNames)"}}
  role: {{name: "{{cn}}", options: NOLOGIN}}
- ldap: {{base: "{PEOPLE}", filter: "(objectClass=inetOrgPerson)"}}
  role: {{name: "{{uid}}", options: LOGIN}}
- ldap: {{base: "{GROUPS}", filter: "(objectClass=groupOfNames)"}}
  role: {{name: "{{member.uid}}", options: LOGIN, parent: "{{cn}}"}}
"""


class Tool(NamedTuple):
    """A program that keeps roles in line, and its two works."""

    name: str
    command: list[str | Path]


def main() -> int:
    """Runs what the command line asks for; 1 where a command fails, whether or not the goals are met."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.roles", description=__doc__)
    parser.add_argument("--persons", type=int, default=20_000)
    parser.add_argument("--runs", type=int, default=3, help="how often; the median counts")
    parser.add_argument("--only", choices=["reconcile", "ldap2pg"], help="one of the two alone")
    arguments = parser.parse_args()
    costs: dict[str, list[dict[str, Cost]]] = {"reconcile": [], "ldap2pg": []}
    with tempfile.TemporaryDirectory(prefix="reconcile-roles-") as name:
        folder = Path(name)
        theirs = None if arguments.only == "reconcile" else _ldap2pg(folder)
        with slapd(folder / "ldap", ldif(arguments.persons)) as directory:
            for _ in range(arguments.runs):
                if arguments.only != "ldap2pg":
                    with fresh() as made:
                        tool = _ours(made, directory.url, folder)
                        costs["reconcile"].append(_works(tool, made, folder))
                if theirs is not None:
                    with fresh() as made:
                        tool = _theirs(theirs, made, directory.url, folder)
                        costs["ldap2pg"].append(_works(tool, made, folder))
                _say(f"load {os.getloadavg()[0]:.1f}")
    _table(costs)
    return 0


@contextmanager
def fresh() -> Iterator[Site]:
    """An empty server as it is installed, with an account that has CREATEROLE."""
    with postgresql(**AS_INSTALLED) as server, site(server, clear=False) as made:
        yield made


def _ours(made: Site, ldap: str, folder: Path) -> Tool:
    rules = folder / "reconcile.yml"
    text = _OURS.format(url=made.url, ldap=ldap, suffix=SUFFIX)
    rules.write_text(text, encoding="utf-8")
    rules.chmod(0o600)
    return Tool("reconcile", [RECONCILE, "apply", "--yes", rules])


def _theirs(program: Path, made: Site, ldap: str, folder: Path) -> Tool:
    rules = folder / "ldap2pg.yml"
    rules.write_text(_THEIRS, encoding="utf-8")
    dsn = f"postgres://{made.account}:{quote(PASSWORD, safe='')}@127.0.0.1:{made.server.port}/{made.name}"
    environment = [f"LDAPURI={ldap}", f"PGDSN={dsn}", "LDAPBASEDN="]
    return Tool("ldap2pg", ["/usr/bin/env", *environment, program, "-c", rules, "--real", "-q"])


def _ldap2pg(folder: Path) -> Path:
    """Installs it."""
    venv.create(folder / "ldap2pg", with_pip=True)
    pip = [folder / "ldap2pg" / "bin" / "python", "-m", "pip", "install", "--quiet", *LDAP2PG]
    subprocess.run(pip, check=True, stderr=subprocess.DEVNULL)
    return folder / "ldap2pg" / "bin" / "ldap2pg"


def _works(tool: Tool, made: Site, folder: Path) -> dict[str, Cost]:
    """The import, and then nothing to do."""
    costs = {work: measure(tool.command, folder) for work in GOALS}
    grants = made.by_hand(
        "SELECT count(*), count(DISTINCT g.oid) FROM pg_auth_members m "
        "JOIN pg_roles g ON g.oid = m.roleid JOIN pg_roles u ON u.oid = m.member "
        "WHERE g.rolname LIKE 'group%' AND u.rolname LIKE 'user%'"
    )
    (users,) = made.by_hand("SELECT count(*) FROM pg_roles WHERE rolname LIKE 'user%'")
    walls = ", ".join(f"{work} {cost.wall:.1f} s" for work, cost in costs.items())
    _say(f"{tool.name}: {users[0]} users, {grants[0][0]} memberships: {walls}")
    assert grants[0][1] == GROUP_COUNT, "it has not done its work"
    return costs


def _table(costs: dict[str, list[dict[str, Cost]]]) -> None:
    for work, goal in GOALS.items():
        typical = {
            tool: Cost.typical([run[work] for run in runs]) for tool, runs in costs.items() if runs
        }
        for tool, cost in typical.items():
            _say(
                f"{work:8} {tool:10} {cost.wall:7.2f} s wall {cost.cpu:7.2f} s CPU {cost.mib:5.0f} MiB"
            )
        if len(typical) == 2:
            times = typical["ldap2pg"].wall / typical["reconcile"].wall
            _say(f"{work:8} {times:.1f} x as fast as ldap2pg, goal {goal:g}")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
