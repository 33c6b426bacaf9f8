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
from tests.servers.transports import LDAP3, PYTHON_LDAP, TRANSPORTS, installed

FLOOR = "floor"
BARE_PYTHON_LDAP = "python_ldap"
RECONCILE = Path(sys.executable).with_name("reconcile")

_CONFIGURATION = """\
version: 1
platform: {{type: sql, url: "sqlite:///{transport}.db"}}
sources:
  - name: corp
    type: openldap
    servers: ["{url}"]
    transport: {transport}
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
    Work(BARE_PYTHON_LDAP, "bare python-ldap read"),
    Work("read", "in process: read() by ldap3 : bare", 1.25, "bare"),
    Work("read_fast", "… by python-ldap : bare", 1.25, "bare_fast"),
    Work("import", "first import: apply", 2.0),
    Work("check", "nothing to do: plan --check", 1.5),
    Work("nothing", "nothing to do: apply", 1.5),
    Work("update", "all profiles updated: apply", 2.2),
    Work("import_fast", "first import, by python-ldap", 1.0),
    Work("check_fast", "nothing to do: plan, python-ldap", 1.0),
    Work("nothing_fast", "nothing to do: apply, python-ldap", 1.0),
    Work("update_fast", "all updated, by python-ldap", 1.0),
)


SUFFIXES = {LDAP3: "", PYTHON_LDAP: "_fast"}
"""How the names of a transport's works end."""


class Setting(NamedTuple):
    """A folder with the rules for two servers that hold the same people, before and after a change of all profiles."""

    folder: Path
    url: str

    def before(self, transport: str) -> Path:
        """The rules that read the directory as it was at first."""
        return self.folder / f"{transport}-before.yml"

    def after(self, transport: str) -> Path:
        """The rules that read it after every profile changed."""
        return self.folder / f"{transport}-after.yml"

    def start_over(self) -> None:
        """Empties the platforms; each transport has its own."""
        for transport in TRANSPORTS:
            for file in self.folder.glob(f"{transport}.db*"):
                file.unlink()

    def commands(self) -> dict[str, list[str | Path]]:
        """The command behind each work that can be done here, in order."""
        python: list[str | Path] = [sys.executable, "-m"]
        found: dict[str, list[str | Path]] = {
            FLOOR: [*python, "tests.bench.floor_ldap3", self.url, SUFFIX]
        }
        if PYTHON_LDAP in installed():
            found[BARE_PYTHON_LDAP] = [*python, "tests.bench.floor_python_ldap", self.url, SUFFIX]
        for transport, suffix in SUFFIXES.items():
            if transport in installed():
                found |= self._works(transport, suffix)
        return found

    def _works(self, transport: str, suffix: str) -> dict[str, list[str | Path]]:
        before, after = self.before(transport), self.after(transport)
        return {
            f"import{suffix}": [RECONCILE, "apply", "--yes", before],
            f"check{suffix}": [RECONCILE, "plan", "--check", before],
            f"nothing{suffix}": [RECONCILE, "apply", "--yes", before],
            f"update{suffix}": [RECONCILE, "apply", "--yes", after],
        }


@contextmanager
def setting(folder: Path, persons: int) -> Iterator[Setting]:
    """Two servers, one with the people as they were, one with every profile changed."""
    with (
        slapd(folder / "before", ldif(persons)) as before,
        slapd(folder / "after", ldif(persons, updated=True)) as after,
    ):
        made = Setting(folder, before.url)
        for transport in TRANSPORTS:
            for file, url in (
                (made.before(transport), before.url),
                (made.after(transport), after.url),
            ):
                text = _CONFIGURATION.format(url=url, suffix=SUFFIX, transport=transport)
                file.write_text(text, encoding="utf-8")
        yield made


def one_run(made: Setting) -> dict[str, Cost]:
    """Each work once, from an empty platform on; what was measured is then checked to have really been done."""
    made.start_over()
    costs = {name: measure(command, made.folder) for name, command in made.commands().items()}
    for transport in installed():
        costs |= beside(made, transport)
        measure([RECONCILE, "plan", "--check", made.after(transport)], made.folder)
        measure([RECONCILE, "plan", "--check", made.before(transport)], made.folder, expected=3)
    return costs


def beside(made: Setting, transport: str) -> dict[str, Cost]:
    """`read()` and a bare read by the same library, measured within one process; memory is not told apart."""
    command = [sys.executable, "-m", "tests.bench.beside", made.url, SUFFIX, transport]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise WrongExit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stderr}")
    costs = json.loads(done.stdout)
    return {
        f"{name}{SUFFIXES[transport]}": Cost(**costs[name], mib=0.0) for name in ("bare", "read")
    }
