"""`read()` alone, by one transport: what reconcile adds to a bare read. URL, suffix and transport as arguments."""

import sys

from reconcile.directories.ldap import LdapDirectory
from reconcile.model import desired
from reconcile.model.directory import Query
from tests.bench.asked import PERSON_ATTRIBUTES


def main(url: str, suffix: str, transport: str) -> None:
    """Persons and groups as the benchmark's rules ask for them; how many of each goes to standard output."""
    source = desired.Source(
        name="corp",
        type="openldap",
        base_dn=suffix,
        users=desired.Users(fields={}),
        servers=(url,),
        tls=desired.Tls(mode="none"),
        bind=desired.Bind(anonymous=True),
        transport=transport,
    )
    query = Query(
        person_attributes=frozenset(name.lower() for name in PERSON_ATTRIBUTES),
        group_attributes=frozenset({"cn"}),  # and the stable id and the members, always
        groups=True,
    )
    directory = LdapDirectory(source)
    snapshot = directory.read(query)
    directory.close()
    sys.stdout.write(f"{len(snapshot.persons)} {len(snapshot.groups)}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
