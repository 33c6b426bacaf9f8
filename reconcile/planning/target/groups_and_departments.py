"""The wanted groups and departments: those the rules select, matched with existing ones.

Both are mirrored in the same way (`mirroring`), groups side by side, departments below each other.
An object that is no longer selected stays as it is; only what a sync put into it is taken out
(`memberships`, `users`).
"""

from collections.abc import Mapping, Sequence

from reconcile.model.named_state import Names
from reconcile.model.platform import Abilities, Department, Group, PlatformState
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.mirroring import Entries, Mirrored, Mirroring, Wish

Links = Mapping[tuple[str, str], tuple[Group, str]]
"""Source and normalized DN of an entry → the object that a link gives it, and why."""
DepartmentLinks = Mapping[tuple[str, str], tuple[Department, str]]


def groups(
    sources: Sequence[SourceRules], current: PlatformState, abilities: Abilities, links: Links
) -> Mirrored[Group]:
    """The groups of a workspace, nested as they are now; `group_nesting` decides on that."""
    by_id = {group.id: group for group in current.groups}

    def make(
        group_id: str, name: str, _parent: str, source: str, external_id: str, dn: str
    ) -> Group:
        nested_in = by_id[group_id].groups if group_id in by_id else {}
        return Group(group_id, name, source, external_id, dn, nested_in)

    wishes = [
        Wish(rules.source, key, rules.index.groups[key], rule.name, frozen=key in rules.frozen)
        for rules in sources
        for key, rule in rules.groups.items()
    ]
    read = {rules.source.name: rules.index.groups for rules in sources if rules.asked.groups}
    entries = Entries.of(read, _declared(sources))
    length = abilities.lengths.get("group", 0)
    mirroring = Mirroring(
        current.workspace,
        "group",
        length,
        current.groups,
        entries,
        make,
        links,
        lambda group: group.name,
    )
    return mirroring.mirror(wishes)


def departments(
    sources: Sequence[SourceRules],
    current: PlatformState,
    abilities: Abilities,
    links: DepartmentLinks,
) -> Mirrored[Department]:
    """The departments of a workspace; one whose parent cannot exist is left out, too."""
    wishes = [
        Wish(rules.source, ou.key, rules.index.units[ou.key], ou.rule.title, ou.parent)
        for rules in sources
        for ou in rules.departments
    ]
    read = {rules.source.name: rules.index.units for rules in sources if rules.asked.units}
    entries = Entries.of(read, _declared(sources))
    length = abilities.lengths.get("department", 0)
    names = Names(current)
    mirroring = Mirroring(
        current.workspace,
        "department",
        length,
        current.departments,
        entries,
        Department,
        links,
        lambda department: names.path(department.id),
    )
    for rules in sources:
        for key in rules.orphans:
            entry = rules.index.units[key].dn
            mirroring.refuse(
                rules.source.name, entry, "parent_not_selected", "its parent is not selected"
            )
    return mirroring.mirror(wishes)


def _declared(sources: Sequence[SourceRules]) -> frozenset[str]:
    """The names of all sources of the files."""
    return next((rules.declared for rules in sources), frozenset())
