"""The simple values of a resource, each with its path: a user's own attributes."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconcile.platforms.http.values import mappings

_SIMPLE: Final = (str, bool, int, float)
_OF_ELEMENTS: Final = frozenset({"type", "primary", "display", "$ref"})
"""What describes an element, and is no value of its own."""
_QUOTING: Final = frozenset('"\\')
"""Characters that a path cannot have between quotes."""
_Values = Iterator[tuple[str, Any]]
"""Pairs of path and value."""


def flattened(resource: Mapping[str, Any], left_out: frozenset[str]) -> _Values:
    """Every path of a resource that has a simple value, with it; without the attributes left out.

    `left_out` has names of attributes and whole paths.
    """
    for whole, shown in _attributes(resource, left_out):
        if isinstance(shown, _SIMPLE):
            yield whole, shown
        else:
            for path, part in _parts(whole, shown):
                if path not in left_out:
                    yield path, part


def _attributes(resource: Mapping[str, Any], left_out: frozenset[str]) -> _Values:
    """The attributes of a resource and of its extensions, whatever their values are."""
    for name, shown in resource.items():
        if name in left_out:
            continue
        if name.startswith("urn:") and isinstance(shown, Mapping):
            for inner, part in shown.items():
                whole = f"{name}:{inner}"
                if whole not in left_out:
                    yield whole, part
        else:
            yield name, shown


def _parts(whole: str, shown: Any) -> _Values:
    """The simple parts of a complex attribute, or of the elements of a list."""
    if isinstance(shown, Mapping):
        for sub, part in shown.items():
            if isinstance(part, _SIMPLE):
                yield f"{whole}.{sub}", part
    elif isinstance(shown, list):
        yield from _element_parts(whole, shown)


def _element_parts(whole: str, elements: list[Any]) -> _Values:
    """The simple parts of the elements that have a type."""
    for kind, element in _first_of_each_type(elements).items():
        for sub, part in element.items():
            if sub not in _OF_ELEMENTS and isinstance(part, _SIMPLE):
                yield f'{whole}[type eq "{kind}"].{sub}', part


def _first_of_each_type(elements: list[Any]) -> dict[str, Mapping[str, Any]]:
    """The elements by type, of each type the first. A type that no path can quote is left out."""
    firsts: dict[str, Mapping[str, Any]] = {}
    for element in mappings(elements):
        kind = element.get("type")
        if isinstance(kind, str) and not _QUOTING.intersection(kind):
            firsts.setdefault(kind, element)
    return firsts
