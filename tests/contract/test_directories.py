"""The contract of directories over every adapter: a server, LDIF files, memory."""

from collections.abc import Callable, Iterator

import pytest

from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.directories.ldif.adapter import LdifDirectory
from reconcile.directories.ldif.memory import MemoryDirectory
from reconcile.ports import Directory
from reconcile.testing.company import ENTRIES
from reconcile.testing.contract.directories import *
from tests.servers.slapd import slapd
from tests.servers.sources import ldif, source


@pytest.fixture(
    scope="module",
    params=[pytest.param("server", marks=pytest.mark.server), "ldif", "memory"],
)
def make(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., Directory]]:
    folder = tmp_path_factory.mktemp("directory")
    match request.param:
        case "server":
            with slapd(folder / "slapd", ldif(ENTRIES), lines=["overlay ppolicy"]) as running:
                yield lambda **changes: LdapDirectory(source(running.url, **changes))
        case "ldif":
            # Two files, for a source may have several.
            names = list(ENTRIES)
            for name, part in (("a.ldif", names[:6]), ("b.ldif", names[6:])):
                (folder / name).write_text(
                    ldif({name: ENTRIES[name] for name in part}), encoding="utf-8"
                )
            files = (str(folder / "a.ldif"), str(folder / "b.ldif"))
            yield lambda **changes: LdifDirectory(source(type="ldif", files=files, **changes))
        case _:
            yield lambda **changes: MemoryDirectory(source(type="ldif", **changes), entries=ENTRIES)
