r"""One typed step, and the plan made of them.

A change speaks in names, never in ids, so that a person can read it and another machine can apply
it: `before` in the names of the current state, `after` in those of the wanted one. Both are flat
objects of text and null; a user's `attributes` and a group's `groups` are objects of text and null
themselves. An update holds only the fields that change, and of `attributes` and `groups` only the
names that change, null for one that does not exist. A create has no `before`, a delete no `after`.

    kind        key                     fields
    source      name                    name, type, base_dn, domain, note
    department  path, parents first     title, parent, source, external_id, dn
    group       name                    name, source, external_id, dn, groups
    user        username                username, first_name, last_name, email, status,
                                        status_origin, status_cause, status_before, departed,
                                        departed_at, source, external_id, dn, department,
                                        manager, attributes
    grant       username/role           user, role, origin
    membership  username/group          user, group, origin

`departed_at` may be `now`: the time of the run that applies the change.

The key of an existing object is its name in the current state. A department's path is its titles
joined by `/`, with a `/` or `\` within a title written `\/` or `\\`; `parent` and a user's
`department` are paths. `groups` holds the names of the groups that the group is nested in, each
with its origin ("" by hand); an update of it is about one of them and changes nothing else.
`reconcile.model.kinds` says what each field means.
"""

from collections.abc import Iterable
from typing import Final, Literal, Protocol, TypeAlias

import msgspec

from reconcile.errors import GuardRefused
from reconcile.model import kinds
from reconcile.model.desired.rules import Departing
from reconcile.model.notice import NOT_CLEAN, LeftOut, Notice
from reconcile.model.platform import Reading, Waiting
from reconcile.model.text.department_path import path, titles
from reconcile.model.text.printing import LONGEST_SENTENCE, quoted

Kind: TypeAlias = kinds.Kind
Action: TypeAlias = Literal[
    "create", "update", "delete", "adopt", "relink", "activate", "deactivate", "block", "erase"
]
"""`adopt`: a source takes over a local account. `relink`: a user, group or department stands for
another entry."""
Fields: TypeAlias = dict[str, str | dict[str, str | None] | None]

LOSSES: frozenset[str] = frozenset({"delete", "deactivate", "block", "erase"})
"""Actions that take something away; they come last in a plan."""
ENDS: frozenset[str] = frozenset({"delete", "erase"})
"""Actions after which a user has no memberships, no grants, and no longer its name."""

GuardName: TypeAlias = Literal[
    "users_lost",
    "memberships_lost",
    "grants_lost",
    "emptied",
    "updates",
    "creates",
    "shrink",
    "expected_person",
    "expected_group",
    "protected_user",
    "protected_role",
    "protected_group",
    "min_admins",
    "account_taken",
    "group_taken",
    "department_taken",
    "not_its_own",
    "own_account",
    "assertion",
]
"""The guards: what a violation is about. docs/plans.md explains each."""

SkipCode: TypeAlias = Literal[
    "missing_field",
    "duplicate_username",
    "duplicate_name",
    "reserved_username",
    "exists_locally",
    "namesake",
    "owned_by_other_source",
    "invalid_value",
    "invalid_attribute",
    "template_failed",
    "parent_not_selected",
    "dangling_member",
    "dynamic_group",
    "ambiguous_reference",
    "not_supported",
    "not_undone",
]


SkipKind: TypeAlias = Literal[
    "source", "department", "group", "user", "grant", "membership", "manager"
]
"""What a skip is about: an object of a kind, or an entry that is named as a member or a manager."""

OF_REFERENCES: Final = frozenset({"dangling_member", "ambiguous_reference"})
"""Codes of skips about a name in an entry, not about an entry to be synchronised."""
ASIDE: Final = OF_REFERENCES | {"invalid_attribute"}
"""Codes of skips that do not hold the person, group or department itself."""


NEEDS_NO_ACTION: Final = frozenset({"dangling_member"})
"""Codes of skips that may stay for ever: the rules leave out what they should."""


class Change(msgspec.Struct, frozen=True, gc=False, forbid_unknown_fields=True):
    """One step of a plan."""

    kind: Kind
    action: Action
    key: str
    before: Fields | None
    after: Fields | None
    reason: str
    source: str
    workspace: str

    @property
    def fields_before(self) -> Fields:
        """The fields before the change; empty for something new."""
        return self.before or {}

    @property
    def fields_after(self) -> Fields:
        """The fields after the change; empty for something deleted."""
        return self.after or {}


def text(fields: Fields, name: str) -> str:
    """A text field; "" if it is null or missing."""
    return str(fields.get(name) or "")


