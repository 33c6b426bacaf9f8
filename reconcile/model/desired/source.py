"""The sources: where a directory is, how it is read, and what it supplies."""

from typing import Literal, TypeAlias

import msgspec

from reconcile.model.desired.promises import Secret, Template

Create: TypeAlias = Literal["all", "mapped", "selected", "never", "groups"]
"""`groups`: the members of `Users.create_groups`."""
Fact: TypeAlias = str
"""A fact that a person and a user can share: `dn`, `username`, `email`, or the field of an extended
attribute."""
Absent: TypeAlias = Literal["clear", "keep"]
"""What happens to a field for which the directory has no value."""


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
    create_groups: tuple[str, ...] = ()
    create_disabled: bool = True
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
