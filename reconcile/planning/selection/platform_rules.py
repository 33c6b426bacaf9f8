"""Rules that the platform cannot follow, refused before anything is planned."""

from collections.abc import Iterable, Iterator

from reconcile.errors import RulesRefused
from reconcile.model.desired import DesiredState
from reconcile.model.platform import Limits, PlatformState
from reconcile.planning.selection import source_names


def refuse_impossible_rules(
    desired: DesiredState, current: Iterable[PlatformState], limits: Limits
) -> None:
    """Raises RulesRefused for such rules, and UsageError as `refuse_other_case`."""
    current = list(current)
    _refuse_nesting(desired, limits)
    source_names.refuse_other_case(desired.sources, current)
    if not limits.any_role:
        _refuse_unknown_roles(desired, current)


def _refuse_nesting(desired: DesiredState, limits: Limits) -> None:
    """Raises RulesRefused where a rule keeps nested groups and the platform has none."""
    kept = [at for at, rule in enumerate(desired.groups) if rule.nested == "keep"]
    if kept and not limits.nested_groups:
        message = (
            f"a platform of type {desired.platform.type} has no groups within groups: "
            "write flatten, so that members of members become members, or ignore"
        )
        raise RulesRefused((f"groups[{at}].nested", message) for at in kept)


def _refuse_unknown_roles(desired: DesiredState, current: Iterable[PlatformState]) -> None:
    """Raises RulesRefused for roles that the platform does not have and does not create itself."""
    roles = dict(_roles_of_rules(desired))
    unknown: list[tuple[str, str]] = []
    for state in current:
        known = ", ".join(sorted(state.roles)) or "none"
        for path, role in roles.items():
            if role not in state.roles:
                message = f"the workspace {state.workspace} has no role {role!r}; it has: {known}"
                unknown.append((path, message))
    if unknown:
        raise RulesRefused(unknown)


def _roles_of_rules(desired: DesiredState) -> Iterator[tuple[str, str]]:
    """The path of each rule that gives a role, and that role."""
    for at, mapping in enumerate(desired.role_mappings):
        yield f"role_mappings[{at}].role", mapping.role
    for at, department in enumerate(desired.departments):
        if department.role:
            yield f"departments[{at}].role", department.role
