"""All files together."""

from collections.abc import Iterator

import msgspec

from reconcile.model.desired.assertions import Assertion
from reconcile.model.desired.notify import Notify
from reconcile.model.desired.promises import Secret
from reconcile.model.desired.rules import (
    DepartmentRule,
    GroupRule,
    Lifecycle,
    Link,
    RoleMapping,
    Roles,
)
from reconcile.model.desired.safety import Safety
from reconcile.model.desired.source import Source


class Platform(msgspec.Struct, frozen=True):
    """Where users live."""

    type: str
    url: Secret | None = None
    workspaces: tuple[str, ...] = ("main",)
    folder: str = "."
    """Relative paths in `url` start here: the folder of the file that declares it."""
    state: Secret | None = None
    """The database URL of the ledger, `state` of the file; None for the default."""
    state_folder: str = "."
    """Relative paths in `state` start here."""
    options: dict[str, object] = {}
    """The keys that only this type of platform has, as the file has them; a Secret for a secret."""
    sources: tuple[str, ...] = ()
    """The names of all declared sources, for an application that knows sources itself."""


class Schedule(msgspec.Struct, frozen=True):
    """When a service runs: five cron fields, in a time zone; `timezone` None is the machine's."""

    cron: str
    """"" for an interval."""
    text: str
    """As written in the file."""
    timezone: str | None = None
    every: int = 0
    """Seconds from the start of a run to the start of the next; 0 for a cron line."""


class QuietRuns(msgspec.Struct, frozen=True):
    """Whether a run that reads what the last empty plan was made from decides nothing anew."""

    enabled: bool = True
    full_every: float = 24 * 3600.0
    """Seconds after a full run; the next one decides everything anew, and has to agree."""


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
    assertions: tuple[Assertion, ...] = ()
    notify: Notify = Notify()
    quiet_runs: QuietRuns = QuietRuns()

    @property
    def source_names(self) -> frozenset[str]:
        """The names of all declared sources."""
        return frozenset(source.name for source in self.sources)

    @property
    def roles_given(self) -> tuple[str, ...]:
        """The roles that role mappings and departments give, each once."""
        roles = [mapping.role for mapping in self.role_mappings]
        roles += [rule.role for rule in self.departments]
        return tuple(dict.fromkeys(filter(None, roles)))

    def role_mappings_of(self, source: str) -> Iterator[tuple[str, RoleMapping]]:
        """The role mappings about the groups of a source, each with its path."""
        for at, mapping in enumerate(self.role_mappings):
            if mapping.is_about(source):
                yield f"role_mappings[{at}]", mapping

    def groups_of(self, source: str) -> Iterator[tuple[str, GroupRule]]:
        """The rules on the groups of a source, each with its path."""
        for at, rule in enumerate(self.groups):
            if rule.source == source:
                yield f"groups[{at}]", rule

    def departments_of(self, source: str) -> Iterator[tuple[str, DepartmentRule]]:
        """The rules on the OUs of a source, each with its path."""
        for at, rule in enumerate(self.departments):
            if rule.source == source:
                yield f"departments[{at}]", rule
