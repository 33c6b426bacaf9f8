"""The fields of one object, restored to what they were before a run.

A field is restored only if it still has the value that the run gave it.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from reconcile.model.change import Fields
from reconcile.model.history import Payload
from reconcile.model.kinds import KINDS, PAIRS, references
from reconcile.model.platform import User
from reconcile.planning.undo.working_state import RECREATED

REFERENCES: Final = frozenset(field for kind in KINDS.keys() - PAIRS for field in references(kind))
"""The fields that are ids in a state and names in a change."""
_MAPPINGS: Final = frozenset(
    field.name for fields in KINDS.values() for field in fields if field.mapping
)


def mapping(fields: Fields | None, name: str = "groups") -> dict[str, str | None]:
    """A field that is an object of texts; an empty one where there is none."""
    value = (fields or {}).get(name)
    return value if isinstance(value, dict) else {}


def text(fields: Fields | None, name: str) -> str:
    """A field's text; "" if there is none."""
    value = (fields or {}).get(name)
    return value if isinstance(value, str) else ""


def texts(fields: Fields | None, names: Iterable[str]) -> dict[str, str]:
    """The texts of some fields."""
    return {name: text(fields, name) for name in names}


def changed_since(now: msgspec.Struct, after: Fields | None, ids: Mapping[str, str]) -> list[str]:
    """The fields that are no longer as the run left them, `groups` excepted.

    A reference to something that the platform did not have was left empty by the run.
    """
    return [
        field
        for field in after or {}
        if field != "groups" and not _is_as_left(now, field, after, ids)
    ]


def _is_as_left(
    now: msgspec.Struct, field: str, after: Fields | None, ids: Mapping[str, str]
) -> bool:
    current = getattr(now, field)
    if field == "attributes":
        left = mapping(after, field)
        return all(current.get(name) == value for name, value in left.items())
    if field in REFERENCES:
        return bool(current == ids.get(field, ""))
    return bool(current == ((after or {})[field] or ""))


def put_back(
    now: msgspec.Struct,
    payload: Payload,
    references: Mapping[str, Mapping[str, object]],
    recreated: Mapping[tuple[str, str], str] = {},
) -> tuple[dict[str, str], str]:
    """The old values of the fields that can be restored, and why the others cannot ("" for none).

    `references`: field → the objects that it may refer to, by id; `recreated`: field and old id →
    the id of what is created in its place.
    """
    away = set(changed_since(now, payload.before, payload.before_ids)) - {"attributes"}
    left = changed_since(now, payload.after, payload.after_ids)
    changed = [field for field in left if field in away]
    values: dict[str, str] = {}
    reasons = [f"changed since: {', '.join(changed)}"] if changed else []
    for field, old in (payload.before or {}).items():
        # What has its old value already needs nothing; what was changed since stays.
        if field in changed or field not in away or field in _MAPPINGS:
            continue
        value = str(old or "")
        if field in REFERENCES and old:
            row = payload.before_ids.get(field, "")
            value = recreated.get((field, row), row)
            if value not in references[field] and not value.startswith(RECREATED):
                reasons.append(f"the previous {field} no longer exists")
                continue
        values[field] = value
    return values, "; ".join(reasons)


def attributes_back(user: User, payload: Payload) -> tuple[dict[str, str], str]:
    """The attributes, restored if the run's value is unchanged, and why others are not."""
    attributes, changed = dict(user.attributes), False
    before = mapping(payload.before, "attributes")
    for name, left in mapping(payload.after, "attributes").items():
        old = before.get(name)
        if attributes.get(name) != left:
            changed = changed or attributes.get(name) != old
        elif old is None:
            attributes.pop(name, None)
        else:
            attributes[name] = old
    return attributes, "changed since: attributes" if changed else ""
