"""Which rules give a role or select a group, as far as that shows without reading a directory.

Role mappings cannot be matched with a person's groups here, so the reason that the run recorded
decides which of several gave the role.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from typing import NamedTuple

from reconcile.errors import RulesRefused
from reconcile.model.desired import DesiredState, GroupRule, RoleMapping
from reconcile.model.platform import Group
from reconcile.model.text import dn
from reconcile.planning.selection.mapped_roles import DEFAULT_ROLE, in_department, member_of
from reconcile.planning.selection.patterns import Selection

_IN_DEPARTMENT = in_department("")


class Rules(NamedTuple):
    """The places of the rules that gave something, and of others that could give it."""

    gave: tuple[str, ...] = ()
    others: tuple[str, ...] = ()


class _RoleRule(NamedTuple):
    """A rule that gives a role to persons of some sources."""

    place: str
    source: str
    """ "" for every source."""
    recorded: Callable[[str], bool]
    """Whether the reason of a change names this rule."""


class AccessRules:
    """The rules of the desired state by what they give."""

    def __init__(self, desired: DesiredState, place: Callable[[str], str]) -> None:
        """`place`: path in the desired state → file and line."""
        self._desired = desired
        self._place = place
        self._of_roles: dict[tuple[str, str, str], Rules] = {}
        self._of_groups: dict[str, Rules] = {}

    def role(self, role: str) -> tuple[str, ...]:
        """The places of all rules that give a role."""
        return _places(self._by_role.get(role, ()))

    def grant(self, role: str, source: str, reason: str) -> Rules:
        """The rules by which a source gave a role. `reason` is the recorded one, "" for none."""
        asked = (role, source, reason)
        if asked not in self._of_roles:
            self._of_roles[asked] = self._grant(*asked)
        return self._of_roles[asked]

    def _grant(self, role: str, source: str, reason: str) -> Rules:
        rules = self._by_role.get(role, ())
        could = [rule for rule in rules if rule.source in ("", source)]
        if source not in self._desired.source_names:
            could = []  # it is not read any more, so it gives nothing
        gave = [rule for rule in could if rule.recorded(reason)] or could
        return Rules(_places(gave), _places(rule for rule in could if rule not in gave))

    def group(self, group: Group) -> Rules:
        """The first rule that selects a mirrored group, by its DN, and further ones."""
        if group.id not in self._of_groups:
            places = self._selecting(group) if group.source and group.dn else ()
            self._of_groups[group.id] = Rules(tuple(places[:1]), tuple(places[1:]))
        return self._of_groups[group.id]

    def _selecting(self, group: Group) -> Sequence[str]:
        key = dn.normalize(group.dn)
        return [
            self._place(path)
            for path, rule, selection in self._selections.get(group.source, ())
            if selection.matches(key) or _names(rule, selection, group, key)
        ]

    @cached_property
    def _selections(self) -> dict[str, list[tuple[str, GroupRule, Selection]]]:
        """Source → its rules on groups, each with its path and its patterns."""
        return {
            source.name: [
                (path, rule, Selection(rule.select, source.base_dn))
                for path, rule in self._desired.groups_of(source.name)
            ]
            for source in self._desired.sources
        }

    @cached_property
    def _by_role(self) -> dict[str, list[_RoleRule]]:
        """Role → the rules that give it, in the order in which they count."""
        rules: dict[str, list[_RoleRule]] = {}
        for at, department in enumerate(self._desired.departments):
            if department.role:
                rule = _RoleRule(
                    self._place(f"departments[{at}]"),
                    department.source,
                    lambda reason: reason.startswith(_IN_DEPARTMENT),
                )
                rules.setdefault(department.role, []).append(rule)
        for at, mapping in enumerate(self._desired.role_mappings):
            place = self._place(f"role_mappings[{at}]")
            rule = _RoleRule(place, mapping.source, _recorded(mapping))
            rules.setdefault(mapping.role, []).append(rule)
        return rules


def _recorded(mapping: RoleMapping) -> Callable[[str], bool]:
    """Whether a reason names this mapping."""
    reasons = {member_of(mapping.groups)} if mapping.groups else set()
    if mapping.default:
        reasons.add(DEFAULT_ROLE)
    return reasons.__contains__


def _names(rule: GroupRule, selection: Selection, group: Group, key: str) -> bool:
    """Whether a pattern names the group by the wider folding of its server."""
    try:
        wide = selection.resolve(
            lambda at: rule.select[at], rule.source, lambda: [(key, None, group.dn)]
        )
    except RulesRefused:
        return False
    return wide.matches(key)


def _places(rules: Iterable[_RoleRule]) -> tuple[str, ...]:
    """The places of rules, each once."""
    return tuple(dict.fromkeys(rule.place for rule in rules))
