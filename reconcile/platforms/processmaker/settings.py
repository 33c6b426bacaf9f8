"""The settings of a platform of type processmaker, and what the product can hold."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import msgspec

from reconcile.model import desired
from reconcile.model.platform import Abilities
from reconcile.ports import Fault

WORKSPACE: Final = "{workspace}"
"""In the URL, what stands for the name of a workspace."""
DUE_DATE: Final = "due_date"
"""The attribute that is the day on which an account ends."""
NAME_LENGTH: Final = 50
"""Characters in the name of an authentication source."""
DN_LENGTH: Final = 255
"""Characters in the name of an entry."""

COLUMNS: Final[Mapping[str, tuple[str, int]]] = {
    "address": ("USR_ADDRESS", 255),
    "phone": ("USR_PHONE", 24),
    "fax": ("USR_FAX", 24),
    "cellular": ("USR_CELLULAR", 24),
    "zip_code": ("USR_ZIP_CODE", 16),
    "position": ("USR_POSITION", 100),
    "country": ("USR_COUNTRY", 3),
    "city": ("USR_CITY", 3),
    "location": ("USR_LOCATION", 3),
    "time_zone": ("USR_TIME_ZONE", 100),
    "language": ("USR_DEFAULT_LANG", 10),
}
"""Attribute → its column of USERS and how many characters that takes.

Every other attribute is an extended one.
"""
LENGTHS: Final = {
    "username": 100,
    "first_name": 50,
    "last_name": 50,
    "email": 100,
    "dn": DN_LENGTH,
    **{f"attribute {name}": length for name, (_, length) in COLUMNS.items()},
}
"""Characters that columns take; titles are not limited."""
ROLES: Final[Mapping[str, str]] = {
    "administrator": "PROCESSMAKER_ADMIN",
    "manager": "PROCESSMAKER_MANAGER",
    "operator": "PROCESSMAKER_OPERATOR",
    "guest": "PROCESSMAKER_GUEST",
}
RESERVED: Final = frozenset({"admin", "guest"})
"""Usernames of the accounts that every site has."""
LINKS: Final = 500
"""So many links go in one call."""


class SiteSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The keys of the file, defaults filled in."""

    takeover: bool = False
    """Whether DNs of groups and departments are kept where the product's synchroniser looks not."""
    authentication_sources: dict[str, str] = {}
    """Source → the name of its authentication source, where that has another name."""
    roles: dict[str, str] = {}
    """Role in the files → role code of the product; beside `ROLES`."""

    @property
    def role_codes(self) -> dict[str, str]:
        """Role in the files → role code of the product."""
        return {**ROLES, **self.roles}

    def authentication_source(self, source: str) -> str:
        """The name of the authentication source of a source."""
        return self.authentication_sources.get(source, source)


def site_settings(settings: desired.Platform) -> SiteSettings:
    """The settings, defaults filled in. `problems` has found nothing wrong with them."""
    options: Any = settings.options
    return msgspec.convert(options, SiteSettings)


def problems(settings: desired.Platform) -> Iterator[Fault]:
    """What the schema cannot say."""
    options = settings.options
    url = settings.url.reveal() if settings.url is not None else ""
    if not url:
        why = "is missing: it names the database of each workspace, as in "
        yield ("url",), f"{why}mariadb+pymysql://reconcile@db.example.com/wf_{WORKSPACE}"
    elif len(settings.workspaces) > 1 and WORKSPACE not in url:
        why = f"each workspace has a database of its own: write {WORKSPACE} in place of its name"
        yield ("url",), why
    for option in options.keys() - set(SiteSettings.__struct_fields__):
        yield (option,), "is not a setting of a platform of type processmaker"
    yield from _unknown_sources(settings)
    yield from _doubled(options, "authentication_sources")
    yield from _doubled(options, "roles")


def _unknown_sources(settings: desired.Platform) -> Iterator[Fault]:
    """Names of sources that no file declares."""
    named = settings.options.get("authentication_sources")
    for source in named if isinstance(named, dict) and settings.sources else ():
        if source not in settings.sources:
            declared = ", ".join(settings.sources)
            yield (
                ("authentication_sources", source),
                f"there is no such source; declared are: {declared}",
            )


def _doubled(options: Mapping[str, object], key: str) -> Iterator[Fault]:
    """Two names here that mean one thing there."""
    named = options.get(key)
    first: dict[object, str] = {}
    for name, there in named.items() if isinstance(named, dict) else ():
        if there in first:
            yield (key, name), f"{first[there]} already means {there!r}"
        first.setdefault(there, name)


def abilities() -> Abilities:
    """What a user, a group and a department of the product can have."""
    profile = {"username", "first_name", "last_name", "email", "status", "department", "manager"}
    entry = {"source", "dn"}
    return Abilities(
        lengths=LENGTHS,
        charset="basic",
        fields={
            "user": frozenset(profile | {"attributes"} | entry),
            "group": frozenset({"name"} | entry),
            "department": frozenset({"title", "parent"} | entry),
        },
        reserved_usernames=RESERVED,
        names_ignore="accents",  # the collation of its tables, by which it finds who logs in
        times=frozenset({DUE_DATE}),
        attribute_names=r"(?!USR_)(?s:.+)",
        statuses=frozenset({"active", "inactive", "vacation", "erased"}),
        several_roles=False,
        needs=frozenset({"role"}),
        links_per_call=LINKS,
    )
