"""What can be done about each kind of skip."""

from collections.abc import Mapping
from typing import Final

from reconcile.model.change import SkipCode

REMEDIES: Final[Mapping[SkipCode, str]] = {
    "missing_field": "Fill in the field in the directory, or remove it from `users.require`.",
    "duplicate_username": (
        "Give one of the persons another username, or exclude one of them with `users.exclude`."
    ),
    "duplicate_name": "Rename one of the entries in the directory, or select only one of them.",
    "reserved_username": "Give the person another username: the platform reserves this one.",
    "exists_locally": (
        "Allow the source to adopt it (`adopt_local`), tie it to the entry with `links`, or rename"
        " it on the platform."
    ),
    "owned_by_other_source": (
        "Name the other source in `takes_over` if it may be taken over, or rename one of the two."
    ),
    "namesake": "If it is the same person, add the line of the reason to `links`.",
    "invalid_value": "Correct the value in the directory.",
    "invalid_attribute": "Correct the value in the directory, or the template of the attribute.",
    "template_failed": "Correct the template, or the values of the entry that it uses.",
    "parent_not_selected": "Select the department above it, too, or correct what keeps it out.",
    "dangling_member": (
        "Nothing has to be done. Select the member, too, or remove it from the group if it is gone."
    ),
    "dynamic_group": "Use a group with members that the directory lists.",
    "ambiguous_reference": "Make the name unique in the directory.",
    "not_supported": "Leave it out of the rules: the platform cannot have it.",
    "not_undone": "Change it by hand on the platform if it is still wanted.",
}
"""Code of a skip → a sentence or two. The reason of the skip says what is wrong."""
