"""What no schema can say: whether the parts of a desired state fit together. Reads whatever has the right type."""

from collections.abc import Collection, Mapping
from typing import Final

from reconcile.config.schema.findings import Findings
from reconcile.config.schema.schema import BUILT_IN
from reconcile.config.schema.typed import Values, mapping, mappings, text, texts
from reconcile.config.schema.wording import choice, suggestion
from reconcile.config.sections import connection, lifecycle, links, safety, schedule
from reconcile.config.yaml.nodes import Path, shortened
from reconcile.model.text import dn
from reconcile.model.text.folding import fold_name

FIELDS: Final = ("username", "first_name", "last_name", "email")


def check(
    data: Values, available: Mapping[str, Collection[str]], findings: Findings, *, complete: bool
) -> None:
    """Adds what is wrong to `findings`. `complete` is whether every file could be read.

    `available` has the adapter types there are, under `sources` and `platform`.
    """
    _platform(mapping(data, "platform"), available["platform"], findings)
    declared: dict[str, int] = {}
    for index, source in mappings(data, "sources"):
        path: Path = ("sources", index)
        name = text(source, "name")
        if name and declared.setdefault(fold_name(name), index) != index:
            findings.twice((*path, "name"), ("sources", declared[fold_name(name)], "name"))
        _type(source, path, available["sources"], BUILT_IN["sources"], findings)
        connection.check(source, path, findings)
        _names(source, path, findings)
        _attributes(data, source, path, findings)
    names = [name for _, source in mappings(data, "sources") if (name := text(source, "name"))]
    for index, source in mappings(data, "sources"):
        links.check_source(source, ("sources", index), findings)
    links.check(data, findings)
    for key in ("role_mappings", "groups", "departments", "links"):
        for index, rule in mappings(data, key):
            name = text(rule, "source")
            # Where no source is declared at all, that is the one mistake to be told.
            if complete and "sources" in data and name and name not in names:
                known = suggestion(name, names) or (
                    f"; there are: {', '.join(names[:10])}" if names else ""
                )
                findings.add(
                    (key, index, "source"), f"no source is called {shortened(name)}{known}"
                )
            if key in ("groups", "departments"):
                _patterns(rule, (key, index), "select", findings)
    _role_mappings(data, findings)
    lifecycle.check(mapping(data, "lifecycle"), findings)
    safety.check(data, findings)
    for index, item in mappings(mapping(data, "safety"), "groups"):
        _patterns(item, ("safety", "groups", index), "select", findings)
    for below, fault in schedule.faults(data.get("schedule")):
        findings.add(("schedule", *below), fault)


def _platform(platform: Values, available: Collection[str], findings: Findings) -> None:
    _type(platform, ("platform",), available, BUILT_IN["platform"], findings)
    if platform.get("type") == "sql" and "url" not in platform:
        findings.missing(("platform",), "url")


def _type(
    values: Values,
    path: Path,
    available: Collection[str],
    built_in: Collection[str],
    findings: Findings,
) -> None:
    name, known = text(values, "type"), sorted({*available, *built_in})
    if (
        isinstance(values.get("type"), str)
        and name not in known
        and not findings.touch((*path, "type"))
    ):
        findings.add((*path, "type"), choice(name, known))


def _names(source: Values, path: Path, findings: Findings) -> None:
    """Distinguished names, and patterns that are some."""
    _dn((*path, "base_dn"), text(source, "base_dn"), findings)
    for part in ("users", "groups", "departments"):
        _dn((*path, part, "base"), text(mapping(source, part), "base"), findings)
    bind = text(mapping(source, "bind"), "dn")
    if "=" in bind:
        _dn((*path, "bind", "dn"), bind, findings)
    for key in ("persons", "groups"):
        _patterns(mapping(source, "expect"), (*path, "expect"), key, findings)
    users = mapping(source, "users")
    for key in ("select", "exclude", "inactive_ous"):
        _patterns(users, (*path, "users"), key, findings)
    for index, name in texts(users, "require_groups"):
        _dn((*path, "users", "require_groups", index), name, findings)


def _patterns(values: Values, path: Path, key: str, findings: Findings) -> None:
    for index, pattern in texts(values, key):
        if "=" in pattern:
            _dn((*path, key, index), pattern, findings)


def _dn(path: Path, name: str, findings: Findings) -> None:
    if not name or findings.touch(path):
        return
    fault = "" if name.strip() else "not a distinguished name: it is blank"
    try:
        dn.normalize(name)
    except ValueError as error:
        fault = str(error)
    if fault:
        findings.add(path, fault if len(fault) <= 200 else "not a distinguished name")


def _attributes(data: Values, source: Values, path: Path, findings: Findings) -> None:
    """Extended attributes: one value for each field and role, roles that exist, and `require` naming what there is."""
    users = mapping(source, "users")
    granted = [
        role
        for key in ("role_mappings", "departments")
        for _, item in mappings(data, key)
        if text(item, "source") in {"", text(source, "name")} and (role := text(item, "role"))
    ]
    seen: list[tuple[str, frozenset[str], int]] = []
    for index, attribute in mappings(users, "attributes"):
        here = (*path, "users", "attributes", index)
        field = text(attribute, "field")
        roles = dict(texts(attribute, "roles"))
        for position, role in roles.items():
            if role not in granted:
                known = suggestion(role, granted)
                findings.add(
                    (*here, "roles", position),
                    f"no role mapping and no department gives the role {shortened(role)}{known}",
                )
        for other, others, first in seen:
            both = (
                frozenset(roles.values()) & others
                if roles and others
                else frozenset(roles.values()) | others
            )
            if field and other == field and (both or not (roles or others)):
                whom = f"the role {shortened(min(both))}" if both else "everyone"
                place = findings.where((*path, "users", "attributes", first, "field"))
                findings.add(
                    (*here, "field"), f"{shortened(field)} for {whom} is given already at {place}"
                )
                break
        seen.append((field, frozenset(roles.values()), index))
    known_fields = list(dict.fromkeys((*FIELDS, *(field for field, _, _ in seen))))
    for index, field in texts(users, "require"):
        if field not in known_fields:
            findings.add((*path, "users", "require", index), choice(field, known_fields))


def _role_mappings(data: Values, findings: Findings) -> None:
    default: int | None = None
    for index, item in mappings(data, "role_mappings"):
        path: Path = ("role_mappings", index)
        for position, name in texts(item, "groups"):
            _dn((*path, "groups", position), name, findings)
        if item.get("default") is True:
            if default is not None:
                findings.twice((*path, "default"), ("role_mappings", default, "default"))
            default = index
        elif "groups" not in item and "default" not in item:
            findings.add(path, "give it groups whose members get the role, or default: true")
        elif "groups" not in item and item.get("default") is False:
            findings.add((*path, "default"), "without groups a role mapping needs default: true")
