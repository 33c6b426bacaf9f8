"""Which OUs are departments, how they hang together, and where a person belongs."""

from collections.abc import Iterable

import msgspec

from reconcile.errors import UsageError
from reconcile.model import dn
from reconcile.model.desired import DepartmentRule, Source
from reconcile.planning.index import Index, ancestors
from reconcile.planning.patterns import Selection


class Selected(msgspec.Struct, frozen=True):
    """One OU that is to be a department; `parent` is the normalized DN of the department above or ""."""

    key: str
    parent: str
    rule: DepartmentRule


def select(
    rules: Iterable[tuple[str, DepartmentRule]], source: Source, index: Index
) -> tuple[list[Selected], list[str]]:
    """The OUs that the rules of a source select, parents first, and those left out because a parent is not selected.

    Each rule comes with its place in the file. An OU selected by its very DN whose parent is not selected is an
    error (UsageError, naming the parent); one that only a wildcard found is left out.
    """
    base = dn.normalize(dn.join(source.departments.base, source.base_dn))
    chosen: dict[str, DepartmentRule] = {}
    by_name: dict[str, str] = {}
    for place, rule in rules:
        selection = Selection(rule.select, source.base_dn)
        found = [key for key in index.units if selection.matches(key)]
        by_name |= {key: place for key in found if selection.exact(key) and key not in by_name}
        for key in [*found, *_relatives(rule, found, index, base)]:
            chosen.setdefault(key, rule)
    return _connect(chosen, by_name, index, base)


def _relatives(rule: DepartmentRule, found: list[str], index: Index, base: str) -> Iterable[str]:
    """The OUs that come along: everything below with `children`, everything above with `parents`."""
    if rule.children:
        roots = set(found)
        yield from (key for key in index.units if not roots.isdisjoint(ancestors(key)))
    if rule.parents:
        yield from (above for key in found for above in ancestors(key) if above in index.units and above != base)


def _connect(
    chosen: dict[str, DepartmentRule], by_name: dict[str, str], index: Index, base: str
) -> tuple[list[Selected], list[str]]:
    selected: dict[str, Selected] = {}
    orphans: list[str] = []
    for key in sorted(chosen, key=lambda key: (key.count(","), key)):
        above = next((name for name in ancestors(key) if name in index.units and name != base), "")
        if base in chosen and not above and key != base:
            above = base
        if above and above not in selected:
            if key in by_name:
                child, parent = index.units[key].dn, index.units[above].dn
                raise UsageError(
                    f"{by_name[key]}: {child!r} is selected but its parent {parent!r} is not:"
                    " select the parent too, or set parents: true"
                )
            orphans.append(key)
            continue
        selected[key] = Selected(key, above, chosen[key])
    return list(selected.values()), orphans
