"""Why a person is in or out, in a group or not, with which role: what `reconcile explain` shows.

For every rule it says whether the person passes and why; a rule that is not set is left out. `rule`
names a place in the desired state (`sources[0].users.exclude[1]`, `groups[0]`), `origin` where that
comes from (`file:line`, `preset NAME`, `type NAME`, `built-in`; "" if that is not known). A
`path` holds DNs of groups, each a member of the one before it, the person a member of the last.
"""

from typing import Literal, TypeAlias

import msgspec

from reconcile.model.change import Change, Skip, Violation
from reconcile.model.notice import Notice
from reconcile.model.platform import Waiting

Code: TypeAlias = Literal[
    "follows",
    "new",
    "adopts",
    "skipped",
    "out",
    "ignored",
    "out_of_scope",
    "disabled",
    "missing",
    "source_removed",
    "not_read",
    "local",
    "erased",
]
"""The state of a person in a workspace.

`follows`: a user whom the directory keeps up to date. `new`, `adopts`: the next apply creates the
user, or takes over the local account. `skipped`: should be a user but cannot be; an existing user
gains nothing. `out`: no user, and none is wanted. `ignored`: deleted by a person on the platform,
and not to be created again. `out_of_scope`, `missing`, `source_removed`: a user whose person left,
in one of three ways. `disabled`: a user that is erased or deleted because its person has been
disabled for too long. `not_read`: of a source that was not read. `local`: an account of the
platform's own. `erased`: of an erased person.
"""


class PersonSearch(msgspec.Struct, frozen=True):
    """How persons of a source are searched; `filter` is "" if a plug-in does not reveal it."""

    base: str
    scope: str
    filter: str


class Stray(msgspec.Struct, frozen=True):
    """An entry below a source's base DN that its rules on persons do not find, and why.

    `id` is "" if not known.
    """

    dn: str
    external_id: str
    matched: tuple[str, ...]
    rule: str
    why: str
    origin: str = ""


class Searched(msgspec.Struct, frozen=True):
    """One source that was read: how, how many persons it has, and which of them match (DNs).

    `notices` are those of a plan that concern the source.
    """

    source: str
    by: PersonSearch
    persons: int
    found: tuple[str, ...]
    strays: tuple[Stray, ...] = ()
    notices: tuple[Notice, ...] = ()


class RuleResult(msgspec.Struct, frozen=True):
    """Whether a rule lets the person pass."""

    rule: str
    passes: bool
    why: str
    origin: str = ""
    path: tuple[str, ...] = ()


class GroupResult(msgspec.Struct, frozen=True):
    """A group of the directory.

    Every selected group is listed, and other groups that the person is in.

    `known` is false if the members cannot be determined: then no member is added or removed.
    """

    dn: str
    selected: bool
    member: bool
    why: str
    rule: str = ""
    origin: str = ""
    path: tuple[str, ...] = ()
    known: bool = True


class DepartmentResult(msgspec.Struct, frozen=True):
    """The nearest selected OU above the person; `path`: the DNs of the selected, topmost first."""

    dn: str
    why: str
    rule: str = ""
    origin: str = ""
    path: tuple[str, ...] = ()


class RoleResult(msgspec.Struct, frozen=True):
    """One role mapping, or a department's role; they come in the order of precedence."""

    rule: str
    role: str
    matches: bool
    why: str
    origin: str = ""
    path: tuple[str, ...] = ()


class FieldResult(msgspec.Struct, frozen=True):
    """The result of a template: a value, or null and why.

    With `roles` it is only for users with one of them.
    """

    field: str
    template: str
    value: str | None
    why: str = ""
    origin: str = ""
    roles: tuple[str, ...] = ()


class ManagerResult(msgspec.Struct, frozen=True):
    """The manager in the directory; `found`: a person that the rules find."""

    dn: str
    found: bool
    why: str


class NameWithOrigin(msgspec.Struct, frozen=True):
    """A role or a group on the platform; `origin` is the source that gave it, "" a person."""

    name: str
    origin: str


class PlatformUser(msgspec.Struct, frozen=True):
    """The user as the platform has it now.

    `status_why` says who set the status, and whether a sync may undo it.
    """

    username: str
    first_name: str
    last_name: str
    email: str
    status: str
    status_origin: str
    status_cause: str
    status_why: str
    source: str
    external_id: str
    dn: str
    department: str
    manager: str
    attributes: dict[str, str]
    roles: tuple[NameWithOrigin, ...]
    groups: tuple[NameWithOrigin, ...]


class GracePeriod(msgspec.Struct, frozen=True):
    """The grace period of a person who left or is disabled.

    `due` is when it ends (RFC 3339, UTC; "" until an apply has begun it).
    """

    cause: Waiting
    since: str
    due: str
    then: str


class EntryTie(msgspec.Struct, frozen=True):
    """The run that matched the user to this entry, when (RFC 3339, UTC), and how.

    By a link, by facts, or as a new user.
    """

    how: str
    run: str
    at: str


class WorkspaceResult(msgspec.Struct, frozen=True):
    """The state of a person in one workspace, and what the next apply does about it.

    `username` is the one the user has, otherwise the one the person would get. `roles` are those
    that the rules give, null if they decide nothing (no user, and none is wanted).
    """

    workspace: str
    code: Code
    why: str
    username: str
    roles: tuple[str, ...] | None
    roles_why: str
    manager: str | None
    skips: tuple[Skip, ...]
    grace: GracePeriod | None
    user: PlatformUser | None
    changes: tuple[Change, ...]
    tie: EntryTie | None = None
    """How the user was matched to its entry; None if the history does not say."""


class Explained(msgspec.Struct, frozen=True):
    """One person, or one user whose person was not read (`in_directory` false, no verdicts)."""

    source: str
    dn: str
    external_id: str
    identifier: str
    matched: tuple[str, ...]
    in_directory: bool
    rules: tuple[RuleResult, ...] = ()
    groups: tuple[GroupResult, ...] = ()
    department: DepartmentResult | None = None
    roles: tuple[RoleResult, ...] = ()
    fields: tuple[FieldResult, ...] = ()
    manager: ManagerResult | None = None
    workspaces: tuple[WorkspaceResult, ...] = ()


class Explanation(msgspec.Struct, frozen=True):
    """All persons that a name means.

    `violations` are those of a full plan: if there are some, the next apply does nothing. If no
    person matches, `dangling` are the groups that still list this name, and `similar` are similar
    logins.
    """

    asked: str
    sources: tuple[Searched, ...]
    people: tuple[Explained, ...]
    dangling: tuple[Skip, ...] = ()
    similar: tuple[str, ...] = ()
    violations: tuple[Violation, ...] = ()
