"""What a service can do and hold, as the settings say it."""

from typing import Final

from reconcile.model.platform import Abilities, ObjectKind, Status
from reconcile.platforms.scim.paths import PATTERN
from reconcile.platforms.scim.settings import DROPPABLE, FIXABLE, ScimSettings

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
    fixed: dict[ObjectKind, set[str]] = {"user": set(), "group": set()}
    for name in settings.fixed:
        kind, field = FIXABLE[name]
        fixed[kind].add(field)
    dropped: dict[ObjectKind, set[str]] = {"user": set(), "group": set(), "department": set()}
    for name in settings.drop:
        if name in DROPPABLE:
            kind, field = DROPPABLE[name]
            dropped[kind].add(field)
    if settings.departments is None:
        dropped["user"].add("department")
    statuses: set[Status] = {"active", "inactive"}
    if not fixed["user"]:
        statuses.add("erased")
    lacks = {"department"} if settings.departments is None else set()
    if settings.drops("roles"):
        lacks.add("grant")
    return Abilities(
        lacks=frozenset(lacks),  # type: ignore[arg-type] # both are kinds that may be lacking
        fields={kind: fields - dropped[kind] for kind, fields in _FIELDS.items()},
        fixed={kind: frozenset(fields) for kind, fields in fixed.items() if fields},
        statuses=frozenset(statuses),
        protected={"user": settings.protect, "group": settings.protect},
        attribute_names=PATTERN,
        recognises_names="user_name" in settings.match,
        any_role=True,
        nested_groups=settings.nested_groups,
        links_per_call=settings.members.per_request,
        grants_per_call=1,
        concurrency=settings.pace.concurrency,
    )
