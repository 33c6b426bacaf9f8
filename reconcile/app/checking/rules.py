"""Rules that contradict each other, whatever the directory holds."""

from collections import Counter
from collections.abc import Iterator

from reconcile.config import Loaded
from reconcile.errors import Problem
from reconcile.model.desired import DesiredState, Source
from reconcile.model.text import dn, slips


def problems(loaded: Loaded) -> Iterator[Problem]:
    """Departments whose parent is not selected: no plan could be made."""
    for source in loaded.desired.sources:
        for path, parent in _orphans(loaded.desired, source):
            message = f"its parent {parent} is not selected: select it, too, or set parents: true"
            yield loaded.places.problem(path, message)


def warnings(loaded: Loaded) -> Iterator[Problem]:
    """Roles that one rule names, one letter away from a role that other rules name."""
    named = list(_roles(loaded.desired))
    numbers = Counter(role for _, role in named)
    for at, (path, role) in enumerate(named):
        others = [other for _, other in named[:at]] + [o for o in numbers if numbers[o] > 1]
        near = next((other for other in others if slips.one_slip(role, other)), "")
        if numbers[role] == 1 and near:
            message = f"no other rule names the role {role!r}; did you mean {near!r}?"
            yield loaded.places.problem(path, message)


def _orphans(desired: DesiredState, source: Source) -> Iterator[tuple[str, str]]:
    """The path of each OU that is selected by its DN, without the OU above it, and that.

    Nothing is said where a wildcard, a plain name, `children`, or a filter may decide.
    """
    rules = list(desired.departments_of(source.name))
    patterns = [pattern for _, rule in rules for pattern in rule.select]
    if source.departments.filter or any(rule.children for _, rule in rules):
        return
    if not all(map(_is_dn, patterns)):
        return
    bases = (source.departments.base, source.users.base)
    roots = [dn.normalize(dn.join(base, source.base_dn)) for base in bases]
    selected = {_whole(pattern, source) for pattern in patterns}
    for path, rule in rules:
        for at, pattern in enumerate(rule.select):
            parent = dn.parent(_whole(pattern, source))
            is_container = any(dn.is_below(root, parent) for root in roots)
            is_missing = parent.startswith("ou=") and not is_container and parent not in selected
            if is_missing and not rule.parents:
                yield f"{path}.select[{at}]", parent


def _is_dn(pattern: str) -> bool:
    """Whether a pattern is a DN of more than one RDN, without a wildcard."""
    return "*" not in pattern and "=" in pattern and len(dn.parse(pattern)) > 1


def _whole(pattern: str, source: Source) -> str:
    return dn.normalize(dn.join(pattern, source.base_dn))


def _roles(desired: DesiredState) -> Iterator[tuple[str, str]]:
    """Each place that names a role."""
    for at, mapping in enumerate(desired.role_mappings):
        yield f"role_mappings[{at}].role", mapping.role
    for at, rule in enumerate(desired.departments):
        if rule.role:
            yield f"departments[{at}].role", rule.role
    for at, role in enumerate(desired.safety.protect.roles):
        if "*" not in role:
            yield f"safety.protect.roles[{at}]", role
