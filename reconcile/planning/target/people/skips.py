"""Skips of the persons of one source."""

from reconcile.model.change import Skip
from reconcile.planning.selection.source_rules import SourceRules
from reconcile.planning.target.profiles import Refused


class PersonSkips:
    """Collects the skips of one source in one workspace."""

    def __init__(self, workspace: str, rules: SourceRules) -> None:
        self.skips: list[Skip] = []
        self._workspace = workspace
        self._rules = rules

    def add(self, position: int, username: str, refused: Refused, *, exists: bool) -> None:
        """Notes why a person cannot be synchronised; `exists`: it has a user that is held back."""
        self.skips.append(
            Skip(
                workspace=self._workspace,
                source=self._rules.source.name,
                dn=self._rules.index.person(position).dn,
                username=username,
                code=refused.code,
                detail=refused.detail,
                exists=exists,
            )
        )
