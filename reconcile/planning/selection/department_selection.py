"""Which OUs are departments, and how they form a tree.

The tree begins below the base of the departments and the base of the users. An OU such as
`ou=people`, which holds all persons of a directory, is a department only if a rule selects it. It
never counts as a missing parent.
"""

from collections.abc import Iterable

import msgspec

from reconcile.errors import RulesRefused
from reconcile.model.desired import DepartmentRule, Source
from reconcile.model.text import dn
from reconcile.planning.selection.patterns import Selection
from reconcile.planning.selection.snapshot_index import Index, ancestors


class SelectedDepartment(msgspec.Struct, frozen=True):
    """One OU that becomes a department.

    `parent` is the normalized DN of the department above it, or "".
    """

    key: str
    parent: str
    rule: DepartmentRule


def select(
    rules: Iterable[tuple[str, DepartmentRule]], source: Source, index: Index
) -> tuple[list[SelectedDepartment], list[str]]:
    """The selected OUs, parents first, and the OUs left out because a parent is not selected.

    Each rule comes with its path in the desired state. An OU that only a wildcard matches is left
    out if its parent is not selected. Raises RulesRefused if such an OU is selected by its exact
    DN, and for a pattern that can mean several OUs.
    """
    bases = (source.departments.base, source.users.base)
    roots = [dn.normalize(dn.join(base, source.base_dn)) for base in bases]
    roots = [index.unit(root) or root for root in roots]
    containers = {key for root in roots for key in (root, *ancestors(root))}
    chosen: dict[str, DepartmentRule] = {}
    by_name: dict[str, tuple[str, Selection]] = {}
    for place, rule in rules:
        selected = selection(place, rule, source, index)
        matching = [key for key in index.units if selected.matches(key)]
        for key in filter(selected.exact, matching):
            by_name.setdefault(key, (place, selected))
        # The first rule that selects an OU decides.
        for key in [*matching, *_relatives(rule, matching, index, containers)]:
            chosen.setdefault(key, rule)
    return _connect(chosen, by_name, index, containers)


def selection(place: str, rule: DepartmentRule, source: Source, index: Index) -> Selection:
    """The patterns of the rule at a path of the desired state.

    Raises UsageError for a pattern that can mean several OUs.
    """
    units = [(key, None, unit.dn) for key, unit in index.units.items()]
    patterns = Selection(rule.select, source.base_dn, index.snapshot.folding)
    return patterns.resolve(lambda at: f"{place}.select[{at}]", source.name, units.__iter__)


def _relatives(
    rule: DepartmentRule, chosen_keys: list[str], index: Index, containers: set[str]
) -> Iterable[str]:
    """The OUs that `children` adds below the selected ones, and `parents` above them."""
    if rule.children:
        roots = set(chosen_keys)
        yield from (key for key in index.units if not roots.isdisjoint(index.above(key)))
    if rule.parents:
        for key in chosen_keys:
            yield from (above for above in index.units_above(key) if above not in containers)


def _connect(
    chosen: dict[str, DepartmentRule],
    by_name: dict[str, tuple[str, Selection]],
    index: Index,
    containers: set[str],
) -> tuple[list[SelectedDepartment], list[str]]:
    """Gives each chosen OU its parent, and leaves out those that miss it."""
    selected: dict[str, SelectedDepartment] = {}
    orphans: list[str] = []
    for key in sorted(chosen, key=lambda key: (key.count(","), key)):
        ous = index.units_above(key)
        above = next((name for name in ous if name in chosen or name not in containers), "")
        if above and above not in selected:
            if key in by_name:
                raise _without_parent(*by_name[key], key, above, index)
            orphans.append(key)
            continue
        selected[key] = SelectedDepartment(key, above, chosen[key])
    return list(selected.values()), orphans


def _without_parent(
    place: str, selection: Selection, key: str, above: str, index: Index
) -> RulesRefused:
    """The error for an OU that is selected by its exact DN, without its parent."""
    child, parent = index.units[key].dn, index.units[above].dn
    message = (
        f"{child!r} is selected but its parent {parent!r} is not:"
        " select the parent too, or set parents: true"
    )
    return RulesRefused([(f"{place}.select[{selection.exact_pattern(key)}]", message)])
