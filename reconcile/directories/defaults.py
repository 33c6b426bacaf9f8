"""What a source has by its type, in the words of the desired-state file: for people who want to see it."""

from reconcile.directories.reading import container
from reconcile.directories.vendors import VENDORS
from reconcile.model import desired


def by_type(source: desired.Source) -> dict[str, str | list[str]]:
    """Path within the source → what holds where the file says nothing; nothing for a type that a plug-in added.

    A list is several values at once, where the file could name one: the attributes that name a group's members.
    """
    vendor = VENDORS.get(source.type)
    if vendor is None:
        return {}
    members = [*vendor.member_attributes, *vendor.login_attributes]
    found: dict[str, str | list[str]] = {
        "users.filter": vendor.user_filter,
        "users.identifier": vendor.identifier,
        "groups.filter": vendor.group_filter,
        "groups.member_attribute": members if len(members) > 1 else members[0],
        "departments.filter": vendor.unit_filter,
    }
    for part, base in (("users", vendor.user_base), ("groups", vendor.group_base)):
        if base:
            found[f"{part}.base"] = container(base, source.base_dn)
    if vendor.manager_attribute:
        found["users.manager_attribute"] = vendor.manager_attribute
    return found
