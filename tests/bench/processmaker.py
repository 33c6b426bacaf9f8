"""`python -m tests.bench.processmaker`: a workspace of ProcessMaker 3, beside what the product takes itself.

20,000 users in 20 organizational units on an OpenLDAP server, written to a fresh workspace on a
MariaDB server: the first import, nothing to do, and all profiles updated, each a whole process. The
product's own times were measured on a machine with two cores, both servers on the same machine.
"""

import argparse
import os
import pstats
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

import pytest

from tests.bench.measuring import ROOT, Cost, WrongExit, measure
from tests.bench.scenarios import RECONCILE
from tests.processmaker.tables import Workspace, admin_url, name, site, template
from tests.servers.mariadb import mariadb
from tests.servers.slapd import slapd

SUFFIX: Final = "dc=example,dc=com"
UNITS: Final = 20
PRODUCT: Final = {"import": 143.5, "nothing": 6.2, "update": 45.1}
"""Seconds that ProcessMaker's own synchroniser took for 20,000 users."""
GOALS: Final = {"import": 30.0, "nothing": 2.0, "update": 12.0}
"""How many times as fast we have to be, in wall time."""
GOALS_HOLD_AT: Final = 20_000
_NAMESPACE: Final = uuid.UUID("1f0c2f4e-8f62-4a5b-9c46-6f3a1b8de001")

_RULES = """\
version: 1
preset: processmaker
platform: {{type: processmaker, url: "{url}", workspaces: [{workspace}]}}
sources:
  - name: corp
    type: openldap
    servers: ["{ldap}"]
    tls: {{mode: none}}
    bind: {{anonymous: true}}
    base_dn: {suffix}
    users: {{create: mapped}}
departments:
  - {{source: corp, select: ["ou=*"]}}
safety: {{limits: {{updates: none}}}}
"""


class Setting(NamedTuple):
    """A folder with the rules for the directory before and after every profile changed."""

    folder: Path
    persons: int

    def rules(self, state: str) -> Path:
        return self.folder / f"{state}.yml"

    def write(self, url: str, servers: dict[str, str]) -> None:
        for state, ldap in servers.items():
            text = _RULES.format(url=template(url), workspace=name(url), ldap=ldap, suffix=SUFFIX)
            self.rules(state).write_text(text, encoding="utf-8")
            self.rules(state).chmod(0o600)

    def command(self, work: str) -> list[str | Path]:
        return [RECONCILE, "apply", "--yes", self.rules("after" if work == "update" else "before")]


def ldif(persons: int, *, updated: bool = False) -> str:
    """So many persons in 20 units; every given name and address changes with `updated`."""
    return "\n".join([*_units(), *_persons(persons, updated=updated)])


def _units() -> Iterator[str]:
    yield f"dn: {SUFFIX}\nobjectClass: organization\nobjectClass: dcObject\no: Example\ndc: example\n"
    for number in range(UNITS):
        yield f"dn: ou=unit{number:02},{SUFFIX}\nobjectClass: organizationalUnit\nou: unit{number:02}\n"


def _persons(count: int, *, updated: bool) -> Iterator[str]:
    for number in range(count):
        login = f"user{number:06}"
        lines = [
            f"dn: uid={login},ou=unit{number % UNITS:02},{SUFFIX}",
            "objectClass: inetOrgPerson",
            f"uid: {login}",
            f"cn: {login}",
            f"givenName: {'Grace' if updated else 'Ada'}{number}",
            f"sn: Whitfield{number}",
            f"mail: {login}@{'example.org' if updated else 'example.com'}",
            f"entryUUID: {uuid.uuid5(_NAMESPACE, login)}",
        ]
        yield "\n".join([*lines, ""])


def check(url: str, persons: int, *, updated: bool) -> None:
    """Whether the rows are there, so that a time means something. Raises WrongExit."""
    domain = "example.org" if updated else "example.com"
    with Workspace(url) as workspace:
        users = workspace.sql(
            "SELECT count(*) AS n FROM USERS JOIN RBAC_USERS r USING (USR_UID)"
            " JOIN RBAC_USERS_ROLES USING (USR_UID) JOIN DEPARTMENT USING (DEP_UID)"
            " WHERE r.USR_AUTH_TYPE = 'ldapadvanced' AND USERS.USR_EMAIL LIKE %s",
            f"%@{domain}",
        )[0]["n"]
        if users != persons or workspace.count("DEPARTMENT") != UNITS:
            raise WrongExit(f"{users} users of {persons} are as they have to be")


def one_run(made: Setting, admin: str, servers: dict[str, str], last: str = "") -> dict[str, Cost]:
    """Each work once on a fresh workspace; `last` is profiled, and the works after it are left out."""
    costs: dict[str, Cost] = {}
    with site(admin) as url:
        made.write(url, servers)
        for work in PRODUCT:
            if work == last:
                _profile(made.command(work), made.folder)
                break
            costs[work] = measure(made.command(work), made.folder)
            check(url, made.persons, updated=work == "update")
    return costs


def _profile(command: Sequence[str | Path], folder: Path) -> None:
    file = folder / "profile"
    profiled = [sys.executable, "-m", "cProfile", "-o", file, *command]
    done = subprocess.run(profiled, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    if done.returncode:
        raise WrongExit(f"ended with {done.returncode} in the profiler")
    pstats.Stats(str(file)).sort_stats("tottime").print_stats(25)
    pstats.Stats(str(file)).sort_stats("cumulative").print_stats("/reconcile/", 60)


def main(arguments: Sequence[str] | None = None) -> int:
    """Prints a table of medians beside the goals; 1 where a command fails, whether or not they are met."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.processmaker", description=__doc__)
    parser.add_argument("--persons", type=int, default=GOALS_HOLD_AT)
    parser.add_argument("--runs", type=int, default=3, help="how often; the median counts")
    parser.add_argument("--profile", choices=list(PRODUCT), default="", help="only this one")
    asked = parser.parse_args(arguments)
    try:
        with tempfile.TemporaryDirectory(prefix="reconcile-bench-") as folder:
            _measure(Path(folder), asked)
    except WrongExit as error:
        _say(str(error))
        return 1
    except (pytest.skip.Exception, pytest.fail.Exception) as error:
        _say(str(error))  # how the tests' servers report that a program is missing
        return 1
    return 0


def _measure(folder: Path, asked: argparse.Namespace) -> None:
    with (
        slapd(folder / "before", ldif(asked.persons)) as before,
        slapd(folder / "after", ldif(asked.persons, updated=True)) as after,
        mariadb() as server,
    ):
        made, admin = Setting(folder, asked.persons), admin_url(server)
        servers = {"before": before.url, "after": after.url}
        if asked.profile:
            one_run(made, admin, servers, asked.profile)
            return
        runs = [one_run(made, admin, servers) for _ in range(asked.runs)]
    _say(f"{asked.persons:,} users, load {os.getloadavg()[0]:.1f}; median of {asked.runs}")
    _say(f"  {'':10}{'wall s':>8}{'CPU s':>8}{'MiB':>6}{'product s':>11}{'times':>7}")
    for work, theirs in PRODUCT.items():
        cost = Cost.typical([run[work] for run in runs])
        line = f"  {work:10}{cost.wall:8.2f}{cost.cpu:8.2f}{cost.mib:6.0f}"
        if asked.persons == GOALS_HOLD_AT:
            times = theirs / cost.wall
            met = "met" if times >= GOALS[work] else "MISSED"
            line += f"{theirs:11.1f}{times:7.1f}  goal {GOALS[work]:g}: {met}"
        _say(line)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
