"""The roles that role mappings and departments give, with the persons they reach."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from reconcile.model.desired import DesiredState, RoleMapping
from reconcile.planning.selection.department_selection import SelectedDepartment
from reconcile.planning.selection.snapshot_index import Index

DEFAULT_ROLE: Final = "the default role"
"""The reason of a grant that no other mapping gives."""


def member_of(groups: Iterable[str]) -> str:
    """The reason of a grant by a role mapping of these groups."""
    return f"member of {', '.join(groups)}"


def in_department(unit: str) -> str:
    """The reason of a grant by a department; `unit` is the DN of its OU."""
    return f"in department {unit}"


class MappedRole(NamedTuple):
    """One role mapping and the persons it applies to, by position; `reason` names the rule.

    `keys`: the normalized DNs of its groups, or of the OU whose persons get the role.
    `unsure`: the members of one of these groups are not known, so a user who has the role may have
    it because of that group.
    """

    role: str
    members: frozenset[int]
    reason: str
    place: str
    keys: tuple[str, ...]
    unsure: bool = False


def of_departments(
    desired: DesiredState,
    departments: Iterable[SelectedDepartment],
    index: Index,
    department_of: Callable[[int], str],
) -> Iterator[MappedRole]:
    """The roles of departments, which go before those of role mappings; the nearest OU decides.

    `department_of`: position of a person → the normalized DN of its OU, "" for none.
    """
    with_role = [selected for selected in departments if selected.rule.role]
    if not with_role:
        return
    members: dict[str, list[int]] = {selected.key: [] for selected in with_role}
    for position in range(len(index.keys)):
        key = department_of(position)
        if key in members:
            members[key].append(position)
    # Two rules may be equal: each is known as the object that it is.
    places = {id(rule): f"departments[{at}]" for at, rule in enumerate(desired.departments)}
    for selected in with_role:
        yield MappedRole(
            role=selected.rule.role,
            members=frozenset(members[selected.key]),
            reason=in_department(index.units[selected.key].dn),
            place=places[id(selected.rule)],
            keys=(selected.key,),
        )


def of_groups(
    mapping: RoleMapping,
    place: str,
    keys: Sequence[str],
    members: frozenset[int],
    *,
    unsure: bool,
) -> MappedRole:
    """A role mapping of groups; `place` is its path in the desired state."""
    return MappedRole(
        role=mapping.role,
        members=members,
        reason=member_of(mapping.groups),
        place=place,
        keys=tuple(dict.fromkeys(keys)),
        unsure=unsure,
    )


def default_role(desired: DesiredState, source: str) -> str | None:
    """The role of persons of a source whom no mapping reaches; the first default counts."""
    mappings = desired.role_mappings_of(source)
    return next((mapping.role for _, mapping in mappings if mapping.default), None)
