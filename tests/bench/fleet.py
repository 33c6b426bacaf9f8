"""Ansible over a fleet: workspaces at once by forks, beside what Ansible costs with a task that does nothing.

python -m tests.bench.fleet [--workspaces 50] [--persons 500]
"""

import argparse
import os
import resource
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from tests.scenarios.stage import ldif
from tests.servers.ansible import ansible

FLEET = Path(__file__).parents[2] / "examples" / "ansible" / "fleet"
FORKS = (1, 2, 4)
PATIENCE = 3600
FLOOR = """\
- hosts: all
  gather_facts: false
  tasks:
    - ansible.builtin.ping:
    - ansible.builtin.assert: {that: true}
      run_once: true
"""


class Cost(NamedTuple):
    """Seconds of wall time, and of CPU in Ansible and all that it starts."""

    wall: float
    cpu: float


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workspaces", type=int, default=50)
    parser.add_argument("--persons", type=int, default=500)
    arguments = parser.parse_args()
    load = os.getloadavg()[0]
    _say(f"{arguments.workspaces} workspaces of {arguments.persons} persons, load {load:.1f}")
    _say("forks    floor        import       nothing to do   (wall s, CPU s)")
    for forks in FORKS:
        with tempfile.TemporaryDirectory(prefix="reconcile-fleet-") as folder:
            costs = _fleet(Path(folder), arguments.workspaces, arguments.persons, forks)
        _say(f"{forks:5}    " + "    ".join(f"{one.wall:6.1f} {one.cpu:6.1f}" for one in costs))
    return 0


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _fleet(folder: Path, workspaces: int, persons: int, forks: int) -> list[Cost]:
    """The costs of the floor, of the import, and of a run that finds nothing to do."""
    fleet = folder / "fleet"
    shutil.copytree(FLEET, fleet)
    (fleet / "floor.yml").write_text(FLOOR, encoding="utf-8")
    names = [f"workspace{number:02d}" for number in range(1, workspaces + 1)]
    entries: dict[str, None] = {"ou=Sales": None}
    entries |= {f"uid=p{number},ou=Sales": None for number in range(persons)}
    for name in names:
        (fleet / f"{name}.ldif").write_text(ldif(entries), encoding="utf-8")
    options = ("--inventory", "inventory.yml", "--limit", ",".join(names), "--forks", str(forks))
    books = ("floor.yml", "site.yml", "site.yml")
    return [_measured(fleet, book, *options) for book in books]


def _measured(fleet: Path, *command: str) -> Cost:
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    code, output = ansible(fleet, "ansible-playbook", *command, seconds=PATIENCE)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if code:
        sys.exit(output)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Cost(time.monotonic() - began, cpu)


if __name__ == "__main__":
    sys.exit(main())
