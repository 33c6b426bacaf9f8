"""What lives on the platform.

Wanted and current state are the same types, so a diff is one function.

Objects refer to each other by `id`, the platform's own identifier as text. An object that is only
wanted has an id that the planner made up; it means nothing outside that wanted state. People never
see ids: changes speak in names (`reconcile.model.change`).

`origin` says who created something: the name of a source, or "" for a person working on the
platform.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias, get_args

import msgspec

Status: TypeAlias = Literal[
    "active", "inactive", "vacation", "blocked", "blocked_in_directory", "erased"
]
ALL_STATUSES: Final[frozenset[Status]] = frozenset(get_args(Status))
Cause: TypeAlias = Literal["", "missing", "out_of_scope", "disabled", "source_removed"]
"""Why a sync took a user out of service; "" if none did."""

Departed: TypeAlias = Literal["", "missing", "out_of_scope"]
"""How a source lost a user's person; "" for a person who has not left."""

Waiting: TypeAlias = Literal["", "missing", "out_of_scope", "disabled"]
"""What a grace period is about: how the person left, or that it is disabled."""

BY_HAND: Final = ""
"""The origin of what a person did on the platform."""

NOW: Final = "now"
"""In a change, the time of the run that applies it, so that a plan is the same whenever it is
made."""


class Source(msgspec.Struct, frozen=True, gc=False):
    """A directory that the platform knows, by its name."""

    name: str
    type: str
    base_dn: str = ""
    domain: str = ""
    note: str = ""

    @property
    def id(self) -> str:
        """Its name."""
        return self.name


class Department(msgspec.Struct, frozen=True, gc=False):
    """A department; `parent` is the id of the one above or "".

    A mirrored one has a source, external id and DN.
    """

    id: str
    title: str
    parent: str = ""
    source: str = ""
    external_id: str = ""
    dn: str = ""


class Group(msgspec.Struct, frozen=True, gc=False):
    """A group; a mirrored one has a source, external id and DN.

    `groups`: the ids of the groups it is nested in → who nested it there. A member of this group is
    also a member of those.
    """

    id: str
    name: str
    source: str = ""
    external_id: str = ""
    dn: str = ""
    groups: dict[str, str] = {}


class User(msgspec.Struct, frozen=True, gc=False):
    """A user; `source` "" is a local account. `department` and `manager` are ids or "".

    `status_before` is the vacation that a departure interrupted and a return restores; "" for none.
    `departed_at` (RFC 3339, UTC) is the start of a grace period: when a run first missed the person
    or, if `departed` is "", when a run first saw that the person is disabled.
    """

    id: str
    username: str
    first_name: str = ""
    last_name: str = ""
    email: str = ""
    status: Status = "active"
    status_origin: str = BY_HAND
    status_cause: Cause = ""
    status_before: Literal["", "vacation"] = ""
    departed: Departed = ""
    departed_at: str = ""
    source: str = ""
    external_id: str = ""
    dn: str = ""
    department: str = ""
    manager: str = ""
    attributes: dict[str, str] = {}

    @property
    def waiting(self) -> Waiting:
        """Why the user's grace period began; "" if it has none."""
        return self.departed or ("disabled" if self.departed_at else "")


class Membership(msgspec.Struct, frozen=True, gc=False, order=True):
    """User in group, by id."""

    user: str
    group: str
    origin: str = BY_HAND


class Grant(msgspec.Struct, frozen=True, gc=False, order=True):
    """Role to user; the user by id, the role by name."""

    user: str
    role: str
    origin: str = BY_HAND


class Reading(msgspec.Struct, frozen=True, gc=False, order=True, forbid_unknown_fields=True):
    """How much a source had when it was last read.

    None means not requested, or not known. `members` are those of all groups together, as their
    entries list them.
    """

    source: str
    persons: int | None = None
    groups: int | None = None
    units: int | None = None
    members: int | None = None


class PlatformState(msgspec.Struct, frozen=True):
    """One workspace of a platform, complete. The order of lists is not defined."""

    workspace: str
    sources: tuple[Source, ...] = ()
    departments: tuple[Department, ...] = ()
    groups: tuple[Group, ...] = ()
    users: tuple[User, ...] = ()
    roles: frozenset[str] = frozenset()
    memberships: tuple[Membership, ...] = ()
    grants: tuple[Grant, ...] = ()
    deleted: frozenset[tuple[str, str]] = frozenset()
    """Source and external id of persons whose user was deleted by a person on the platform."""
    readings: tuple[Reading, ...] = ()
    """The last good read of each source, with which later ones are compared."""
    keeps_ids: bool = False
    """The platform itself keeps external ids, so the external id of a user without a source is
    proof."""
    ledger_lost: bool = False
    """The platform has users, but the ledger remembers nothing about the workspace."""
    taken: frozenset[str] = frozenset()
    """Names of what the platform has and does not list, which is never touched."""
    unsettled: bool = False
    """The platform has rows to put where its settings want them, which no change shows."""
    in_use: dict[str, str] = {}
    """Id of a group, department or user that is not deleted → what uses it, in words."""

    def living(self) -> Iterator[User]:
        """The users who are not erased."""
        return (user for user in self.users if user.status != "erased")


