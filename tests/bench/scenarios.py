"""The work that is measured, in the order in which it has to be done."""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from math import inf
from pathlib import Path
from typing import NamedTuple

from tests.bench.measuring import ROOT, Cost, WrongExit, measure
from tests.bench.population import SUFFIX, ldif
from tests.servers.slapd import slapd

FLOOR = "floor"
RECONCILE = Path(sys.executable).with_name("reconcile")
DATABASE = 8 * 2**30
"""What slapd may use for its database, in bytes; a million persons take a quarter of it."""

_CONFIGURATION = """\
version: 1
platform: {{type: sql, url: "sqlite:///platform.db"}}
sources:
  - name: corp
    type: openldap
    servers: ["{url}"]
    tls: {{mode: none}}
    bind: {{anonymous: true}}
    base_dn: {suffix}
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


class Goal(NamedTuple):
    """What a work may cost at most: CPU as a multiple of what `against` costs, peak MiB."""

    ratio: float
    mib: float = inf


class Work(NamedTuple):
    """One line of the table, with a goal for each number of persons that has one."""

    name: str
    title: str
    goals: Mapping[int, Goal] = {}
    against: str = FLOOR


S, M, L = 20_000, 200_000, 1_000_000
"""The numbers of persons for which goals are set."""

FULL = {S: Goal(1.2, 250), M: Goal(0.95, 740), L: Goal(1.3, 3_000)}
QUIET = {S: Goal(0.75, 250), M: Goal(0.30, 150), L: Goal(0.25, 300)}
WORKS = (
    Work(FLOOR, "bare ldap3 read: the floor"),
    Work("read", "in process: read() : bare", {S: Goal(1.25)}, "bare"),
    Work("import", "first import: apply", {S: Goal(2.2, 250), M: Goal(2.0), L: Goal(2.3)}),
    Work("check", "nothing to do: plan --check --full", FULL),
    Work("nothing", "nothing to do: apply --full", FULL),
    Work("quiet", "nothing to do, quiet: plan --check", QUIET),
    Work("quiet apply", "nothing to do, quiet: apply", QUIET),
    Work("update", "all profiles updated: apply", {S: Goal(2.0, 250), M: Goal(1.9)}),
)


class Setting(NamedTuple):
    """A folder with the rules for two servers that hold the same people, before and after a change of all profiles.

    From a million persons on only the first is there: two servers of that size are too much.
    """

    folder: Path
    url: str
    updates: bool

    @property
    def before(self) -> Path:
        """The rules that read the directory as it was at first."""
        return self.folder / "before.yml"

    @property
    def after(self) -> Path:
        """The rules that read it after every profile changed."""
        return self.folder / "after.yml"

    def start_over(self) -> None:
        """Empties the platform."""
        for file in self.folder.glob("platform.db*"):
            file.unlink()

    def commands(self) -> dict[str, list[str | Path]]:
        """The command behind each work, in order."""
        commands: dict[str, list[str | Path]] = {
            FLOOR: [sys.executable, "-m", "tests.bench.floor_ldap3", self.url, SUFFIX],
            "import": [RECONCILE, "apply", "--yes", self.before],
            "check": [RECONCILE, "plan", "--check", "--full", self.before],
            "nothing": [RECONCILE, "apply", "--yes", "--full", self.before],
            "quiet": [RECONCILE, "plan", "--check", self.before],
            "quiet apply": [RECONCILE, "apply", "--yes", self.before],
        }
        if self.updates:
            commands["update"] = [RECONCILE, "apply", "--yes", self.after]
        return commands


@contextmanager
def setting(folder: Path, persons: int) -> Iterator[Setting]:
    """Two servers, one with the people as they were, one with every profile changed."""
    updates = persons < L
    with ExitStack() as stack:
        urls = {}
        for name in ("before", "after") if updates else ("before",):
            people = ldif(persons, updated=name == "after")
            server = slapd(folder / name, people, lines=[f"maxsize {DATABASE}"])
            urls[name] = stack.enter_context(server).url
        made = Setting(folder, urls["before"], updates)
        for name, url in urls.items():
            rules = _CONFIGURATION.format(url=url, suffix=SUFFIX)
            folder.joinpath(f"{name}.yml").write_text(rules, encoding="utf-8")
        yield made


def one_run(made: Setting) -> dict[str, Cost]:
    """Each work once, from an empty platform on; what was measured is then checked to have really been done."""
    made.start_over()
    costs = {name: measure(command, made.folder) for name, command in made.commands().items()}
    costs |= beside(made)
    if made.updates:
        measure([RECONCILE, "plan", "--check", "--full", made.after], made.folder)
        measure([RECONCILE, "plan", "--check", made.before], made.folder, expected=3)
    return costs


def beside(made: Setting) -> dict[str, Cost]:
    """`read()` and a bare read, measured within one process; memory is not told apart."""
    command = [sys.executable, "-m", "tests.bench.beside", made.url, SUFFIX]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WrongExit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stderr}")
    costs = json.loads(done.stdout)
    return {name: Cost(**costs[name], mib=0.0) for name in ("bare", "read")}