def mapping(fields: Fields, name: str) -> dict[str, str | None]:
    """A field that is an object of text; empty if it is missing."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}


class Skip(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """An entry, or a part of it, that cannot be synchronised.

    Its object gains nothing, and the entry never counts as departed. What the directory takes away
    is still taken away. `dn` and `username` are "" if there is none, as for groups.
    """

    workspace: str
    source: str
    dn: str
    username: str
    code: SkipCode
    detail: str
    exists: bool = False
    """Whether the person has a user of the source on the platform, which the skip holds."""
    kind: SkipKind = "user"
    subject: str = ""
    """The key of the object, if neither `dn` nor `username` identifies it."""

    @property
    def needs_action(self) -> bool:
        """Whether the directory or the rules have to change before it goes away."""
        return self.code not in NEEDS_NO_ACTION

    @property
    def sentence(self) -> str:
        """The detail, for a reader who does not see `kind` and `subject`."""
        if self.kind == "user" or self.code in OF_REFERENCES:
            return self.detail
        between = " " if self.kind in kinds.PAIRS else ": "
        what = between.join(filter(None, (self.kind, self.subject)))
        return f"{what}: {self.detail}"


class Violation(msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True):
    """What a guard found, as values. Nothing reads `code` or `detail`; people do."""

    workspace: str
    guard: GuardName
    source: str
    """"" if the guard checks the whole workspace."""
    subject: str
    """The group, role, user, field, part of a source or pattern concerned; "" for none."""
    number: int
    """How many are lost, changed or missing."""
    detail: str
    earlier: int = 0
    """How many earlier runs took away, if only the total is too high."""
    entire: bool = False
    """Nothing would be left."""
    becomes: Literal["", "renamed", "deleted"] = ""
    """What would happen to a protected group itself."""
    acceptable: bool = True
    """False if only other settings, or a different directory, can help."""

    @property
    def code(self) -> str:
        """What `--accept` takes: guard, place and number, as in `users_lost:main/corp:12:all`.

        It contains the number, so that accepting 12 losses does not accept 13; and whether that is
        all, so that accepting some does not accept all.
        """
        place = "/".join(filter(None, (self.workspace, self.source, self.subject)))
        number = f"{self.number}+{self.earlier}" if self.earlier else str(self.number)
        code = f"{self.guard}:{place}:{self.becomes or number}"
        return f"{code}:all" if self.entire else code


class Acceptance(
    msgspec.Struct, frozen=True, order=True, forbid_unknown_fields=True, omit_defaults=True
):
    """Who accepted the violation of a code, and when (RFC 3339, UTC): as the plan was made.

    `guard`, `workspace` and `source` are those of the violation. Runs of earlier versions did not
    record them; they are left out if "", so that the hash of such a run stays the same.
    """

    code: str
    by: str
    at: str
    guard: str = ""
    workspace: str = ""
    source: str = ""


class Digests(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The fingerprints of everything the plan was made from."""

    configuration: str
    sources: dict[str, str]
    current: dict[str, str]


