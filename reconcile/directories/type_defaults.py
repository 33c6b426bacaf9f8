"""What a source has by its type, in the terms of the desired-state file, for people to read."""

import time

from reconcile.directories.snapshot.snapshot import container, users_search
from reconcile.directories.vendors import active_directory
from reconcile.directories.vendors.table import VENDORS, vendor
from reconcile.model import desired
from reconcile.model.directory import Attributes


def by_type(source: desired.Source) -> dict[str, str | list[str]]:
    """Path within the source → the value if the file does not set it.

    Empty for a type that a plug-in added. A list means several values at once, where the file can
    name only one: the attributes that name a group's members.
    """
    row = VENDORS.get(source.type)
    if row is None:
        return {}
    members = [*row.member_attributes, *row.login_attributes]
    values: dict[str, str | list[str]] = {
        "users.filter": row.user_filter,
        "users.identifier": row.identifier,
        "groups.filter": row.group_filter,
        "groups.member_attribute": members if len(members) > 1 else members[0],
        "departments.filter": row.unit_filter,
    }
    for part, base in (("users", row.user_base), ("groups", row.group_base)):
        if base:
            values[f"{part}.base"] = container(base, source.base_dn)
    if row.manager_attribute:
        values["users.manager_attribute"] = row.manager_attribute
    return values


def persons_search(source: desired.Source) -> tuple[str, str, str]:
    """Base, scope and filter of the search for persons.

    The filter is "" if a plug-in has its own.
    """
    search = users_search(source, vendor(source.type), ())
    return (
        search.base,
        search.scope,
        search.filter if source.type in VENDORS else source.users.filter or "",
    )


def why_disabled(source: desired.Source, attributes: Attributes) -> str:
    """What marks the entry of a disabled person, in words; "" if that is not known."""
    if source.type == "active_directory":
        return active_directory.reason(source.active_uac, time.time())(attributes)
    row = VENDORS.get(source.type)
    shown = [(name, attributes.get(name)) for name in (row.disabled_attributes if row else ())]
    return ", ".join(f"{name} {values[0]}" for name, values in shown if values)
