"""Which limit holds for the memberships of which group: `safety.groups`, otherwise the default."""

from collections.abc import Callable, Collection

from reconcile.model.desired import GroupSafety, Limit
from reconcile.model.platform import Group, PlatformState
from reconcile.model.text import dn
from reconcile.planning.selection.patterns import Selection


class GroupLimits:
    """The limits of the groups of one workspace, by name."""

    def __init__(
        self, rules: Collection[GroupSafety], default: Limit | None, state: PlatformState
    ) -> None:
        """Patterns that are relative DNs are relative to the base DN of the group's source."""
        self._default = default
        self._groups = {group.name: group for group in state.groups}
        self._rules: dict[str, list[tuple[Selection, GroupSafety]]] = {}
        if rules:
            self._resolve(rules, state)

    def _resolve(self, rules: Collection[GroupSafety], state: PlatformState) -> None:
        """Finds, for each source, the entries that the patterns of each rule mean."""
        bases = {source.name: source.base_dn for source in state.sources}
        entries: dict[str, list[tuple[str, str, str]]] = {}
        for group in state.groups:
            entry = _key(group), group.name, group.dn or group.name
            entries.setdefault(group.source, []).append(entry)
        for source, own in entries.items():
            self._rules[source] = [
                (_selection(rule, at, source, bases.get(source, ""), own), rule)
                for at, rule in enumerate(rules)
            ]

    def mirrored(self, name: str) -> bool:
        """Whether the group of that name comes from a source."""
        return bool(self.source(name))

    def source(self, name: str) -> str:
        """The source of the group of that name; "" for one by hand or unknown."""
        return self._groups[name].source if name in self._groups else ""

    def free(self, name: str) -> bool:
        """Whether what the group loses is counted nowhere."""
        rule = self._rule(name)
        return rule is not None and rule.memberships_lost is None

    def may_empty(self, name: str) -> bool:
        """Whether the group may lose all of its members."""
        rule = self._rule(name)
        return rule is not None and rule.may_empty

    def of(self, name: str) -> Limit | None:
        """The limit of a group."""
        rule = self._rule(name)
        return self._default if rule is None else rule.memberships_lost

    def _rule(self, name: str) -> GroupSafety | None:
        """The first rule that selects the group."""
        group = self._groups.get(name)
        if group is None or not self._rules:
            return None
        key = _key(group)
        for selection, rule in self._rules[group.source]:
            if selection.matches(key, name):
                return rule
        return None


def _selection(
    rule: GroupSafety, at: int, source: str, base_dn: str, entries: list[tuple[str, str, str]]
) -> Selection:
    """The patterns of a rule, as entries of a source have their names."""
    return Selection(rule.select, base_dn).resolve(_path(at), source, entries.__iter__)


def _path(at: int) -> Callable[[int], str]:
    return lambda pattern: f"safety.groups[{at}].select[{pattern}]"


def _key(group: Group) -> str:
    return dn.key(group.dn) if group.dn else ""
