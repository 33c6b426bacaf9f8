"""What no schema can say: whether the parts of a desired state fit together.

Values of the wrong type are skipped: the schema reports them.
"""

from collections.abc import Collection, Mapping
from typing import Final, NamedTuple

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
    _state(data, findings)
    _sources(data, available["sources"], findings)
    links.check(data, findings)
    # Where no source is declared at all, that is the one mistake to report.
    if complete and "sources" in data:
        _references(data, findings)
    for key in ("groups", "departments"):
        for index, rule in mappings(data, key):
            _patterns(rule, (key, index), "select", findings)
    _role_mappings(data, findings)
    lifecycle.check(mapping(data, "lifecycle"), findings)
    safety.check(data, findings)
    for index, item in mappings(mapping(data, "safety"), "groups"):
        _patterns(item, ("safety", "groups", index), "select", findings)
    for below, fault in schedule.faults(data.get("schedule")):
        findings.add(("schedule", *below), fault)


def _sources(data: Values, available: Collection[str], findings: Findings) -> None:
    """Each source by itself, and that no two have the same name."""
    declared: dict[str, int] = {}
    for index, source in mappings(data, "sources"):
        path: Path = ("sources", index)
        name = text(source, "name")
        if name and declared.setdefault(fold_name(name), index) != index:
            findings.twice((*path, "name"), ("sources", declared[fold_name(name)], "name"))
        _type(source, path, available, BUILT_IN["sources"], findings)
        connection.check(source, path, findings)
        _names(source, path, findings)
        _attributes(data, source, path, findings)
    for index, source in mappings(data, "sources"):
        links.check_source(source, ("sources", index), findings)


def _references(data: Values, findings: Findings) -> None:
    """Rules that name a source have to name one that is declared."""
    names = [name for _, source in mappings(data, "sources") if (name := text(source, "name"))]
    for key in ("role_mappings", "groups", "departments", "links"):
        for index, rule in mappings(data, key):
            name = text(rule, "source")
            if name and name not in names:
                message = f"no source is called {shortened(name)}{_nearest(name, names)}"
                findings.add((key, index, "source"), message)


def _nearest(name: str, names: list[str]) -> str:
    """The name that is probably meant, or the first ten there are."""
    near = suggestion(name, names)
    if near or not names:
        return near
    return f"; there are: {', '.join(names[:10])}"


def _platform(platform: Values, available: Collection[str], findings: Findings) -> None:
    _type(platform, ("platform",), available, BUILT_IN["platform"], findings)
    if platform.get("type") == "sql" and "url" not in platform:
        findings.missing(("platform",), "url")


def _state(data: Values, findings: Findings) -> None:
    """Only a platform that does not keep its own ledger has one elsewhere."""
    if text(data, "state") and text(mapping(data, "platform"), "type") == "sql":
        why = "a platform of type sql keeps its state in its own database: remove this key"
        findings.add(("state",), why)


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
    """Distinguished names, and patterns that are distinguished names."""
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


class _Assigned(NamedTuple):
    """An extended attribute: its field, the roles it is for (none means everyone), its position."""

    field: str
    roles: frozenset[str]
    position: int

    def overlap(self, other: "_Assigned") -> str:
        """Who would get the field from both, in words; "" for none."""
        if self.field != other.field:
            return ""
        if self.roles and other.roles:
            shared = self.roles & other.roles
            return f"the role {shortened(min(shared))}" if shared else ""
        # One of the two is for everyone, so they meet in every role of the other.
        shared = self.roles | other.roles
        return f"the role {shortened(min(shared))}" if shared else "everyone"


def _attributes(data: Values, source: Values, path: Path, findings: Findings) -> None:
    """Extended attributes: one value for each field and role; `require` names existing fields."""
    users = mapping(source, "users")
    granted = _granted(data, text(source, "name"))
    seen: list[_Assigned] = []
    for index, attribute in mappings(users, "attributes"):
        here = (*path, "users", "attributes", index)
        roles = dict(texts(attribute, "roles"))
        _unknown_roles(roles, granted, here, findings)
        assigned = _Assigned(text(attribute, "field"), frozenset(roles.values()), index)
        if assigned.field:
            _given_twice(assigned, seen, path, findings)
        seen.append(assigned)
    known_fields = list(dict.fromkeys((*FIELDS, *(assigned.field for assigned in seen))))
    for index, field in texts(users, "require"):
        if field not in known_fields:
            findings.add((*path, "users", "require", index), choice(field, known_fields))


def _granted(data: Values, source: str) -> list[str]:
    """The roles that people of a source can have."""
    roles = []
    for key in ("role_mappings", "departments"):
        for _, item in mappings(data, key):
            role = text(item, "role")
            if role and text(item, "source") in {"", source}:
                roles.append(role)
    return roles


def _unknown_roles(
    roles: Mapping[int, str], granted: list[str], here: Path, findings: Findings
) -> None:
    for position, role in roles.items():
        if role not in granted:
            findings.add(
                (*here, "roles", position),
                f"no role mapping and no department gives the role {shortened(role)}"
                f"{suggestion(role, granted)}",
            )


def _given_twice(
    assigned: _Assigned, seen: list[_Assigned], path: Path, findings: Findings
) -> None:
    """Adds the first attribute before this one that gives the same field to the same users."""
    attributes = (*path, "users", "attributes")
    for earlier in seen:
        if whom := assigned.overlap(earlier):
            place = findings.where((*attributes, earlier.position, "field"))
            findings.add(
                (*attributes, assigned.position, "field"),
                f"{shortened(assigned.field)} for {whom} is already given at {place}",
            )
            return


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
