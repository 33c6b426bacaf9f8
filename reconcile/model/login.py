"""A login: the names that the person may be known by, and the person found."""

import hashlib

import msgspec

from reconcile.model.text import dn


def person_key(source: str, external_id: str, entry: str) -> str:
    """The key under which the failed logins of a person count.

    `entry` is the DN, for one without an external id.
    """
    return whom_key(source, f"person\0{external_id or dn.key(entry)}")


def whom_key(source: str, whom: str) -> str:
    """The key for a name at a source, when no person is known."""
    return hashlib.sha256(f"{source}\0{whom}".encode()).hexdigest()


class LoginNames(msgspec.Struct, frozen=True):
    """The names by which a directory may know a user who typed `typed`: any of these is enough."""

    typed: str
    identifiers: tuple[str, ...]
    """With and without the domain, if it is the source's."""
    external_ids: tuple[str, ...] = ()
    """Those of the users of the source who have such a name on the platform."""
    mails: tuple[str, ...] = ()
    """E-mail addresses: not for logins, but for finding people."""


class Login(msgspec.Struct, frozen=True):
    """Who has logged in. `roles` are those on the platform, in alphabetical order.

    `registered`: this login created the user; `updated`: it brought the user up to date.
    """

    username: str
    workspace: str
    source: str
    external_id: str
    roles: tuple[str, ...]
    registered: bool
    updated: bool
