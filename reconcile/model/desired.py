"""The user's files as values, with every default. None is the default of the source's type.

Everything here is plain data, except for two protocols that `reconcile.config` implements: a
`Template` renders text from one directory entry, and a `Secret` reveals its text only on demand.
"""

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol, TypeAlias

import msgspec

Create: TypeAlias = Literal["all", "mapped", "selected", "never"]
Fact: TypeAlias = str
"""A fact that a person and a user can share: `dn`, `username`, `email`, or the field of an extended
attribute."""
Absent: TypeAlias = Literal["clear", "keep"]
"""What happens to a field for which the directory has no value."""
Departing: TypeAlias = Literal["keep", "deactivate", "block", "erase", "delete"]
"""What is done to the user of a person who left, from the mildest to the hardest."""


class Entry(Protocol):
    """The part of a directory entry that templates can use."""

    @property
    def dn(self) -> str:
        """The entry's DN as the directory writes it."""
        ...

    @property
    def attributes(self) -> Mapping[str, Sequence[str]]:
        """Lower-case attribute name → values."""
        ...


class Template(Protocol):
    """A compiled template over one directory entry."""

    @property
    def text(self) -> str:
        """As written in the file."""
        ...

    @property
    def attributes(self) -> frozenset[str]:
        """Lower-case names of the attributes it may read, to request from the server."""
        ...

    def render(self, entry: Entry, identifier: str = "") -> str | None:
        """The text, or None when an attribute it needs is absent ("supplies nothing").

        Raises TemplateFailed when it fails in any other way.
        """
        ...


class Secret(Protocol):
    """A text that is never shown: not in a repr, a log, a plan or an error."""

    def reveal(self) -> str:
        """The text itself. Raises ConfigError with its place if it cannot be read."""
        ...


class Platform(msgspec.Struct, frozen=True):
    """Where users live. `options` are the keys of an installed plug-in, unknown to this project."""

    type: str
    url: Secret | None = None
    workspaces: tuple[str, ...] = ("main",)
    folder: str = "."
    """Relative paths in `url` start here: the folder of the file that declares it."""
    administrator: str = "admin"
    """Username of the user who takes over what an erased user owned."""
    unknown_user: str = "unknown"
    """Username of the user who takes over an erased user's open work."""
    create_roles: bool = True
    """A role that does not exist is created when it is first granted."""
    state: Secret | None = None
    """The database URL of the ledger, `state` of the file; None for the default."""
    state_folder: str = "."
    """Relative paths in `state` start here."""
    options: dict[str, object] = {}


class Tls(msgspec.Struct, frozen=True):
    """How the connection to a server is protected."""

    mode: Literal["none", "starttls", "ldaps"] = "starttls"
    ca_file: str | None = None
    server_name: str | None = None
    verify: Literal["full", "none"] = "full"


class Bind(msgspec.Struct, frozen=True):
    """How a source binds: with a DN and password, anonymously, or with a Kerberos ticket."""

    dn: str = ""
    password: Secret | None = None
    anonymous: bool = False
    kerberos: bool = False
    principal: str = ""
    """Whose ticket to use; "" for the existing one."""


class Timeout(msgspec.Struct, frozen=True):
    """In seconds."""

    connect: float = 10.0
    """For connecting, TLS and bind, all together."""
    read: float = 60.0
    """For each answer: an entry, or the end of a page."""
    total: float = 1800.0
    """For a whole read of the source, including further attempts and other servers."""


class ReadLimits(msgspec.Struct, frozen=True):
    """How much a read of a source may return, whatever the directory sends."""

    entries: int = 3_000_000
    """Of all searches together."""
    entry_size: int = 128 * 2**20
    """Bytes of one entry."""
    total_size: int = 4 * 2**30
    """Bytes in total."""


class Attribute(msgspec.Struct, frozen=True):
    """An extended attribute; without roles it is for everyone."""

    field: str
    value: Template
    roles: frozenset[str] = frozenset()


class Users(msgspec.Struct, frozen=True):
    """Which people a source supplies, and their users' fields. Lists keep the file's order."""

    fields: dict[str, Template | None]
    """`username`, `first_name`, `last_name`, `email`; defaults are filled in, None is a field that
    is not managed."""
    base: str = ""
    scope: Literal["subtree", "one"] = "subtree"
    filter: str | None = None
    identifier: str | None = None
    create: Create = "mapped"
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    require: tuple[str, ...] = ()
    require_groups: tuple[str, ...] = ()
    inactive_ous: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    manager_attribute: str | None = None
    disabled_when: Template | None = None
    match_by: tuple[Fact, ...] = ("dn", "username", "email")
    """Two of these have to agree before a person without an id match is matched to a user."""
    when_absent: Absent = "clear"
    absent: dict[str, Absent] = {}
    """Field or extended attribute → what happens to it, if that differs from `when_absent`."""

    @property
    def username(self) -> Template:
        """The template of the username, which is always managed."""
        template = self.fields["username"]
        assert template is not None  # noqa: S101 - the configuration does not let it be null
        return template

    def clears(self, field: str) -> bool:
        """Whether a field, or an extended attribute, goes empty with the directory.

        `manager` does unless `absent` names it, because a former manager must not go on approving.
        """
        usual = "clear" if field == "manager" else self.when_absent
        return self.absent.get(field, usual) == "clear"


class Groups(msgspec.Struct, frozen=True):
    """Where a source's groups are."""

    base: str = ""
    scope: Literal["subtree", "one"] = "subtree"
    filter: str | None = None
    member_attribute: str | None = None


