"""Parts of an unchecked document: values of the right type, an empty value for all others."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Values: TypeAlias = Mapping[str, Any]


def mapping(values: Values, key: str) -> Values:
    """A mapping's mapping, an empty one if it is missing or of another type."""
    value = values.get(key)
    return value if isinstance(value, dict) else {}


def mappings(values: Values, key: str) -> Iterator[tuple[int, Values]]:
    """Position and mapping of a list's items that are mappings."""
    for index, item in _items(values, key):
        if isinstance(item, dict):
            yield index, item


def text(values: Values, key: str) -> str:
    """A mapping's text, "" if it is missing or of another type."""
    value = values.get(key)
    return value if isinstance(value, str) else ""


def texts(values: Values, key: str) -> Iterator[tuple[int, str]]:
    """Position and text of a list's items that are texts and not empty."""
    for index, item in _items(values, key):
        if isinstance(item, str) and item:
            yield index, item


def _items(values: Values, key: str) -> Iterator[tuple[int, Any]]:
    """Position and value of a list's items; none of another type."""
    value = values.get(key)
    return enumerate(value if isinstance(value, list) else ())
