"""Whether a capture fits the rules: it has what they ask for, read with the same settings.

What it has beyond that is left out. So a capture serves rules that were changed since, and gives
the very snapshot that the directory would.
"""

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeVar

import msgspec

from reconcile.directories.capture.file import Capture
from reconcile.directories.snapshot.entries import Rules
from reconcile.directories.vendors.table import LOGINS, vendor
from reconcile.errors import CaptureError
from reconcile.model import desired
from reconcile.model.directory import (
    Attributes,
    DirectoryGroup,
    DirectorySnapshot,
    OrganizationalUnit,
    Person,
    Query,
)
from reconcile.model.text.attribute_types import MAIN
from reconcile.model.text.printing import quoted

_Entry = TypeVar("_Entry", DirectoryGroup, OrganizationalUnit)
_AGAIN: Final = "Capture again"
_WORDS: Final = {"person": "persons", "group": "groups", "unit": "organizational units"}


def read_settings(source: desired.Source) -> dict[str, Any]:
    """The settings of a source that decide what is read of it, apart from where it is."""
    users = source.users
    settings: dict[str, Any] = {
        "type": source.type,
        "base_dn": source.base_dn,
        "users.base": users.base,
        "users.scope": users.scope,
        "users.filter": users.filter,
        "users.identifier": users.identifier,
        "users.manager_attribute": users.manager_attribute,
        "active_uac": list(source.active_uac),
        "ignore_referrals": list(source.ignore_referrals),
    }
    for name in ("groups", "departments"):
        part = msgspec.to_builtins(getattr(source, name))
        settings |= {f"{name}.{key}": value for key, value in part.items()}
    return settings


def refuse_unfit(capture: Capture, source: desired.Source, query: Query, name: str) -> None:
    """Raises CaptureError unless the capture was read as the source is now, and has all of a query.

    `name` is that of its file.
    """
    about = capture.about
    now = msgspec.to_builtins(read_settings(source))
    differing = [
        f"{key} was {_shown(about.settings.get(key))}, is {_shown(now.get(key))}"
        for key in sorted(now.keys() | about.settings.keys())
        if now.get(key) != about.settings.get(key)
    ]
    if about.base_dn != source.base_dn and not differing:
        differing = [f"base_dn was {_shown(about.base_dn)}, is {_shown(source.base_dn)}"]
    if differing:
        raise CaptureError(
            f"{name}: source {source.name} is read in another way now: {'; '.join(differing)}."
            f" {_AGAIN}: reconcile capture {source.name}"
        )
    lacking = list(_lacking(about.query, query))
    if lacking:
        raise CaptureError(
            f"{name}: the rules ask for what was not captured of source {source.name}:"
            f" {', '.join(lacking)}. {_AGAIN}: reconcile capture {source.name}"
        )


def _shown(value: object) -> str:
    return "not set" if value in (None, "", []) else quoted(str(value))


def _lacking(has: Query, asked: Query) -> Iterator[str]:
    """What a query asks for and another one did not."""
    for part in ("person", "group", "unit"):
        captured = {attribute.lower() for attribute in getattr(has, f"{part}_attributes")}
        names = {attribute.lower() for attribute in getattr(asked, f"{part}_attributes")}
        if missing := sorted(names - captured):
            what = _WORDS[part]
            yield f"the attribute{'s'[: len(missing) > 1]} {', '.join(missing)} of {what}"
    if asked.groups and not has.groups:
        yield "the groups"
    if asked.units and not has.units:
        yield "the organizational units"


def narrowed(capture: Capture, source: desired.Source, query: Query) -> DirectorySnapshot:
    """The snapshot that the directory would have given for this query.

    The query asks for no more than the capture has.
    """
    rules = Rules.of(source, vendor(source.type), query)
    whole = capture.snapshot()
    persons = _Kept((*rules.person_attributes(query), *query.person_attributes))
    groups = _Kept((*rules.group_attributes_asked(), *query.group_attributes))
    units = _Kept((*rules.unit_attributes(query), *query.unit_attributes))
    return msgspec.structs.replace(
        whole,
        persons=tuple(_person(person, persons) for person in whole.persons),
        groups=tuple(_replaced(group, groups) for group in whole.groups) if query.groups else (),
        units=tuple(_replaced(unit, units) for unit in whole.units) if query.units else (),
    )


class _Kept:
    """Attributes that a read asks for, by name; an attribute with options comes with its base."""

    def __init__(self, names: Iterable[str]) -> None:
        lower = {name.lower() for name in names}
        self._names = lower | {MAIN[name] for name in lower if name in MAIN}

    def __contains__(self, name: str) -> bool:
        return name in self._names or name.partition(";")[0] in self._names

    def of(self, attributes: Attributes) -> Attributes:
        """Those of an entry that are kept."""
        return {name: values for name, values in attributes.items() if name in self}


def _person(person: Person, kept: _Kept) -> Person:
    """A person; logins are known only if `uid` is read."""
    attributes = kept.of(person.attributes)
    if len(attributes) == len(person.attributes):
        return person
    logins = person.logins if LOGINS in kept else ()
    return msgspec.structs.replace(person, attributes=attributes, logins=logins)


def _replaced(entry: _Entry, kept: _Kept) -> _Entry:
    """A group or OU with the attributes that are kept."""
    return msgspec.structs.replace(entry, attributes=kept.of(entry.attributes))
