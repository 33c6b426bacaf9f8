"""The rules beyond one source: links, roles, groups, departments, and the life of a user."""

from typing import Literal, TypeAlias

import msgspec

from reconcile.model.desired.promises import Template

Departing: TypeAlias = Literal["keep", "deactivate", "block", "erase", "delete"]
"""What is done to the user of a person who left, from the mildest to the hardest."""


class Link(msgspec.Struct, frozen=True):
    """Ties a user, group or department to an entry of a source, by hand.

    `name` of a department is its path.

    `entry` is its DN or id, or a person's login. `place` is where the file says so
    (`file:line:column`).
    """

    kind: Literal["user", "group", "department"]
    name: str
    source: str
    entry: str
    place: str


class RoleMapping(msgspec.Struct, frozen=True):
    """Directory groups that give a role; `source` "" is any. `default`: if no other applies."""

    role: str
    source: str = ""
    groups: tuple[str, ...] = ()
    default: bool = False

    def is_about(self, source: str) -> bool:
        """Whether the mapping is about the groups of a source."""
        return self.source in ("", source)


class Roles(msgspec.Struct, frozen=True):
    """How mappings become grants."""

    mode: Literal["single", "multiple"] = "single"
    on_unmapped: Literal["default", "keep", "remove"] = "default"
    authoritative: bool = False
    on_existing: Literal["enforce", "keep"] = "enforce"
    """`keep`: roles are given to new users only."""


class GroupRule(msgspec.Struct, frozen=True):
    """Groups to mirror."""

    source: str
    select: tuple[str, ...]
    name: Template
    nested: Literal["flatten", "ignore", "keep"] = "flatten"
    members: Literal["owned", "authoritative", "additive"] = "owned"

    def keeps_unlisted(self, *, by_hand: bool) -> bool:
        """Whether a member stays that the directory does not list; `by_hand`: a person added it."""
        if self.members == "owned":
            return by_hand
        return self.members == "additive"


class DepartmentRule(msgspec.Struct, frozen=True):
    """OUs to mirror, with `children` below and `parents` above; `role` goes to their people."""

    source: str
    select: tuple[str, ...]
    title: Template
    children: bool = False
    parents: bool = False
    role: str = ""


class Departure(msgspec.Struct, frozen=True):
    """What happens to the user of a person who left or is disabled.

    `action` now, and `then` `after` seconds later. The time counts from the first run that saw it.
    """

    action: Departing
    after: float = 0.0
    then: Departing | None = None


class Lifecycle(msgspec.Struct, frozen=True):
    """What happens to users whose persons leave or come back, and to existing accounts."""

    on_missing: Departure = Departure("block")
    on_out_of_scope: Departure = Departure("deactivate")
    on_disabled: Departure = Departure("deactivate")
    """`action` is `deactivate` or `block`."""
    on_return: Literal["restore", "keep"] = "restore"
    on_source_removed: Literal["keep", "deactivate", "block"] = "block"
    on_deleted: Literal["recreate", "ignore"] = "recreate"
    """What happens to a user that was deleted on the platform while its person is still
    selected."""
    adopt_local: Literal["never", "matching_email", "always"] = "never"

    def departure(self, cause: Literal["missing", "out_of_scope", "disabled"]) -> Departure:
        """The rule for a user whose person is missing, out of scope or disabled."""
        rules = {
            "missing": self.on_missing,
            "out_of_scope": self.on_out_of_scope,
            "disabled": self.on_disabled,
        }
        return rules[cause]

    @property
    def ends_disabled(self) -> bool:
        """Whether users of disabled persons are erased or deleted in the end."""
        return self.on_disabled.then in ("erase", "delete")
