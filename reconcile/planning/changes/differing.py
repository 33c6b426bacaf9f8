"""What of an object, or of its fields, a change is about."""

from collections.abc import Iterable

import msgspec

from reconcile.model.change import Fields


def differing(old: msgspec.Struct, new: msgspec.Struct) -> list[str]:
    """The fields in which two objects of one type differ; references are ids."""
    return [field for field in old.__struct_fields__ if getattr(old, field) != getattr(new, field)]


def pick(fields: Fields, names: Iterable[str]) -> Fields:
    """Some of the fields."""
    return {name: fields[name] for name in names}
