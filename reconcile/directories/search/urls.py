"""LDAP URLs, taken apart: those of servers, and those that lead to entries."""

from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from reconcile.model import desired
from reconcile.model.text import dn


class Target(NamedTuple):
    """A server URL, taken apart."""

    url: str
    host: str
    port: int
    ldaps: bool


def target(url: str) -> Target:
    """Takes a URL apart.

    Raises ValueError for anything but ldap://HOST[:PORT] and ldaps://HOST[:PORT].
    """
    parts = urlsplit(url.strip())
    if "@" in parts.netloc:
        # Not quoted in the message: the text before the sign may be a password.
        raise ValueError("a server URL names no user and no password; they belong to bind")
    if (
        parts.scheme not in {"ldap", "ldaps"}
        or not parts.hostname
        or parts.path.strip("/")
        or parts.query
        or parts.fragment
    ):
        raise ValueError(f"{url!r} is not ldap://HOST[:PORT] or ldaps://HOST[:PORT]")
    ldaps = parts.scheme == "ldaps"
    return Target(url.strip(), parts.hostname, parts.port or (636 if ldaps else 389), ldaps)


def named(url: str) -> str:
    """The normalized DN in the URL of a reference (RFC 4516); "" if there is none."""
    return dn.key(unquote(urlsplit(url).path.removeprefix("/")))


def protects(source: desired.Source, some: Target) -> bool:
    """Whether the connection to this server uses TLS from the start."""
    return some.ldaps or source.tls.mode != "none"
