"""One person and the rules of its source: what every part of an explanation looks at."""

from reconcile.model.desired import DesiredState
from reconcile.model.views.explanation import RuleResult
from reconcile.planning.explain.background import Background
from reconcile.planning.explain.membership_paths import MembershipPaths
from reconcile.planning.selection.source_rules import SourceRules


class PersonRules:
    """The rules about one person of a source, and where they come from."""

    def __init__(
        self, desired: DesiredState, rules: SourceRules, position: int, background: Background
    ) -> None:
        """`position` is the person's in the snapshot."""
        self.desired = desired
        self.rules = rules
        self.source = rules.source
        self.users = rules.source.users
        self.index = rules.index
        self.position = position
        self.person = rules.index.person(position)
        self.background = background
        self.paths = MembershipPaths(rules.index, position)
        """The ways of the person into groups."""
        self.source_path = rules.matches.path
        self.users_path = rules.matches.users

    def result(self, rule: str, passes: bool, why: str, path: tuple[str, ...] = ()) -> RuleResult:
        """What a rule on users says; `rule` is its path below `users` of the source."""
        place = f"{self.users_path}.{rule}"
        return RuleResult(place, passes, why, self.origin(place), path)

    def origin(self, place: str) -> str:
        """Where a setting comes from; "" where that is not known."""
        return self.background.origin(place)
