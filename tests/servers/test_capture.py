"""A capture of a real server gives what the server gives, also to rules that ask for less."""

import pytest

from reconcile.directories.capture import fit
from reconcile.directories.capture.file import FORMAT, About, Capture, dumps, loads
from reconcile.directories.ldap.adapter import LdapDirectory
from reconcile.model.desired import ReadLimits
from reconcile.model.directory import Query
from tests.servers.slapd import Slapd
from tests.servers.sources import source

pytestmark = pytest.mark.server

WHOLE = Query(
    person_attributes=frozenset({"cn", "sn", "mail", "title", "surname"}),
    group_attributes=frozenset({"cn", "description", "member"}),
    unit_attributes=frozenset({"ou"}),
    groups=True,
    units=True,
)


@pytest.mark.parametrize(
    "query",
    [
        WHOLE,
        Query(person_attributes=frozenset({"surname"})),
        Query(person_attributes=frozenset({"sn"}), group_attributes=frozenset({"cn"}), groups=True),
        Query(unit_attributes=frozenset({"ou"}), units=True),
        Query(),
    ],
)
def test_a_capture_gives_what_the_server_gives(server: Slapd, query: Query) -> None:
    settings = source(server.url)
    directory = LdapDirectory(settings)
    read = directory.read(WHOLE)
    about = About(
        format=FORMAT,
        tool="0",
        created="2026-01-01T00:00:00Z",
        source=read.source,
        servers=(),
        settings=fit.read_settings(settings),
        query=WHOLE,
        redacted=False,
        base_dn=read.base_dn,
        folding=read.folding,
        lookalikes=(),
        asked=(),
        strays=(),
    )
    capture = Capture(about, read.persons, read.groups, read.units)
    again = loads(dumps(capture), "a file", ReadLimits())
    assert again == capture
    fit.refuse_unfit(again, settings, query, "a file")
    assert fit.narrowed(again, settings, query) == directory.read(query)
    directory.close()
