"""Parts of a document that may be anything: what has the right type, and nothing for what has not."""

from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

Values: TypeAlias = Mapping[str, Any]


def mapping(values: Values, key: str) -> Values:
    """A mapping's mapping, an empty one where there is none."""
    found = values.get(key)
    return found if isinstance(found, dict) else {}


def mappings(values: Values, key: str) -> Iterator[tuple[int, Values]]:
    """Position and mapping of a list's items that are mappings."""
    found = values.get(key)
    for index, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, dict):
            yield index, item


def text(values: Values, key: str) -> str:
    """A mapping's text, "" where there is none."""
    found = values.get(key)
    return found if isinstance(found, str) else ""


def texts(values: Values, key: str) -> Iterator[tuple[int, str]]:
    """Position and text of a list's items that are texts."""
    found = values.get(key)
    for index, item in enumerate(found if isinstance(found, list) else ()):
        if isinstance(item, str) and item:
            yield index, item
