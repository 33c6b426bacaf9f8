"""The fields of one object, put back to what they were before a run where they still are as it left them."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from reconcile.model.change import Fields
from reconcile.model.history import Payload
from reconcile.model.kinds import KINDS, PAIRS, references
from reconcile.model.platform import User

REFERENCES: Final = frozenset(field for kind in KINDS.keys() - PAIRS for field in references(kind))
"""The fields that are ids in a state and names in a change."""
_MAPPINGS: Final = frozenset(
    field.name for fields in KINDS.values() for field in fields if field.mapping
)
MADE: Final = "undo:"
"""How the ids of what has to be made again begin."""


def mapping(fields: Fields | None, name: str = "groups") -> dict[str, str | None]:
    """A field that is an object of text; an empty one where there is none."""
    value = (fields or {}).get(name)
    return value if isinstance(value, dict) else {}


def text(fields: Fields | None, name: str) -> str:
    """A field's text; "" where there is none."""
    value = (fields or {}).get(name)
    return value if isinstance(value, str) else ""


def texts(fields: Fields | None, names: Iterable[str]) -> dict[str, str]:
    """The texts of some fields."""
    return {name: text(fields, name) for name in names}


def changed_since(now: msgspec.Struct, after: Fields | None, ids: Mapping[str, str]) -> list[str]:
    """The fields that are not as the run left them. What it names and was not there, it left empty."""
    found: list[str] = []
    for field, value in (after or {}).items():
        if field == "groups":
            continue
        if field == "attributes":
            same = all(
                getattr(now, field).get(name) == text
                for name, text in mapping(after, field).items()
            )
        elif field in REFERENCES:
            same = getattr(now, field) == ids.get(field, "")
        else:
            same = getattr(now, field) == (value or "")
        if not same:
            found.append(field)
    return found


def put_back(
    now: msgspec.Struct,
    payload: Payload,
    references: Mapping[str, Mapping[str, object]],
    again: Mapping[tuple[str, str], str] = {},
) -> tuple[dict[str, str], str]:
    """The old values of the fields that are still as the run left them, and what is to be said of the others."""
    away = set(changed_since(now, payload.before, payload.before_ids))
    changed = [
        field
        for field in changed_since(now, payload.after, payload.after_ids)
        if field in away - {"attributes"}
    ]
    values: dict[str, str] = {}
    gone: list[str] = []
    for field, old in (payload.before or {}).items():
        if field in changed or field not in away or field in _MAPPINGS:
            continue
        if field not in REFERENCES:
            values[field] = str(old or "")
            continue
        row = payload.before_ids.get(field, "")
        row = again.get((field, row), row)
        if old and row not in references[field] and not row.startswith(MADE):
            gone.append(field)
        else:
            values[field] = row if old else ""
    told = [f"changed since: {', '.join(changed)}"] if changed else []
    return values, "; ".join([*told, *(f"the {field} of then is gone" for field in gone)])


def attributes_back(user: User, payload: Payload) -> tuple[dict[str, str], str]:
    """The attributes, those that are as the run left them with their old values; and what to say of the others."""
    attributes, changed = dict(user.attributes), False
    before = mapping(payload.before, "attributes")
    for name, left in mapping(payload.after, "attributes").items():
        if attributes.get(name) != left:
            changed = changed or attributes.get(name) != before.get(name)
            continue
        attributes.pop(name, None)
        old = before.get(name)
        if old is not None:
            attributes[name] = old
    return attributes, "changed since: attributes" if changed else ""
