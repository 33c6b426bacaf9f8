"""The wanted groups and departments: those the rules select, matched with existing ones.

Both are mirrored in the same way (`mirroring`), groups side by side, departments below each other.
An object that is no longer selected stays as it is; only what a sync put into it is taken out
(`memberships`, `users`).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from reconcile.model.identity import by_id
from reconcile.model.named_state import StateNames
from reconcile.model.platform import Abilities, Department, Group, PlatformState
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.mirrors.entries import Place, ReadEntries, SelectedEntry
from reconcile.planning.target.mirrors.mirroring import Mirrored, Mirroring

Links = Mapping[Place, tuple[Group, str]]
"""Place of an entry → the object that a link gives it, and why."""
DepartmentLinks = Mapping[Place, tuple[Department, str]]


def groups(
    sources: Sequence[SourceRules], current: PlatformState, abilities: Abilities, links: Links
) -> Mirrored[Group]:
    """The groups of a workspace, nested as they are now; `group_nesting` decides on that."""
    existing = by_id(current.groups)

    def make(
        group_id: str, name: str, _parent: str, source: str, external_id: str, dn: str
    ) -> Group:
        nested_in = existing[group_id].groups if group_id in existing else {}
        return Group(group_id, name, source, external_id, dn, nested_in)

    mirroring = Mirroring(
        workspace=current.workspace,
        kind="group",
        length=abilities.lengths.get("group", 0),
        current=current.groups,
        entries=_read_groups(sources),
        make=make,
        links=links,
        called=lambda group: group.name,
    )
    return mirroring.mirror(list(_selected_groups(sources)))


def _selected_groups(sources: Iterable[SourceRules]) -> Iterator[SelectedEntry]:
    """The groups that rules select."""
    for rules in sources:
        for key, rule in rules.groups.items():
            entry, frozen = rules.index.groups[key], key in rules.frozen
            yield SelectedEntry(rules.source, key, entry, rule.name, frozen=frozen)


def _read_groups(sources: Sequence[SourceRules]) -> ReadEntries:
    """The groups of the directories that were asked for them."""
    read = {rules.source.name: rules.index.groups for rules in sources if rules.asked.groups}
    return ReadEntries.of(read, _declared(sources))


def departments(
    sources: Sequence[SourceRules],
    current: PlatformState,
    abilities: Abilities,
    links: DepartmentLinks,
) -> Mirrored[Department]:
    """The departments of a workspace; one whose parent cannot exist is left out, too."""
    names = StateNames(current)
    mirroring = Mirroring(
        workspace=current.workspace,
        kind="department",
        length=abilities.lengths.get("department", 0),
        current=current.departments,
        entries=_read_units(sources),
        make=Department,
        links=links,
        called=lambda department: names.path(department.id),
    )
    for rules in sources:
        for key in rules.orphans:
            orphan, why = rules.index.units[key].dn, "its parent is not selected"
            mirroring.refuse(rules.source.name, orphan, "parent_not_selected", why)
    return mirroring.mirror(list(_selected_units(sources)))


def _selected_units(sources: Iterable[SourceRules]) -> Iterator[SelectedEntry]:
    """The OUs that rules select, parents first."""
    for rules in sources:
        for ou in rules.departments:
            entry = rules.index.units[ou.key]
            yield SelectedEntry(rules.source, ou.key, entry, ou.rule.title, ou.parent)


def _read_units(sources: Sequence[SourceRules]) -> ReadEntries:
    """The OUs of the directories that were asked for them."""
    read = {rules.source.name: rules.index.units for rules in sources if rules.asked.units}
    return ReadEntries.of(read, _declared(sources))


def _declared(sources: Sequence[SourceRules]) -> frozenset[str]:
    """The names of all sources of the files."""
    return sources[0].declared if sources else frozenset()