ObjectKind: TypeAlias = Literal["department", "group", "user"]
LinkKind: TypeAlias = Literal["membership", "grant", "nesting"]
"""User in group, role to user, group in group."""
Row: TypeAlias = dict[str, Any]
"""The fields of one object, by name: text, and for `attributes` a mapping of text to text.

In a call to `update`, a value of `attributes` may be None: it is removed.
"""
Pair: TypeAlias = tuple[str, str]
"""A link: the id of the member (a user; for `nesting` a group), and what it leads to.

This is the id of a group, or the name of a role.
"""


class Contents(NamedTuple):
    """All of a workspace, as the application has it."""

    rows: Mapping[ObjectKind, Mapping[str, Row]]
    """Kind → id → fields; a field that the application does not keep is left out."""
    links: Mapping[LinkKind, Collection[Pair]]
    roles: Collection[str] = ()
    """The roles that exist, whether anyone has them or not."""
    taken: Collection[str] = ()
    """Names of what exists and is not listed, because it is never touched: no object gets one."""
    proved: bool = True
    """The application said how much there is, and this is as much."""
    unsettled: bool = False
    """The platform's `settle` has something to do."""
    in_use: Mapping[ObjectKind, Mapping[str, str]] = {}
    """Kind → id of what must not be deleted → what uses it, as in "the task 'Approve'"."""


class Abilities(msgspec.Struct, frozen=True):
    """What a platform can do and store.

    Everything else is refused or skipped when a plan is made.
    """

    lengths: dict[str, int] = {}
    """Longest value of `username`, `first_name`, `last_name`, `email`, `group`, `department`, and
    `attribute` (each value), or of one of them, as in `attribute phone`; 0 is without limit. `dn`
    is for a platform that keeps DNs itself."""
    lengths_in: Literal["characters", "bytes"] = "characters"
    """What lengths count; bytes are those of UTF-8."""
    charset: Literal["any", "basic", "latin-1", "ascii"] = "any"
    """Which characters values may hold; `basic` is Unicode's basic plane, as in MySQL's utf8."""
    reserved_usernames: frozenset[str] = frozenset()
    """Names, folded, that no user gets."""
    protected: dict[ObjectKind, tuple[str, ...]] = {}
    """Names that no user, group or department gets, with `*` for any text, in any case. The adapter
    leaves objects with such names out of what it reads, so they are never touched either."""
    lacks: frozenset[Literal["department", "group", "grant"]] = frozenset()
    """The kinds it does not have; without `grant` it has no roles."""
    fields: dict[ObjectKind, frozenset[str]] = {}
    """The fields it keeps, by kind; a kind that is left out keeps all of them. Where in which
    directory an object comes from (`source`, `external_id`, `dn`) is kept by the ledger anyway."""
    attributes: frozenset[str] | None = None
    """The attributes that it keeps of a user; None where it keeps any."""
    times: frozenset[str] = frozenset()
    """Attributes that hold a point in time, as `model.text.instants` reads it."""
    attribute_names: str = ""
    """A regular expression for all of an attribute's name; "" for any name."""
    fixed: dict[ObjectKind, frozenset[str]] = {}
    """Fields that cannot change once the object exists."""
    statuses: frozenset[Status] = ALL_STATUSES
    """A missing status that takes a user out of service is replaced by another one."""
    deletes: frozenset[ObjectKind] = frozenset({"department", "group", "user"})
    """The kinds whose objects it can delete."""
    any_role: bool = False
    """A role need not exist before it is granted."""
    several_roles: bool = True
    """A user can have more than one role."""
    implied_role: str = ""
    """The role of every user who has no other. It is neither granted nor taken away, and what is
    read never shows it; a rule that gives it gives nothing else."""
    blocking_stops: str = ""
    """What stops when a user is taken out of service, as in "their machines"; "" for nothing."""
    needs: frozenset[Literal["role", "group", "department"]] = frozenset()
    """What every user must have at least one of."""
    nested_groups: bool = False
    """A group can be in other groups."""
    circles: bool = True
    """Groups can be in each other in a circle."""
    one_namespace: bool = False
    """A user and a group cannot have the same name."""
    names_ignore: Literal["case", "accents"] = "case"
    """What makes no difference between two names of users or of groups; `accents` is case and
    accents, as for most collations of MySQL and MariaDB."""
    one_workspace: bool = False
    """It has no workspaces: all it has is one, whatever that is called."""
    recognises_names: bool = True
    """Whether the name of an account may say whose it is, for `adopt_local` and `match_by`."""
    own_username: str = ""
    """The account that reconcile itself uses on the platform; "" if it needs none."""
    links_per_call: int = 1
    """How many links one call may carry."""
    grants_per_call: int = 0
    """The same for roles of users; 0 where it makes no difference."""
    concurrency: int = 1
    """How many calls may be made at once; for one group there is never more than one."""
