"""What a source may give: roles of rules, and groups of its own, to users and groups of its own.

Each function returns why a change is not allowed, "" if it is.
"""

from reconcile.model.change import Change, text
from reconcile.model.desired import DesiredState
from reconcile.planning.guards.ownership.owners import Owners, nested_in


class Giving:
    """The roles that rules give, and the sources that give."""

    def __init__(self, owners: Owners, desired: DesiredState) -> None:
        self._owners = owners
        self._sources = desired.source_names
        self._roles = desired.roles_given

    def why_not(self, change: Change) -> str:
        """Why a membership or grant is not given."""
        after = change.after
        if after is None:
            return ""
        origin = text(after, "origin")
        if origin not in self._sources:
            return f"it would be given by {named(origin)}, which is not declared"
        if self._owners.of("user", str(after["user"])) != origin:
            return f"{origin} would give it to a user that is not its own"
        if change.kind == "grant":
            return "" if after["role"] in self._roles else "no rule gives this role"
        if self._owners.of("group", str(after["group"])) != origin:
            return f"{origin} would put a user into a group that is not its own"
        return ""

    def why_not_nested(self, change: Change, owner: str) -> str:
        """A source nests only its own groups; taking a group out is judged by the limits."""
        origins = {origin for origin in nested_in(change.after).values() if origin is not None}
        allowed = {owner} & self._sources
        if origins <= allowed:
            return ""
        culprit = min(origins - {owner} or origins)
        return f"{named(culprit)} would put it into another group"

    def why_not_new(self, source: str) -> str:
        """What is new, or changes hands, belongs to a declared source."""
        if source in self._sources:
            return ""
        if not source:
            return "it would be of no source"
        return f"it would be of {named(source)}, which is not declared"


def named(source: str) -> str:
    """A source in a message."""
    return f"the source {source}" if source else "no source"
