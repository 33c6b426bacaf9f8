"""The same read with python-ldap, for information: a C library underneath. URL and suffix as arguments."""

import sys

import ldap
from ldap.controls import SimplePagedResultsControl

from tests.bench.asked import GROUP_ATTRIBUTES, GROUPS, PERSON_ATTRIBUTES, PERSONS


def read(
    connection: "ldap.ldapobject.LDAPObject", suffix: str, search_filter: str, attributes: list[str]
) -> int:
    """Reads page by page and says how many came; python-ldap raises on any result but success."""
    entries = []
    control = SimplePagedResultsControl(criticality=True, size=500, cookie="")
    while True:
        message = connection.search_ext(
            suffix, ldap.SCOPE_SUBTREE, search_filter, attributes, serverctrls=[control]
        )
        _, page, _, controls = connection.result3(message)
        entries.extend(page)
        control.cookie = next(
            answer.cookie
            for answer in controls
            if answer.controlType == SimplePagedResultsControl.controlType
        )
        if not control.cookie:
            return len(entries)


def everything(url: str, suffix: str) -> tuple[int, int]:
    """Connects and reads persons, then groups; says how many of each."""
    connection = ldap.initialize(url)
    connection.simple_bind_s()
    persons = read(connection, suffix, PERSONS, PERSON_ATTRIBUTES)
    groups = read(connection, suffix, GROUPS, GROUP_ATTRIBUTES)
    connection.unbind_s()
    return persons, groups


def main(url: str, suffix: str) -> None:
    """How many persons and groups there are goes to standard output."""
    persons, groups = everything(url, suffix)
    sys.stdout.write(f"{persons} {groups}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
