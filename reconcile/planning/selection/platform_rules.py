"""Rules that the platform cannot follow, refused before anything is planned."""

import re
from collections.abc import Iterable, Iterator

from reconcile.errors import RulesRefused
from reconcile.model.desired import DesiredState
from reconcile.model.platform import Abilities, PlatformState
from reconcile.model.text import slips
from reconcile.planning.selection import source_names


def refuse_impossible_rules(
    desired: DesiredState, current: Iterable[PlatformState], abilities: Abilities
) -> None:
    """Raises RulesRefused for such rules, and UsageError as `refuse_other_case`."""
    current = list(current)
    _refuse_nesting(desired, abilities)
    _refuse_lacking(desired, abilities)
    _refuse_attributes(desired, abilities)
    _refuse_attribute_names(desired, abilities)
    _refuse_departures(desired, abilities)
    _refuse_adopting(desired, abilities)
    source_names.refuse_other_case(desired.sources, current)
    if not abilities.any_role:
        _refuse_unknown_roles(desired, current)


def _refuse_nesting(desired: DesiredState, abilities: Abilities) -> None:
    """Raises RulesRefused if a rule keeps nested groups and the platform has none."""
    kept = [at for at, rule in enumerate(desired.groups) if rule.nested == "keep"]
    if kept and not abilities.nested_groups:
        message = (
            f"a platform of type {desired.platform.type} has no groups within groups: "
            "write flatten, so that members of members become members, or ignore"
        )
        raise RulesRefused((f"groups[{at}].nested", message) for at in kept)


def _refuse_lacking(desired: DesiredState, abilities: Abilities) -> None:
    """Raises RulesRefused if rules are about a kind that the platform does not have."""
    rules = {
        "department": [f"departments[{at}]" for at in range(len(desired.departments))],
        "group": [f"groups[{at}]" for at in range(len(desired.groups))],
        "grant": [f"role_mappings[{at}]" for at in range(len(desired.role_mappings))],
    }
    words = {"department": "departments", "group": "groups", "grant": "roles"}
    refused = [
        (path, f"a platform of type {desired.platform.type} has no {words[kind]}: remove the rule")
        for kind in sorted(abilities.lacks)
        for path in rules[kind]
    ]
    if refused:
        raise RulesRefused(refused)


def _refuse_attributes(desired: DesiredState, abilities: Abilities) -> None:
    """Raises RulesRefused where a source supplies attributes that the platform does not keep."""
    known = abilities.attributes
    if known is None:
        return
    names = ", ".join(sorted(known)) or "none"
    refused = [
        (
            f"sources[{at}].users.attributes[{number}]",
            f"the platform has no attribute {attribute.field!r}; it has: {names}",
        )
        for at, source in enumerate(desired.sources)
        for number, attribute in enumerate(source.users.attributes)
        if attribute.field not in known
    ]
    if refused:
        raise RulesRefused(refused)


def _refuse_departures(desired: DesiredState, abilities: Abilities) -> None:
    """Raises RulesRefused if users could be taken out of service only by deleting them.

    A missing status becomes a harder one; only for the last of them, erased, there is none. No user
    is deleted because a file says that users are blocked.
    """
    lifecycle = desired.lifecycle
    departures = {
        "on_missing": lifecycle.on_missing.action,
        "on_out_of_scope": lifecycle.on_out_of_scope.action,
        "on_disabled": lifecycle.on_disabled.action,
        "on_source_removed": lifecycle.on_source_removed,
    }
    out_of_service = abilities.statuses & {"inactive", "blocked", "blocked_in_directory"}
    name = f"a platform of type {desired.platform.type}"
    refused = [
        (f"lifecycle.{key}", f"{name} cannot {action} users: write delete, erase or keep")
        for key, action in departures.items()
        if action in ("deactivate", "block") and not out_of_service
    ]
    if refused:
        raise RulesRefused(refused)


def _refuse_unknown_roles(desired: DesiredState, current: Iterable[PlatformState]) -> None:
    """Raises RulesRefused for roles that the platform does not have and does not create itself."""
    roles = dict(roles_of_rules(desired))
    unknown: list[tuple[str, str]] = []
    for state in current:
        known = ", ".join(sorted(state.roles)) or "none"
        for path, role in roles.items():
            if role not in state.roles:
                near = slips.meant(role, sorted(state.roles))
                hint = f"did you mean {near!r}?" if near else f"it has: {known}"
                message = f"the workspace {state.workspace} has no role {role!r}; {hint}"
                unknown.append((path, message))
    if unknown:
        raise RulesRefused(unknown)


def roles_of_rules(desired: DesiredState) -> Iterator[tuple[str, str]]:
    """The path of each rule that gives a role, and that role."""
    for at, mapping in enumerate(desired.role_mappings):
        yield f"role_mappings[{at}].role", mapping.role
    for at, department in enumerate(desired.departments):
        if department.role:
            yield f"departments[{at}].role", department.role


def _refuse_attribute_names(desired: DesiredState, abilities: Abilities) -> None:
    """Raises RulesRefused for attributes with names that the platform cannot have."""
    if not abilities.attribute_names:
        return
    name = re.compile(abilities.attribute_names, re.ASCII)
    why = f"is not how a platform of type {desired.platform.type} names an attribute"
    refused = [
        (f"sources[{at}].users.attributes[{number}].field", f"{attribute.field!r} {why}")
        for at, source in enumerate(desired.sources)
        for number, attribute in enumerate(source.users.attributes)
        if not name.fullmatch(attribute.field)
    ]
    if refused:
        raise RulesRefused(refused)


def _refuse_adopting(desired: DesiredState, abilities: Abilities) -> None:
    """Raises RulesRefused where accounts are to be adopted by names that must not count."""
    if desired.lifecycle.adopt_local != "never" and not abilities.recognises_names:
        message = (
            "contradicts the platform, where names say nothing of whose an account is: write "
            "never, or let the platform match user names"
        )
        raise RulesRefused([("lifecycle.adopt_local", message)])