class Units(msgspec.Struct, frozen=True):
    """Where a source's organizational units are (`departments` of a source in the file)."""

    base: str = ""
    scope: Literal["subtree", "one"] = "subtree"
    filter: str | None = None


class Expected(msgspec.Struct, frozen=True):
    """Persons and groups, as patterns, that every read of a source must contain."""

    persons: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()


class Source(msgspec.Struct, frozen=True):
    """One directory connection and the rules for what it supplies.

    `base` of its parts is a name below `base_dn` or a whole DN.
    """

    name: str
    type: str
    base_dn: str
    users: Users
    groups: Groups = Groups()
    departments: Units = Units()
    servers: tuple[str, ...] = ()
    tls: Tls = Tls()
    bind: Bind = Bind()
    require_signing: bool = False
    """No bind without TLS or Kerberos, whatever `tls` says."""
    page_size: int = 500
    timeout: Timeout = Timeout()
    limits: ReadLimits = ReadLimits()
    transport: str = "auto"
    """`auto`, `ldap3` or `python-ldap`: the library that speaks to the servers."""
    files: tuple[str, ...] = ()
    """LDIF files of a source of type ldif, as absolute paths or relative to the working
    directory."""
    note: str = ""
    register_on_login: bool = False
    """A person becomes a user at the first successful login, and stays one as long as the rules
    allow it."""
    refuse_login_after: float = 2.0
    """Seconds: a refused login is answered after a whole multiple of them."""
    active_uac: tuple[int, ...] = ()
    """Active Directory: the values of userAccountControl that are active, all others are disabled;
    () by the flag."""
    expect: Expected = Expected()
    takes_over: tuple[str, ...] = ()
    """Names of other sources; users, groups and departments that they have lost may become this
    source's."""
    ignore_referrals: tuple[str, ...] = ()
    """DNs of parts below `base_dn` that are on other servers and not part of the source."""
    options: dict[str, object] = {}


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


class DepartmentRule(msgspec.Struct, frozen=True):
    """OUs to mirror, with `children` below and `parents` above; `role` goes to their people."""

    source: str
    select: tuple[str, ...]
    title: Template
    children: bool = False
    parents: bool = False
    role: str = ""


class Departure(msgspec.Struct, frozen=True):
    """What happens to the user of a person who left: `action` now, `then` `after` seconds later.

    The time counts from the first run that missed the person.
    """

    action: Departing
    after: float = 0.0
    then: Departing | None = None


class Lifecycle(msgspec.Struct, frozen=True):
    """What happens to users whose persons leave or come back, and to existing accounts."""

    on_missing: Departure = Departure("block")
    on_out_of_scope: Departure = Departure("deactivate")
    on_disabled: Literal["deactivate", "block"] = "deactivate"
    on_return: Literal["restore", "keep"] = "restore"
    on_source_removed: Literal["keep", "deactivate", "block"] = "block"
    on_deleted: Literal["recreate", "ignore"] = "recreate"
    """What happens to a user that was deleted on the platform while its person is still
    selected."""
    adopt_local: Literal["never", "matching_email", "always"] = "never"


class Limit(msgspec.Struct, frozen=True):
    """How many may change at once: a number, or a percentage of what exists now."""

    number: float
    percent: bool = False

    def __str__(self) -> str:
        return f"{self.number:g}{'%' if self.percent else ''}"


def _percent(number: float) -> Limit:
    return Limit(number, percent=True)


class LossLimits(msgspec.Struct, frozen=True):
    """How much one plan may change, for each source and in total; None is without limit."""

    users_lost: Limit | None = _percent(10)
    memberships_lost: Limit | None = _percent(30)
    """Also for each group."""
    grants_lost: Limit | None = _percent(20)
    updates: Limit | None = _percent(50)
    creates: Limit | None = None
    emptied: Limit | None = _percent(10)
    """For each field, how many users may lose its value because the directory has none."""


class GroupSafety(msgspec.Struct, frozen=True):
    """A limit for the memberships of some groups, which count nowhere else; None is no limit.

    `may_empty`: that such a group loses all of its members is no violation.
    """

    select: tuple[str, ...]
    memberships_lost: Limit | None
    may_empty: bool = False


class Protect(msgspec.Struct, frozen=True):
    """What no plan may remove, even if accepted. Users, roles and groups are name patterns."""

    users: tuple[str, ...] = ("admin",)
    roles: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    min_admins: int = 1
    """How many active users of no source with the role `admin_role` have to remain."""
    admin_role: str = "administrator"


class Safety(msgspec.Struct, frozen=True):
    """The guards that check a plan before its first change."""

    limits: LossLimits = LossLimits()
    at_least: int = 5
    """A percentage never refuses fewer than this."""
    shrink: Limit | None = _percent(20)
    """How much smaller than at its last good read a source may be."""
    window: float = 7 * 86400.0
    """How long the losses of earlier runs are added to those of a plan, in seconds; 0 for never."""
    groups: tuple[GroupSafety, ...] = ()
    protect: Protect = Protect()


class Schedule(msgspec.Struct, frozen=True):
    """When a service runs: five cron fields, in a time zone; `timezone` None is the machine's."""

    cron: str
    text: str
    """As written in the file."""
    timezone: str | None = None


class DesiredState(msgspec.Struct, frozen=True):
    """All files together."""

    platform: Platform
    sources: tuple[Source, ...]
    role_mappings: tuple[RoleMapping, ...] = ()
    roles: Roles = Roles()
    groups: tuple[GroupRule, ...] = ()
    departments: tuple[DepartmentRule, ...] = ()
    lifecycle: Lifecycle = Lifecycle()
    safety: Safety = Safety()
    schedule: Schedule | None = None
    links: tuple[Link, ...] = ()
