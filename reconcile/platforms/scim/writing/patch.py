"""Deltas: what is to change of a resource, as operations of a PATCH, or merged for a PUT."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from reconcile.platforms.scim.mapping.users import Edit
from reconcile.platforms.scim.names import PATCH
from reconcile.platforms.scim.paths import Path, Resource, equals, put, urns

Operation = dict[str, Any]


def message(operations: Iterable[Operation]) -> dict[str, Any]:
    """The body of a PATCH."""
    return {"schemas": [PATCH], "Operations": list(operations)}


def operations(edits: Iterable[Edit], is_there: Callable[[Path], bool]) -> list[Operation]:
    """One operation for each edit. `is_there`: whether an element of a type exists already.

    Services do not make an element for a path with a filter, so a new one is added as a whole.
    """
    return [_operation(path, new, is_there) for path, new in edits]


def _operation(path: Path, new: Any, is_there: Callable[[Path], bool]) -> Operation:
    """The operation for one edit."""
    if path.type:
        return _of_element(path, new, is_there)
    whole = f"{path.base}.{path.sub}" if path.sub else path.base
    if new is None:
        return _removal(whole)
    return {"op": "replace", "path": whole, "value": new}


def _of_element(path: Path, new: Any, is_there: Callable[[Path], bool]) -> Operation:
    """The operation for an element of a type. Without its value, the whole element goes."""
    sub = path.sub or "value"
    element = f'{path.base}[type eq "{path.type}"]'
    if new is None and sub == "value":
        return _removal(element)
    if new is None:
        return _removal(f"{element}.{sub}")
    if not is_there(path):
        return {"op": "add", "path": path.base, "value": [{"type": path.type, sub: new}]}
    return {"op": "replace", "path": f"{element}.{sub}", "value": new}


def _removal(path: str) -> Operation:
    return {"op": "remove", "path": path}


def merged(resource: Resource, edits: Iterable[Edit]) -> Resource:
    """The resource for a PUT: as the service has it, with the edits; what is unknown stays."""
    new = dict(resource)
    for path, wanted in edits:
        if path.urn:
            new[path.urn] = dict(new.get(path.urn) or {})
        put(new, path, wanted)
    new.pop("meta", None)
    known = new.get("schemas") or []
    new["schemas"] = [*known, *(urn for urn in urns(new) if urn not in known)]
    return new


def added(path: str, values: Sequence[dict[str, Any]]) -> list[Operation]:
    """One operation that adds elements."""
    return [{"op": "add", "path": path, "value": list(values)}]


def removed(path: str, values: Iterable[str], *, by_filter: bool) -> list[Operation]:
    """Operations that remove elements by their values.

    With a filter in the path, as the standard has it. Services that were written for one client
    alone want the values instead; others then remove everything.
    """
    if by_filter:
        return [_removal(f"{path}[{equals('value', value)}]") for value in values]
    return [{**_removal(path), "value": [{"value": value} for value in values]}]
