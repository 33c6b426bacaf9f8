"""SCIM paths: where a value is in a resource.

    title
    name.formatted
    phoneNumbers[type eq "mobile"].value
    urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter

A path is a type alone with what it leads to; only filters by `type` are understood, as only those
say which element is meant after every change.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

Resource: TypeAlias = dict[str, Any]

PATTERN: Final = (
    r"(?!urn:ietf:params:scim:schemas:core:)"
    r"(?:(?P<urn>urn:[^\s\[\]\"]+):)?(?P<name>[A-Za-z$][\w$-]*)"
    r"(?:\[type eq \"(?P<type>[^\"\\]*)\"\])?(?:\.(?P<sub>[A-Za-z$][\w$-]*))?"
)
"""A regular expression for all of a path. Core attributes are written without their URN."""
_PATH: Final = re.compile(PATTERN, re.ASCII)


class Path(NamedTuple):
    """A path, taken apart."""

    urn: str
    name: str
    type: str
    sub: str

    @property
    def base(self) -> str:
        """The path of the whole attribute, without filter and sub-attribute."""
        return f"{self.urn}:{self.name}" if self.urn else self.name


def parsed(text: str) -> Path | None:
    """The path that a text is; None where it is none."""
    match = _PATH.fullmatch(text)
    return Path(*(part or "" for part in match.groups())) if match else None


def value(resource: Mapping[str, Any], path: Path) -> Any:
    """What a resource has at a path; None for nothing."""
    holder = resource.get(path.urn) if path.urn else resource
    found = holder.get(path.name) if isinstance(holder, Mapping) else None
    if path.type:
        found = next(
            (element for element in _elements(found) if element.get("type") == path.type), None
        )
    if path.sub:
        return found.get(path.sub) if isinstance(found, Mapping) else None
    return found


def _elements(values: Any) -> Iterator[Mapping[str, Any]]:
    for element in values if isinstance(values, list) else ():
        if isinstance(element, Mapping):
            yield element


def put(resource: Resource, path: Path, new: Any) -> None:
    """Sets what a resource has at a path; None takes it away. Other values stay."""
    holder = resource.setdefault(path.urn, {}) if path.urn else resource
    if path.type:
        _put_element(holder, path, new)
    elif path.sub:
        _put_sub(holder, path, new)
    elif new is None:
        holder.pop(path.name, None)
    else:
        holder[path.name] = new
    if path.urn and not holder:
        del resource[path.urn]


def _put_sub(holder: Resource, path: Path, new: Any) -> None:
    whole = holder.get(path.name)
    part = dict(whole) if isinstance(whole, Mapping) else {}
    _set(part, path.sub, new)
    _set(holder, path.name, part or None)


def _put_element(holder: Resource, path: Path, new: Any) -> None:
    elements = [dict(element) for element in _elements(holder.get(path.name))]
    mine = next((element for element in elements if element.get("type") == path.type), None)
    if mine is None:
        mine = {"type": path.type}
        elements.append(mine)
    _set(mine, path.sub or "value", new)
    if mine.keys() <= {"type", "primary"}:
        elements.remove(mine)
    _set(holder, path.name, elements or None)


def _set(holder: Resource, name: str, new: Any) -> None:
    if new is None:
        holder.pop(name, None)
    else:
        holder[name] = new


_SIMPLE: Final = (str, bool, int, float)
_OF_ELEMENTS: Final = frozenset({"type", "primary", "display", "$ref"})


def flattened(resource: Mapping[str, Any], left_out: frozenset[str]) -> Iterator[tuple[str, Any]]:
    """Every path of a resource that has a simple value, with it; without the attributes left out.

    `left_out` has names of attributes and whole paths.
    """
    for name, found in resource.items():
        if name in left_out or found is None:
            continue
        if name[:4] == "urn:" and isinstance(found, Mapping):
            for inner, part in found.items():
                whole = f"{name}:{inner}"
                if whole not in left_out:
                    yield from _flat(whole, part, left_out)
        else:
            yield from _flat(name, found, left_out)


def _flat(whole: str, found: Any, left_out: frozenset[str]) -> Iterator[tuple[str, Any]]:
    if isinstance(found, _SIMPLE):
        yield whole, found
    elif isinstance(found, Mapping):
        for sub, part in found.items():
            path = f"{whole}.{sub}"
            if isinstance(part, _SIMPLE) and path not in left_out:
                yield path, part
    elif isinstance(found, list):
        yield from _flat_elements(whole, found, left_out)


def _flat_elements(
    whole: str, found: list[Any], left_out: frozenset[str]
) -> Iterator[tuple[str, Any]]:
    """The elements that have a type, of each type the first."""
    seen: set[str] = set()
    for element in _elements(found):
        kind = element.get("type")
        if not isinstance(kind, str) or kind in seen or '"' in kind or "\\" in kind:
            continue
        seen.add(kind)
        for sub, part in element.items():
            path = f'{whole}[type eq "{kind}"].{sub}'
            if sub not in _OF_ELEMENTS and isinstance(part, _SIMPLE) and path not in left_out:
                yield path, part


def as_text(found: Any) -> str:
    """A simple value as the text that reconcile compares."""
    if isinstance(found, bool):
        return "true" if found else "false"
    return found if isinstance(found, str) else str(found)
