"""The guards: how much a plan may take away, and what it may never take away."""

import msgspec


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


class RequiredSignatures(msgspec.Struct, frozen=True):
    """Who has to sign a plan file before it is applied. Paths are absolute, or from here."""

    allowed_signers: str
    """A file in the format ALLOWED SIGNERS of ssh-keygen(1)."""
    signers: int = 1
    """How many different principals, each with a key of its own."""
    revoked_keys: str = ""
    """A file of revoked keys, or a KRL; "" for none."""


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
    require_signatures: RequiredSignatures | None = None
    """Who has to sign; a plan without a file is refused then. None demands nothing."""
