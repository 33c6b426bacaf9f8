"""Somebody who logs in: the names they may be known by, and who they turn out to be."""

import hashlib

import msgspec

from reconcile.model.text import dn


def person_key(source: str, external_id: str, entry: str) -> str:
    """Under which key the failed logins of a person count.

    `entry` is the DN, for one without an external id.
    """
    return whom_key(source, f"person\0{external_id or dn.key(entry)}")


def whom_key(source: str, whom: str) -> str:
    """The same of whomever a source is asked for."""
    return hashlib.sha256(f"{source}\0{whom}".encode()).hexdigest()


class LoginNames(msgspec.Struct, frozen=True):
    """What a directory may know a user by who typed `typed`: any of these is enough."""

    typed: str
    identifiers: tuple[str, ...]
    """With and without the domain, where that is the source's."""
    external_ids: tuple[str, ...] = ()
    """Of the users of the source who have such a name on the platform."""
    mails: tuple[str, ...] = ()
    """E-mail addresses: no one logs in by them, but people are searched for by them."""


class Login(msgspec.Struct, frozen=True):
    """Who has logged in. `roles` are those on the platform, in alphabetical order.

    `registered`: this login made the user; `updated`: it brought the user up to date.
    """

    username: str
    workspace: str
    source: str
    external_id: str
    roles: tuple[str, ...]
    registered: bool
    updated: bool