class Scope(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the command line narrowed the plan to; an empty tuple is no limit.

    `undo` is the run that the plan reverses, "" for none.
    """

    workspaces: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    undo: str = ""


class Existing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much of a source exists before the plan; users without the erased ones."""

    workspace: str
    source: str
    users: int
    departments: int
    groups: int


class Captured(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A capture that the plan was made from, instead of reading the source."""

    source: str
    created: str
    """When the directory was read, RFC 3339, UTC."""
    digest: str
    """SHA-256 of the capture's file, 64 hexadecimal digits."""
    redacted: bool = False
    """Its names are pseudonyms: the plan can never be applied."""


class Grace(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A grace period of the rules: what happens to users who have been gone for some time."""

    cause: Waiting
    seconds: float
    then: Departing


class Plan(msgspec.Struct, frozen=True):
    """The ordered, frozen list of changes, with the digests of its inputs.

    `created` (RFC 3339, UTC) and `made_by` are the only parts that differ between two plans of the
    same inputs.
    `files` are the desired-state files as they were named; `variables` the names (never the values)
    given on the command line.
    """

    tool: str
    created: str
    files: tuple[str, ...]
    variables: tuple[str, ...]
    scope: Scope
    digests: Digests
    changes: tuple[Change, ...] = ()
    skips: tuple[Skip, ...] = ()
    violations: tuple[Violation, ...] = ()
    existing: tuple[Existing, ...] = ()
    """For each source that was read; empty if the plan is narrowed to targets."""
    readings: tuple[Reading, ...] = ()
    """How much each source that was read has."""
    to_remember: tuple[str, ...] = ()
    """The workspaces that will record these readings, because they have different ones or none; ()
    for a plan narrowed to targets."""
    accepted: tuple[Acceptance, ...] = ()
    notices: tuple[Notice, ...] = ()
    captures: tuple[Captured, ...] = ()
    """Of the sources that were not read."""
    left_out: tuple[LeftOut, ...] = ()
    grace: tuple[Grace, ...] = ()
    """What a reader has to know to see when a grace period ends; nothing else reads it."""
    made_by: str = ""
    """Who made it and where, as in `anna on laptop`; "" if that is not known."""

    @property
    def refused(self) -> tuple[Violation, ...]:
        """The violations that were not accepted."""
        return refused(self.violations, self.accepted)

    @property
    def not_clean(self) -> str:
        """Why the plan is not clean, in words; "" if it is. Used by `--strict`."""
        return not_clean(self.notices, self.skips)


def refused(
    violations: Iterable[Violation], accepted: Iterable[Acceptance]
) -> tuple[Violation, ...]:
    """The violations that are not accepted, or cannot be."""
    codes = {acceptance.code for acceptance in accepted}
    return tuple(
        violation
        for violation in violations
        if not violation.acceptable or violation.code not in codes
    )


def refusal(violations: Iterable[Violation], accepted: Iterable[str] = ()) -> GuardRefused:
    """The error for violations that were not accepted; `accepted` are codes that were.

    Names in them come from directories, so each is quoted to stay on one line.
    """
    lines = [
        (
            quoted(violation.code, LONGEST_SENTENCE),
            quoted(violation.detail, LONGEST_SENTENCE),
            violation.acceptable,
        )
        for violation in violations
    ]
    return GuardRefused.because(lines, accepted)


class _Skipped(Protocol):
    """The parts of a skip that decide whether a plan is clean."""

    @property
    def exists(self) -> bool: ...

    @property
    def code(self) -> str: ...


def not_clean(notices: Iterable[Notice], skips: Iterable[_Skipped] = ()) -> str:
    """How many rules find nothing, existing users are skipped and changes are left; "" for none."""
    skips = list(skips)
    empty = sum(notice.code in NOT_CLEAN for notice in notices)
    held = sum(skip.exists for skip in skips)
    left = sum(skip.code == "not_undone" for skip in skips)
    reasons = (
        (empty, "rule finds nothing", "rules find nothing"),
        (held, "existing user is skipped", "existing users are skipped"),
        (left, "change is not undone", "changes are not undone"),
    )
    return ", ".join(
        f"{number} {singular if number == 1 else plural}"
        for number, singular, plural in reasons
        if number
    )


def makes(change: Change) -> tuple[Kind, str] | None:
    """Kind and name of what exists only after the change: something new, or a new name."""
    after = change.after
    if after is None or change.kind in kinds.PAIRS:
        return None
    if change.kind == "department":
        name = _new_path(change, after)
    else:
        (field,) = kinds.NAMES[change.kind]
        name = text(after, field)
    return (change.kind, name) if name else None


def _new_path(change: Change, after: Fields) -> str:
    """The path of a new department, or the new path of an existing one; "" if unchanged."""
    if change.before is None:
        return change.key
    before = titles(change.key)
    *above, title = before
    if "parent" in after:
        above = list(titles(text(after, "parent")))
    new = [*above, text(after, "title") or title]
    return "" if new == list(before) else path(new)


_REQUIRED: Final = {kind: kinds.required(kind) for kind in kinds.KINDS}


def requirements(change: Change) -> tuple[tuple[Kind, str], ...]:
    """What has to exist before the change can be made, as kind and name in the wanted state.

    A manager is not required: a user whose manager could not be created is created without one. A
    new group is created without the nesting in a group that could not be created.
    """
    after = change.fields_after
    references = _REQUIRED[change.kind]
    needed = tuple((kind, str(after[field])) for field, kind in references if after.get(field))
    if change.before is None:
        return needed
    return needed + tuple(("group", name) for name in nested_in(change))


def nested_in(change: Change) -> tuple[str, ...]:
    """The groups, by their names in the wanted state, that a change of a group nests it in."""
    groups = mapping(change.fields_after, "groups")
    return tuple(name for name, origin in groups.items() if origin is not None)


def unnests(change: Change) -> bool:
    """Whether the change only takes a group out of others."""
    after = change.fields_after
    return change.kind == "group" and after.keys() == {"groups"} and not nested_in(change)
