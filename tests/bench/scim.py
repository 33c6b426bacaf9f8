"""`python -m tests.bench.scim`: what a SCIM service costs that takes 20 ms for each answer.

The stand-in is a process of its own, and so is every command. Goals: 1,000 new users with eight
requests at once in 3.5 s; 20,000 users read in pages of 200 and compared, with nothing to do, in
5 s; no more than 1.2 requests for each changed user, and none for others but the read.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any, NamedTuple
from urllib.request import urlopen

from tests.bench.measuring import ROOT, Cost, measure
from tests.bench.scenarios import RECONCILE

DELAY = 0.02
_CONFIGURATION = """\
version: 1
platform:
  type: scim
  url: {url}
  auth: {{bearer: sekret}}
  page_size: 200
state: sqlite:///ledger.db
sources:
  - {{name: corp, type: ldif, files: [corp.ldif], base_dn: "dc=example,dc=com", users: {{create: all}}}}
safety: {{limits: {{updates: none, creates: none}}}}
"""
_ENTRY = """
dn: uid={name},dc=example,dc=com
objectClass: inetOrgPerson
uid: {name}
cn: Given {name}
givenName: Given
sn: {name}
mail: {name}@{domain}
entryUUID: id-{name}
"""


class Measured(NamedTuple):
    """What one command cost, and how many requests it made."""

    cost: Cost
    requests: int


@contextmanager
def service(users: int, delay: float) -> Iterator[str]:
    """The stand-in with so many users; its URL."""
    command = [sys.executable, "-m", "reconcile.testing.scim"]
    command += ["--users", str(users), "--delay", str(delay)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def write(folder: Path, url: str, users: int, domain: str = "example.com") -> Path:
    """The desired state, and the directory of so many people."""
    people = "".join(
        _ENTRY.format(name=f"u{number:05}", domain=domain) for number in range(1, users + 1)
    )
    root = "dn: dc=example,dc=com\nobjectClass: domain\ndc: example\n"
    (folder / "corp.ldif").write_text(f"version: 1\n\n{root}{people}")
    path = folder / "reconcile.yml"
    path.write_text(_CONFIGURATION.format(url=url))
    path.chmod(0o600)
    return path


def run(url: str, *arguments: Any, expected: int = 0) -> Measured:
    """A command, and the requests that it made."""
    before = count(url)
    cost = measure([RECONCILE, *arguments], arguments[-1].parent, expected=expected)
    return Measured(cost, count(url) - before)


def count(url: str) -> int:
    with urlopen(url.replace("/scim/v2", "/requests"), timeout=10) as answer:
        return len(json.load(answer))


def hired(folder: Path, users: int) -> Measured:
    """Everyone is new."""
    with service(0, DELAY) as url:
        return run(url, "apply", "--yes", write(folder, url, users))


def compared(folder: Path, users: int) -> tuple[Measured, Measured]:
    """Nothing to do; then each of a thousand has a new address."""
    with service(users, 0) as url:
        run(url, "apply", "--yes", write(folder, url, users))
    with service(users, DELAY) as url:
        nothing = run(url, "plan", "--check", write(folder, url, users))
    return nothing, changed(folder, min(users, 1000))


def changed(folder: Path, users: int) -> Measured:
    """Everyone has a new address."""
    below = folder / "changed"
    below.mkdir(exist_ok=True)
    (below / "ledger.db").unlink(missing_ok=True)
    with service(users, 0) as url:
        run(url, "apply", "--yes", write(below, url, users))
    with service(users, DELAY) as url:
        return run(url, "apply", "--yes", write(below, url, users, "example.net"))


def main() -> None:
    """Measures and shows it beside the goals."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.scim", description=__doc__)
    parser.add_argument("--runs", type=int, default=3, help="how often; the median counts")
    parser.add_argument("--new", type=int, default=1_000, help="new users")
    parser.add_argument("--known", type=int, default=20_000, help="users to compare")
    options = parser.parse_args()
    rows: dict[str, list[Measured]] = {"new": [], "nothing": [], "changed": []}
    for _ in range(options.runs):
        with tempfile.TemporaryDirectory(prefix="reconcile-bench-") as folder:
            rows["new"].append(hired(Path(folder), options.new))
        with tempfile.TemporaryDirectory(prefix="reconcile-bench-") as folder:
            nothing, moved = compared(Path(folder), options.known)
        rows["nothing"].append(nothing)
        rows["changed"].append(moved)
    users = {"new": options.new, "nothing": options.known, "changed": min(1000, options.known)}
    goals = {"new": "3.5 s", "nothing": "5 s", "changed": "1.2 requests a user"}
    for name, measured in rows.items():
        cost = Cost.typical([one.cost for one in measured])
        requests = median(one.requests for one in measured)
        sys.stdout.write(
            f"{name:8} {users[name]:6} users: {cost.wall:5.2f} s wall, {cost.cpu:5.2f} s CPU, "
            f"{cost.mib:4.0f} MiB, {requests:5.0f} requests ({requests / users[name]:.3f} a user)"
            f"   goal: {goals[name]}\n"
        )


if __name__ == "__main__":
    main()
