"""What no schema can say: whether the parts of a desired state fit together.

Values of the wrong type are skipped: the schema reports them.
"""

from collections.abc import Collection, Mapping
from itertools import pairwise
from typing import Final, NamedTuple

from reconcile.config.schema.findings import Findings
from reconcile.config.schema.schema import SOURCE_TYPES, platform_types
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
    _patterns_of_rules(data, findings)
    _role_mappings(data, findings)
    lifecycle.check(mapping(data, "lifecycle"), findings)
    safety.check(data, findings)
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
        _type(source, path, available, SOURCE_TYPES, findings)
        connection.check(source, path, findings)
        _names(source, path, findings)
        _attributes(data, source, path, findings)
        lifecycle.check_source(data, source, path, findings)
    for index, source in mappings(data, "sources"):
        links.check_source(source, ("sources", index), findings)


def _references(data: Values, findings: Findings) -> None:
    """Rules that name a source have to name one that is declared."""
    declared = (text(source, "name") for _, source in mappings(data, "sources"))
    names = list(filter(None, declared))
    for key in ("role_mappings", "groups", "departments", "links"):
        for index, rule in mappings(data, key):
            name = text(rule, "source")
            if name not in ("", *names):
                message = f"no source is called {shortened(name)}{_nearest(name, names)}"
                findings.add((key, index, "source"), message)


def _nearest(name: str, names: list[str]) -> str:
    """The name that is probably meant, or the first ten there are."""
    near = suggestion(name, names)
    if near or not names:
        return near
    return f"; there are: {', '.join(names[:10])}"


def _platform(platform: Values, available: Collection[str], findings: Findings) -> None:
    _type(platform, ("platform",), available, platform_types(), findings)


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
    """The type of a source or platform is a built-in one or that of a plug-in."""
    here = (*path, "type")
    kind, known = values.get("type"), sorted({*available, *built_in})
    is_unknown = isinstance(kind, str) and kind not in known
    if is_unknown and not findings.touch(here):
        findings.add(here, choice(kind, known))


def _patterns_of_rules(data: Values, findings: Findings) -> None:
    """Patterns of the rules on groups and departments, and of those of `safety` on groups."""
    for key in ("groups", "departments"):
        for index, rule in mappings(data, key):
            _patterns(rule, (key, index), "select", findings)
    for index, rule in mappings(mapping(data, "safety"), "groups"):
        _patterns(rule, ("safety", "groups", index), "select", findings)


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
    _patterns(mapping(users, "create"), (*path, "users", "create"), "groups", findings)


def _patterns(values: Values, path: Path, key: str, findings: Findings) -> None:
    """Those of a list of patterns that are distinguished names."""
    for index, pattern in texts(values, key):
        if "=" in pattern:
            _dn((*path, key, index), pattern, findings)


def _dn(path: Path, name: str, findings: Findings) -> None:
    """Adds what is wrong with a distinguished name; an empty one is reported by the schema."""
    if not name or findings.touch(path):
        return
    if fault := _dn_fault(name):
        fault = fault if len(fault) <= 200 else "not a distinguished name"
        findings.add(path, f"{fault}{_dn_remedy(name)}")


def _dn_remedy(name: str) -> str:
    """What helps with a text that is no distinguished name; "" if that is not known."""
    if "=" not in name:
        return "; write it like ou=people,dc=example,dc=com"
    if "," in name:
        return r"; where a comma belongs to a name, write `\,` (in YAML without double quotes)"
    return ""


def _dn_fault(name: str) -> str:
    """Why a text is no distinguished name; "" for one that is."""
    try:
        dn.normalize(name)
    except ValueError as error:
        return str(error)
    return "" if name.strip() else "not a distinguished name: it is blank"


class _Assigned(NamedTuple):
    """An extended attribute: its field, the roles it is for (none means everyone), its position."""

    field: str
    roles: frozenset[str]
    position: int

    def overlap(self, other: "_Assigned") -> str:
        """The users that would get the field from both, in words; "" for none."""
        if self.field != other.field:
            return ""
        if not self.roles and not other.roles:
            return "everyone"
        # One that is for everyone meets the other in each of its roles.
        shared = (self.roles or other.roles) & (other.roles or self.roles)
        return f"the role {shortened(min(shared))}" if shared else ""


def _attributes(data: Values, source: Values, path: Path, findings: Findings) -> None:
    """Extended attributes: one value for each field and role; `require` names existing fields."""
    users = mapping(source, "users")
    granted = _granted(data, text(source, "name"))
    earlier: list[_Assigned] = []
    for index, attribute in mappings(users, "attributes"):
        roles = dict(texts(attribute, "roles"))
        _unknown_roles(roles, granted, (*path, "users", "attributes", index), findings)
        assigned = _Assigned(text(attribute, "field"), frozenset(roles.values()), index)
        _given_twice(assigned, earlier, path, findings)
        earlier.append(assigned)
    known_fields = list(dict.fromkeys((*FIELDS, *(assigned.field for assigned in earlier))))
    for index, field in texts(users, "require"):
        if field not in known_fields:
            findings.add((*path, "users", "require", index), choice(field, known_fields))


def _granted(data: Values, source: str) -> list[str]:
    """The roles that people of a source can have."""
    rules = [*mappings(data, "role_mappings"), *mappings(data, "departments")]
    return [text(rule, "role") for _, rule in rules if text(rule, "source") in ("", source)]


def _unknown_roles(
    roles: Mapping[int, str], granted: list[str], here: Path, findings: Findings
) -> None:
    """Roles of an extended attribute, by position, that nobody of the source can have."""
    for position, role in roles.items():
        if role not in granted:
            findings.add(
                (*here, "roles", position),
                f"no role mapping and no department gives the role {shortened(role)}"
                f"{suggestion(role, granted)}",
            )


def _given_twice(
    assigned: _Assigned, others: list[_Assigned], path: Path, findings: Findings
) -> None:
    """Adds the first attribute before this one that gives the same field to the same users."""
    attributes = (*path, "users", "attributes")
    for earlier in others:
        whom = assigned.overlap(earlier)
        if whom and assigned.field:
            place = findings.where((*attributes, earlier.position, "field"))
            findings.add(
                (*attributes, assigned.position, "field"),
                f"{shortened(assigned.field)} for {whom} is already given at {place}",
            )
            return


def _role_mappings(data: Values, findings: Findings) -> None:
    """Each mapping has groups or is the default, of which there is one."""
    defaults: list[Path] = []
    for index, item in mappings(data, "role_mappings"):
        path: Path = ("role_mappings", index)
        for position, name in texts(item, "groups"):
            _dn((*path, "groups", position), name, findings)
        if item.get("default") is True:
            defaults.append((*path, "default"))
        elif "groups" not in item:
            _without_groups(item, path, findings)
    for first, second in pairwise(defaults):
        findings.twice(second, first)


def _without_groups(item: Values, path: Path, findings: Findings) -> None:
    """A role mapping without groups that is not the default one, if its `default` is sound."""
    if "default" not in item:
        findings.add(path, "give it groups whose members get the role, or default: true")
    elif item["default"] is False:
        findings.add((*path, "default"), "without groups a role mapping needs default: true")
