"""SCIM paths: where a value is in a resource.

    title
    name.formatted
    phoneNumbers[type eq "mobile"].value
    urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter

A path is a type alone with what it leads to; only filters by `type` are understood, as only those
say which element is meant after every change.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from reconcile.platforms.http.values import mapping, mappings

Resource: TypeAlias = dict[str, Any]
_Element = TypeVar("_Element", bound=Mapping[str, Any])

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
    holder = mapping(resource.get(path.urn)) if path.urn else resource
    shown = holder.get(path.name)
    if path.type:
        shown = _of_type(mappings(shown), path.type)
    return mapping(shown).get(path.sub) if path.sub else shown


def _of_type(elements: Iterable[_Element], kind: str) -> _Element | None:
    """The first element of a type; None without one."""
    return next((element for element in elements if element.get("type") == kind), None)


def put(resource: Resource, path: Path, new: Any) -> None:
    """Sets what a resource has at a path; None takes it away. Other values stay."""
    holder = resource.setdefault(path.urn, {}) if path.urn else resource
    if path.type:
        _put_element(holder, path, new)
    elif path.sub:
        _put_sub(holder, path, new)
    else:
        _set(holder, path.name, new)
    if path.urn and not holder:
        del resource[path.urn]


def _put_sub(holder: Resource, path: Path, new: Any) -> None:
    """Sets one part of a complex attribute. Without any part, the attribute goes."""
    part = dict(mapping(holder.get(path.name)))
    _set(part, path.sub, new)
    _set(holder, path.name, part or None)


def _put_element(holder: Resource, path: Path, new: Any) -> None:
    """Sets one part of the element of a type.

    The element is added where it is missing, and goes where it has nothing but its type left.
    """
    elements = [dict(element) for element in mappings(holder.get(path.name))]
    element = _of_type(elements, path.type)
    if element is None:
        element = {"type": path.type}
        elements.append(element)
    _set(element, path.sub or "value", new)
    if element.keys() <= {"type", "primary"}:
        elements.remove(element)
    _set(holder, path.name, elements or None)


def _set(holder: Resource, name: str, new: Any) -> None:
    """Sets a value; None takes it away."""
    if new is None:
        holder.pop(name, None)
    else:
        holder[name] = new


def urns(resource: Resource) -> list[str]:
    """The extensions that a resource has."""
    return [name for name in resource if name.startswith("urn:")]


def equals(attribute: str, text: str) -> str:
    """A filter for one value."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'{attribute} eq "{escaped}"'
