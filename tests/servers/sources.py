"""Sources of the tests: what `reconcile.config` would make of a short desired-state file."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

import msgspec

from reconcile.model import desired
from reconcile.model.directory import Query
from tests.servers.slapd import PASSWORD, SUFFIX

PEOPLE = f"ou=people,{SUFFIX}"


class Known:
    """A secret that the test knows."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text


def source(*servers: str, **changes: Any) -> desired.Source:
    """A source that reads everything below the suffix as the administrator, in clear text unless changed."""
    made = desired.Source(
        name="corp",
        type="openldap",
        base_dn=SUFFIX,
        users=desired.Users(fields={}),
        servers=servers,
        tls=desired.Tls(mode="none"),
        bind=desired.Bind(dn=f"cn=admin,{SUFFIX}", password=Known(PASSWORD)),
        page_size=2,
        timeout=desired.Timeout(connect=5, read=10),
    )
    return msgspec.structs.replace(made, **changes)


PERSONS = Query(person_attributes=frozenset({"cn", "sn", "mail"}))
EVERYTHING = Query(
    person_attributes=frozenset({"cn", "sn", "mail"}),
    group_attributes=frozenset({"cn"}),
    unit_attributes=frozenset({"ou"}),
    groups=True,
    units=True,
)


def ldif(entries: Mapping[str, Mapping[str, Any]]) -> str:
    """Entries as LDIF, every value in base64."""
    lines = []
    for dn, attributes in entries.items():
        lines.append(f"dn:: {b64encode(dn.encode()).decode()}")
        for name, values in attributes.items():
            for value in values:
                raw = value.encode() if isinstance(value, str) else value
                lines.append(f"{name}:: {b64encode(raw).decode()}" if raw else f"{name}:")
        lines.append("")
    return "\n".join(lines) + "\n"


def people(count: int, above: str = f"ou=people,{SUFFIX}") -> dict[str, dict[str, list[str]]]:
    """The suffix, ou=people and so many persons below it: p0, p1, …"""
    entries: dict[str, dict[str, list[str]]] = {
        SUFFIX: {"objectClass": ["dcObject", "organization"], "dc": ["example"], "o": ["Example"]},
        above: {
            "objectClass": ["organizationalUnit"],
            "ou": [above.split(",", maxsplit=1)[0].removeprefix("ou=")],
        },
    }
    for number in range(count):
        entries[f"uid=p{number},{above}"] = {
            "objectClass": ["inetOrgPerson"],
            "uid": [f"p{number}"],
            "cn": [f"Person {number}"],
            "sn": [f"{number}"],
            "mail": [f"p{number}@example.com"],
        }
    return entries
