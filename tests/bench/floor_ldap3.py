"""The floor: a bare ldap3 paged read of what reconcile reads, nothing done with it. URL and suffix as arguments."""

import sys

import ldap3

from tests.bench.asked import GROUP_ATTRIBUTES, GROUPS, PERSON_ATTRIBUTES, PERSONS

PAGED_RESULTS = "1.2.840.113556.1.4.319"


def read(
    connection: ldap3.Connection, suffix: str, search_filter: str, attributes: list[str]
) -> int:
    """Reads page by page and says how many came. ldap3 may end silently in the middle, so each result is checked."""
    entries: list[dict[str, object]] = []
    cookie = None
    while True:
        connection.search(
            suffix, search_filter, attributes=attributes, paged_size=500, paged_cookie=cookie
        )
        if connection.result["result"] != 0:
            raise SystemExit(f"the floor could not be read: {connection.result}")
        entries.extend(connection.response or [])
        cookie = connection.result["controls"][PAGED_RESULTS]["value"]["cookie"]
        if not cookie:
            return len(entries)


def everything(url: str, suffix: str) -> tuple[int, int]:
    """Connects and reads persons, then groups; says how many of each."""
    server = ldap3.Server(url, get_info=ldap3.NONE)
    connection = ldap3.Connection(
        server, auto_bind=True, check_names=False, return_empty_attributes=False
    )
    persons = read(connection, suffix, PERSONS, PERSON_ATTRIBUTES)
    groups = read(connection, suffix, GROUPS, GROUP_ATTRIBUTES)
    connection.unbind()
    return persons, groups


def main(url: str, suffix: str) -> None:
    """How many persons and groups there are goes to standard output."""
    persons, groups = everything(url, suffix)
    sys.stdout.write(f"{persons} {groups}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
