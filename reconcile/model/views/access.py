"""Who has which role and is in which group, and who gave it: what a review of access is made of."""

from typing import Literal, TypeAlias

import msgspec

from reconcile.model.platform import BY_HAND, Status

AccessKind: TypeAlias = Literal["role", "group"]
Concern: TypeAlias = Literal["out_of_service", "by_hand", "no_rule"]
"""What a reviewer should look at: the user may not log in and holds it still; a person gave it on
the platform; a source gave it, and no rule does so any more."""

IN_SERVICE: frozenset[Status] = frozenset({"active", "vacation"})


class Holding(msgspec.Struct, frozen=True, gc=False):
    """A user who has a role or is in a group."""

    workspace: str
    kind: AccessKind
    name: str
    """Of the role or the group."""
    username: str
    full_name: str
    email: str
    status: Status
    user_source: str
    """The source of the user; "" for a local account."""
    origin: str
    """The source that gave it; BY_HAND for a person on the platform."""
    rules: tuple[str, ...] = ()
    """The place (`file:line`) of the rule that gave it; of all that could, if that is not known."""
    other_rules: tuple[str, ...] = ()
    """The places of further rules that could give it."""
    reason: str = ""
    """Why, as the run recorded it; "" if no run did."""
    run: str = ""
    """The run that gave it; "" if no run did, or its record was removed."""
    since: str = ""
    """When that run started, RFC 3339, UTC."""

    @property
    def in_service(self) -> bool:
        """Whether the user may log in; a vacation ends by itself."""
        return self.status in IN_SERVICE

    @property
    def by_hand(self) -> bool:
        """Whether a person gave it on the platform."""
        return self.origin == BY_HAND

    @property
    def concerns(self) -> tuple[Concern, ...]:
        """What a reviewer should look at."""
        concerns: tuple[tuple[Concern, bool], ...] = (
            ("out_of_service", not self.in_service),
            ("by_hand", self.by_hand),
            ("no_rule", not self.by_hand and not self.rules),
        )
        return tuple(concern for concern, applies in concerns if applies)


class Access(msgspec.Struct, frozen=True):
    """A role or a group, and everyone who has it or is in it."""

    workspace: str
    kind: AccessKind
    name: str
    source: str = ""
    """The source of a mirrored group."""
    rules: tuple[str, ...] = ()
    """The places of all rules that give the role, or select the group."""
    nested: tuple[str, ...] = ()
    """The groups within the group, on all levels: their members are members of it, too."""
    holdings: tuple[Holding, ...] = ()


class AccessChange(msgspec.Struct, frozen=True, gc=False):
    """Something that a run changed.

    A role, a membership, a group within a group, or whether a user is in service.
    """

    workspace: str
    when: str
    """When the run started, RFC 3339, UTC."""
    run: str
    by: str
    """Who ran it, and where."""
    kind: Literal["role", "group", "user"]
    name: str
    """Of the role or the group; "" of a user."""
    username: str
    """ "" where a group was nested in another."""
    what: str
    """In words, as in `given`, `taken away`, `active → blocked`."""
    reason: str


class AccessReview(msgspec.Struct, frozen=True):
    """All of it. `made` and `since` are RFC 3339, UTC."""

    made: str
    since: str
    workspaces: tuple[str, ...]
    platform: str
    files: tuple[str, ...]
    configuration: str
    """The digest of the desired state."""
    access: tuple[Access, ...]
    """The roles, then the groups, of each workspace; each by name."""
    changes: tuple[AccessChange, ...]
    """Oldest first."""
    removed: int = 0
    """How many changes since then have no text any more, because the person was erased."""
