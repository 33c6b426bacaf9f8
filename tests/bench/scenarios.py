"""The work that is measured, in the order in which it has to be done."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.bench.measuring import ROOT, Cost, WrongExit, measure
from tests.bench.population import SUFFIX, ldif
from tests.servers.slapd import slapd

FLOOR = "floor"
RECONCILE = Path(sys.executable).with_name("reconcile")

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


class Work(NamedTuple):
    """One line of the table; `goal` is a multiple of what `against` costs, at 20,000 persons."""

    name: str
    title: str
    goal: float | None = None
    against: str = FLOOR


WORKS = (
    Work(FLOOR, "bare ldap3 read: the floor"),
    Work("read", "in process: read() : bare", 1.25, "bare"),
    Work("import", "first import: apply", 2.0),
    Work("check", "nothing to do: plan --check --full", 1.2),
    Work("nothing", "nothing to do: apply --full", 1.5),
    Work("quiet", "nothing to do, quiet: plan --check", 0.75),
    Work("quiet apply", "nothing to do, quiet: apply", 0.75),
    Work("update", "all profiles updated: apply", 2.2),
)


class Setting(NamedTuple):
    """A folder with the rules for two servers that hold the same people, before and after a change of all profiles."""

    folder: Path
    url: str

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
        return {
            FLOOR: [sys.executable, "-m", "tests.bench.floor_ldap3", self.url, SUFFIX],
            "import": [RECONCILE, "apply", "--yes", self.before],
            "check": [RECONCILE, "plan", "--check", "--full", self.before],
            "nothing": [RECONCILE, "apply", "--yes", "--full", self.before],
            "quiet": [RECONCILE, "plan", "--check", self.before],
            "quiet apply": [RECONCILE, "apply", "--yes", self.before],
            "update": [RECONCILE, "apply", "--yes", self.after],
        }


@contextmanager
def setting(folder: Path, persons: int) -> Iterator[Setting]:
    """Two servers, one with the people as they were, one with every profile changed."""
    with (
        slapd(folder / "before", ldif(persons)) as before,
        slapd(folder / "after", ldif(persons, updated=True)) as after,
    ):
        made = Setting(folder, before.url)
        for file, url in ((made.before, before.url), (made.after, after.url)):
            file.write_text(_CONFIGURATION.format(url=url, suffix=SUFFIX), encoding="utf-8")
        yield made


def one_run(made: Setting) -> dict[str, Cost]:
    """Each work once, from an empty platform on; what was measured is then checked to have really been done."""
    made.start_over()
    costs = {name: measure(command, made.folder) for name, command in made.commands().items()}
    costs |= beside(made)
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
