"""What a service can do and hold, as the settings say it."""

from typing import Final, Literal

from reconcile.model.platform import Abilities, ObjectKind, Status
from reconcile.platforms.scim.paths import PATTERN
from reconcile.platforms.scim.settings import DROPPABLE, FIXABLE, ScimSettings, fields_of

Lackable = Literal["department", "group", "grant"]
"""The kinds that a service may be without."""
_FIELDS: Final[dict[ObjectKind, frozenset[str]]] = {
    "user": frozenset(
        {
            *("username", "first_name", "last_name", "email", "status", "manager"),
            *("department", "attributes", "external_id"),
        }
    ),
    "group": frozenset({"name", "external_id"}),
    "department": frozenset({"title", "parent", "external_id"}),
}


def abilities(settings: ScimSettings) -> Abilities:
    """The abilities of the service."""
    return Abilities(
        lacks=_lacks(settings),
        fields=_fields(settings),
        fixed=_fixed(settings),
        statuses=_statuses(settings),
        protected={"user": settings.protect, "group": settings.protect},
        attribute_names=PATTERN,
        recognises_names="user_name" in settings.match,
        any_role=True,
        nested_groups=settings.nested_groups,
        links_per_call=settings.members.per_request,
        grants_per_call=1,
        concurrency=settings.pace.concurrency,
    )


def _lacks(settings: ScimSettings) -> frozenset[Lackable]:
    """The kinds that the service does not have at all."""
    lacks: set[Lackable] = set()
    if settings.departments is None:
        lacks.add("department")
    if settings.drops("roles"):
        lacks.add("grant")
    return frozenset(lacks)


def _fields(settings: ScimSettings) -> dict[ObjectKind, frozenset[str]]:
    """The fields of each kind that the service keeps."""
    kept = {
        kind: fields - fields_of(kind, settings.drop, DROPPABLE) for kind, fields in _FIELDS.items()
    }
    if settings.departments is None:
        kept["user"] -= {"department"}
    return kept


def _fixed(settings: ScimSettings) -> dict[ObjectKind, frozenset[str]]:
    """The fields that never change, of the kinds that have any."""
    fixed = {kind: fields_of(kind, settings.fixed, FIXABLE) for kind in _FIELDS}
    return {kind: fields for kind, fields in fixed.items() if fields}


def _statuses(settings: ScimSettings) -> frozenset[Status]:
    """Erasing overwrites the fields of a user, so it needs all of them to be changeable."""
    if fields_of("user", settings.fixed, FIXABLE):
        return frozenset({"active", "inactive"})
    return frozenset({"active", "inactive", "erased"})
