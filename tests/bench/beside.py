"""`read()` beside a bare read by ldap3, in one process: URL and suffix as arguments.

Both are done once before anything is measured, so that imports and first times count for neither.
What they cost goes to standard output as JSON: for each its wall and CPU seconds.
"""

import gc
import json
import logging
import sys
import time
from collections.abc import Callable

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.model import desired
from reconcile.model.directory import Query
from tests.bench.asked import PERSON_ATTRIBUTES
from tests.bench.floor_ldap3 import everything as bare


def ours(url: str, suffix: str) -> Callable[[], tuple[int, int]]:
    """Connects and reads persons and groups as the benchmark's rules ask for them."""
    source = desired.Source(
        name="corp",
        type="openldap",
        base_dn=suffix,
        users=desired.Users(fields={}),
        servers=(url,),
        tls=desired.Tls(mode="none"),
        bind=desired.Bind(anonymous=True),
    )
    query = Query(
        person_attributes=frozenset(name.lower() for name in PERSON_ATTRIBUTES),
        group_attributes=frozenset({"cn"}),
        groups=True,
    )

    def read() -> tuple[int, int]:
        directory = LdapDirectory(source)
        snapshot = directory.read(query)
        directory.close()
        return len(snapshot.persons), len(snapshot.groups)

    return read


def cost(work: Callable[[], tuple[int, int]], expected: tuple[int, int]) -> dict[str, float]:
    """What the work costs; it has to find as much as was found before."""
    wall, cpu = time.perf_counter(), time.process_time()
    if work() != expected:
        raise SystemExit("the two reads do not find the same")
    return {"wall": time.perf_counter() - wall, "cpu": time.process_time() - cpu}


def main(url: str, suffix: str) -> None:
    """Measures one of each."""
    logging.disable()
    gc.set_threshold(1_000_000, 50, 1000)  # for both alike, as the command does
    read = ours(url, suffix)
    found = bare(url, suffix)
    read()
    costs = {"bare": cost(lambda: bare(url, suffix), found), "read": cost(read, found)}
    sys.stdout.write(json.dumps(costs))


if __name__ == "__main__":
    main(*sys.argv[1:])
