"""The groups, the department and the roles of a person by the rules, each with the reason."""

from collections.abc import Iterator

from msgspec.structs import replace

from reconcile.model.desired import DepartmentRule, GroupRule
from reconcile.model.views.explanation import DepartmentResult, GroupResult, RoleResult
from reconcile.planning.explain.person_rules import PersonRules
from reconcile.planning.selection import department_selection
from reconcile.planning.selection.mapped_roles import MappedRole


def group_results(about: PersonRules) -> Iterator[GroupResult]:
    """Every selected group, then those that the person is in and no rule selects."""
    selected = about.rules.groups
    rules = about.desired.groups_of(about.source.name)
    places = {id(rule): place for place, rule in rules}
    for key, rule in selected.items():
        yield _selected_group(about, key, rule, places[id(rule)])
    for key in sorted(set(about.paths.keys) - selected.keys()):
        yield GroupResult(
            dn=about.index.groups[key].dn,
            selected=False,
            member=True,
            why=about.paths.how(key),
            path=about.paths.to(key),
        )


def _selected_group(about: PersonRules, key: str, rule: GroupRule, place: str) -> GroupResult:
    """A group that a rule selects; `place` is the path of the rule in the desired state."""
    member, why = _membership(about, key, rule)
    at = about.rules.group_selection(rule.select).pattern(key)
    if at is not None:
        place += f".select[{at}]"
    return GroupResult(
        dn=about.index.groups[key].dn,
        selected=True,
        member=member,
        why=why,
        rule=place,
        origin=about.origin(place),
        path=about.paths.to(key),
        known=key not in about.rules.frozen,
    )


def _membership(about: PersonRules, key: str, rule: GroupRule) -> tuple[bool, str]:
    """Whether the person is a member of a selected group, and why."""
    if key in about.rules.frozen:
        unknown = about.rules.unknown[key]
        return False, f"its members are not known, so the group stays unchanged: {unknown}"
    if about.position in about.index.members(key, nested=rule.nested != "ignore"):
        return True, about.paths.how(key)
    if key in about.paths:
        return False, "only through nested groups, which nested: ignore leaves out"
    return False, "not a member"


def department_result(about: PersonRules) -> DepartmentResult | None:
    """The nearest selected OU; None if no rule selects any of the source."""
    if not list(about.desired.departments_of(about.source.name)):
        return None
    nearest = about.rules.department(about.position)
    if not nearest:
        return DepartmentResult("", _why_no_department(about))
    path = _path_of(about, nearest)
    place, why = _why_department(about, nearest)
    return DepartmentResult(
        dn=path[-1],
        why=why,
        rule=place,
        origin=about.origin(place),
        path=path,
    )


def _why_no_department(about: PersonRules) -> str:
    """Why a person is in no department: the OUs above it are not selected, or there are none."""
    above = about.index.units_above(about.index.keys[about.position])
    if not above:
        return "no OU above"
    return f"no selected OU above; the nearest is {about.index.units[above[0]].dn}"


def _path_of(about: PersonRules, nearest: str) -> tuple[str, ...]:
    """The DNs of an OU and of the selected ones above it, topmost first."""
    parents = {selected.key: selected.parent for selected in about.rules.departments}
    path: list[str] = []
    key = nearest
    while key:
        path.append(about.index.units[key].dn)
        key = parents[key]
    return tuple(reversed(path))


def _why_department(about: PersonRules, nearest: str) -> tuple[str, str]:
    """Which part of which rule selects an OU, and what it says."""
    rule = next(chosen.rule for chosen in about.rules.departments if chosen.key == nearest)
    place = _place_of(about, rule)
    patterns = department_selection.selection(place, rule, about.source, about.index)
    at = patterns.pattern(nearest)
    if at is not None:
        return f"{place}.select[{at}]", f"selected by {rule.select[at]!r}"
    setting = "children" if rule.children else "parents"
    return f"{place}.{setting}", f"included by {setting}: true"


def _place_of(about: PersonRules, rule: DepartmentRule) -> str:
    """The path of a rule in the desired state. Two rules may be equal, so it is the very one."""
    rules = about.desired.departments_of(about.source.name)
    return next(place for place, declared in rules if declared is rule)


def role_results(about: PersonRules) -> Iterator[RoleResult]:
    """The roles of departments that have one, the role mappings, the default role."""
    mappings = about.rules.mappings
    for mapping in mappings:
        yield _mapped_role(about, mapping)
    matched = any(about.position in mapping.members for mapping in mappings)
    for place, declared in about.desired.role_mappings_of(about.source.name):
        if declared.default:
            yield _default_role(about, f"{place}.default", declared.role, matched)


def _mapped_role(about: PersonRules, mapping: MappedRole) -> RoleResult:
    """Whether a role mapping, or a department with a role, reaches the person."""
    result = RoleResult(
        rule=mapping.place,
        role=mapping.role,
        matches=about.position in mapping.members,
        why=mapping.reason,
        origin=about.origin(f"{mapping.place}.role"),
    )
    of_department = mapping.place.startswith("departments")
    if not result.matches:
        why = f"not {mapping.reason}" if of_department else _why_no_role(about, mapping)
        return replace(result, why=why)
    if of_department:
        return result
    # The reason of a mapping names all of its groups: the way into one of them says more.
    key = _group_of(about, mapping)
    return replace(result, why=about.paths.how(key), path=about.paths.to(key))


def _group_of(about: PersonRules, mapping: MappedRole) -> str:
    """The first group of a mapping that the person is in."""
    known = (key for key in mapping.keys if key not in about.rules.unknown)
    return next(key for key in known if key in about.paths)


def _why_no_role(about: PersonRules, mapping: MappedRole) -> str:
    """Why a role mapping of groups does not reach the person."""
    if not mapping.keys:
        return f"{about.source.name} has no such group: not {mapping.reason}"
    if mapping.unsure:
        unknown = about.rules.unknown
        why = next(unknown[key] for key in mapping.keys if key in unknown)
        return f"its members are not known, so users who have the role keep it: {why}"
    return f"not {mapping.reason}"


def _default_role(about: PersonRules, place: str, role: str, matched: bool) -> RoleResult:
    """The role of a person whom no mapping reaches; `matched`: one does."""
    on_unmapped = about.desired.roles.on_unmapped
    origin = about.origin(place)
    if on_unmapped != "default":
        why = f"default role, but roles.on_unmapped is {on_unmapped}"
        return RoleResult(place, role, False, why, origin)
    why = "default role: no other mapping applies"
    if any(mapping.unsure for mapping in about.rules.mappings):
        why += ", and no role is kept because of a group with unknown members"
    return RoleResult(place, role, not matched, why, origin)
