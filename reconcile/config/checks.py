"""What no schema can say: whether the parts of a desired state fit together. Reads whatever has the right type."""

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, TypeAlias

from reconcile.config import connections
from reconcile.config.findings import Findings
from reconcile.config.nodes import Path, shortened
from reconcile.config.schema import BUILT_IN
from reconcile.config.wording import choice, suggestion
from reconcile.model import dn

Values: TypeAlias = Mapping[str, Any]
FIELDS: Final = ("username", "first_name", "last_name", "email")


def check(data: Values, available: Mapping[str, Collection[str]], findings: Findings, *, complete: bool) -> None:
    """Adds what is wrong to `findings`. `complete` is whether every file could be read.

    `available` has the adapter types there are, under `sources` and `platform`.
    """
    _platform(mapping(data, "platform"), available["platform"], findings)
    declared: dict[str, int] = {}
    for index, source in mappings(data, "sources"):
        path: Path = ("sources", index)
        name = text(source, "name")
        if name and declared.setdefault(name.casefold(), index) != index:
            findings.twice((*path, "name"), ("sources", declared[name.casefold()], "name"))
        _type(source, path, available["sources"], BUILT_IN["sources"], findings)
        connections.check(source, path, findings)
        _names(source, path, findings)
        _attributes(data, source, path, findings)
    names = [name for _, source in mappings(data, "sources") if (name := text(source, "name"))]
    for key in ("role_mappings", "groups", "departments"):
        for index, rule in mappings(data, key):
            name = text(rule, "source")
            if complete and name and name not in names:
                known = suggestion(name, names) or (f"; there are: {', '.join(names[:10])}" if names else "")
                findings.add((key, index, "source"), f"no source is called {shortened(name)}{known}")
            if key != "role_mappings":
                _patterns(rule, (key, index), "select", findings)
    _role_mappings(data, findings)


def mapping(values: Values, key: str) -> Values:
    """A mapping's mapping, an empty one where there is none."""
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def mappings(values: Values, key: str) -> Iterator[tuple[int, Values]]:
    """Position and mapping of a list's items that are mappings."""
    found = values.get(key)
    for index, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, dict):
            yield index, item


def text(values: Values, key: str) -> str:
    """A mapping's text, "" where there is none."""
    found = values.get(key)
    return found if isinstance(found, str) else ""


def texts(values: Values, key: str) -> Iterator[tuple[int, str]]:
    """Position and text of a list's items that are texts."""
    found = values.get(key)
    for index, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, str) and item:
            yield index, item


def _platform(platform: Values, available: Collection[str], findings: Findings) -> None:
    _type(platform, ("platform",), available, BUILT_IN["platform"], findings)
    if platform.get("type") == "sql" and "url" not in platform:
        findings.missing(("platform",), "url")


def _type(
    values: Values, path: Path, available: Collection[str], built_in: Collection[str], findings: Findings
) -> None:
    name, known = text(values, "type"), sorted({*available, *built_in})
    if name and name not in known and not findings.touch((*path, "type")):
        findings.add((*path, "type"), choice(name, known))


def _names(source: Values, path: Path, findings: Findings) -> None:
    """Distinguished names, and patterns that are some."""
    users = mapping(source, "users")
    for values, below, key in (
        (source, path, "base_dn"),
        *((mapping(source, part), (*path, part), "base") for part in ("users", "groups", "departments")),
    ):
        if fault := _dn_fault(text(values, key)):
            findings.add((*below, key), fault)
    bind = text(mapping(source, "bind"), "dn")
    if "=" in bind and (fault := _dn_fault(bind)):
        findings.add((*path, "bind", "dn"), fault)
    for key in ("select", "exclude", "inactive_ous"):
        _patterns(users, (*path, "users"), key, findings)
    for index, name in texts(users, "require_groups"):
        if fault := _dn_fault(name):
            findings.add((*path, "users", "require_groups", index), fault)


def _patterns(values: Values, path: Path, key: str, findings: Findings) -> None:
    for index, pattern in texts(values, key):
        if "=" in pattern and (fault := _dn_fault(pattern)):
            findings.add((*path, key, index), fault)


def _dn_fault(name: str) -> str:
    try:
        dn.normalize(name)
    except ValueError as error:
        said = re.sub(r"\s+", " ", str(error))
        return said if len(said) <= 200 else "not a distinguished name"
    return ""


def _attributes(data: Values, source: Values, path: Path, findings: Findings) -> None:
    """Extended attributes: one value for each field and role, roles that exist, and `require` naming what there is."""
    users = mapping(source, "users")
    granted = [
        text(item, "role")
        for _, item in mappings(data, "role_mappings")
        if text(item, "source") in {"", text(source, "name")}
    ]
    seen: list[tuple[str, frozenset[str], int]] = []
    for index, attribute in mappings(users, "attributes"):
        here = (*path, "users", "attributes", index)
        field = text(attribute, "field")
        roles = dict(texts(attribute, "roles"))
        for position, role in roles.items():
            if role not in granted:
                known = suggestion(role, granted)
                findings.add((*here, "roles", position), f"no role mapping gives the role {shortened(role)}{known}")
        for other, others, first in seen:
            both = frozenset(roles.values()) & others if roles and others else frozenset(roles.values()) | others
            if field and other == field and (both or not (roles or others)):
                whom = f"the role {shortened(min(both))}" if both else "everyone"
                place = findings.where((*path, "users", "attributes", first, "field"))
                findings.add((*here, "field"), f"{shortened(field)} for {whom} is given already at {place}")
                break
        seen.append((field, frozenset(roles.values()), index))
    known_fields = [*FIELDS, *(field for field, _, _ in seen)]
    for index, field in texts(users, "require"):
        if field not in known_fields:
            findings.add((*path, "users", "require", index), f"unknown field: {choice(field, known_fields)}")


def _role_mappings(data: Values, findings: Findings) -> None:
    default: int | None = None
    for index, item in mappings(data, "role_mappings"):
        path: Path = ("role_mappings", index)
        for position, name in texts(item, "groups"):
            if fault := _dn_fault(name) or ("" if "=" in name else "expected the whole DN of a group"):
                findings.add((*path, "groups", position), fault)
        if item.get("default") is True:
            if default is not None:
                findings.twice((*path, "default"), ("role_mappings", default, "default"))
            default = index
        elif "groups" not in item and "default" not in item:
            findings.add(path, "give it groups whose members get the role, or default: true")
        elif "groups" not in item and item.get("default") is False:
            findings.add((*path, "default"), "without groups a role mapping needs default: true")
