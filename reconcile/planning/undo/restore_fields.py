"""The fields of one object, restored to what they were before a run.

A field is restored only if it still has the value that the run gave it.
"""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from reconcile.model.change import Fields, mapping, text
from reconcile.model.history import Payload
from reconcile.model.kinds import KINDS, PAIRS, references
from reconcile.model.platform import User
from reconcile.planning.undo.working_state import RECREATED

REFERENCES: Final = frozenset(field for kind in KINDS.keys() - PAIRS for field in references(kind))
"""The fields that are ids in a state and names in a change."""
_MAPPINGS: Final = frozenset(
    field.name for fields in KINDS.values() for field in fields if field.mapping
)


def texts(fields: Fields, names: Iterable[str]) -> dict[str, str]:
    """Some fields as texts."""
    return {name: text(fields, name) for name in names}


def changed_since(now: msgspec.Struct, left: Fields, ids: Mapping[str, str]) -> list[str]:
    """The fields that are no longer as the run left them, `groups` excepted.

    A reference to something that the platform did not have was left empty by the run. `ids` are
    those of what `left` names.
    """
    fields = [field for field in left if field != "groups"]
    return [field for field in fields if not _is_as_left(now, field, left, ids)]


def _is_as_left(now: msgspec.Struct, field: str, left: Fields, ids: Mapping[str, str]) -> bool:
    """Whether a field has the value that the run left; of the attributes, those that it set."""
    current = getattr(now, field)
    if field == "attributes":
        return all(current.get(name) == value for name, value in mapping(left, field).items())
    if field in REFERENCES:
        return bool(current == ids.get(field, ""))
    return bool(current == text(left, field))


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
    before = payload.fields_before
    # What has its old value already needs nothing; what was changed since stays.
    away = set(changed_since(now, before, payload.before_ids)) - {"attributes"}
    left = changed_since(now, payload.fields_after, payload.after_ids)
    changed = [field for field in left if field in away]
    values: dict[str, str] = {}
    reasons: list[str] = []
    if changed:
        reasons.append(f"changed since: {', '.join(changed)}")
    for field in before:
        if field not in away or field in changed or field in _MAPPINGS:
            continue
        value = text(before, field)
        if field in REFERENCES and value:
            old_id = payload.before_ids.get(field, "")
            value = recreated.get((field, old_id), old_id)
            if not _exists(value, references[field]):
                reasons.append(f"the previous {field} no longer exists")
                continue
        values[field] = value
    return values, "; ".join(reasons)


def _exists(reference: str, objects: Mapping[str, object]) -> bool:
    """Whether an id is one of these objects, or of one that is to be created again."""
    return reference in objects or reference.startswith(RECREATED)


def attributes_back(user: User, payload: Payload) -> tuple[dict[str, str], str]:
    """The attributes, restored if the run's value is unchanged, and why others are not."""
    attributes, changed = dict(user.attributes), False
    before = mapping(payload.fields_before, "attributes")
    for name, left in mapping(payload.fields_after, "attributes").items():
        old, now = before.get(name), attributes.get(name)
        if now != left:
            changed |= now != old
            continue
        attributes.pop(name, None)
        if old is not None:
            attributes[name] = old
    return attributes, "changed since: attributes" if changed else ""
