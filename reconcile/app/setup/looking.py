"""What a server shows, step by step: how it is protected, what it is, what it holds."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from reconcile.directories.discovery.certificate import ShownCertificate, certificate
from reconcile.directories.discovery.contents import Contents
from reconcile.directories.discovery.root import Root
from reconcile.directories.errors import TLS, BindRefused, NoConnection
from reconcile.directories.ldap import discover
from reconcile.directories.search.urls import target
from reconcile.errors import SourceUnreadable, UsageError
from reconcile.model import desired

logger = logging.getLogger(__name__)

_ANONYMOUS: Final = desired.Bind(anonymous=True)
_CLEAR: Final = (
    "The connection is not protected. Only if the server has no TLS at all, and you accept that "
    "anyone in between can read the password and change what comes, add --tls none."
)

Trust = Callable[[ShownCertificate], bool]
"""Whether the user takes this certificate, which nothing else vouches for, for the server's."""


class Server(NamedTuple):
    """A server that has been reached."""

    source: desired.Source
    """How it is connected to. A trusted certificate is in a temporary file, its `ca_file`."""
    root: Root | None
    """None if the server shows nothing before a bind."""
    trusted: ShownCertificate | None = None


class Entered:
    """A password that a user has typed, or that an environment variable holds."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The password."""
        return self._text

    def __repr__(self) -> str:
        return "Entered(…)"


def to_look_at(url: str, tls: desired.Tls | None) -> desired.Source:
    """A source to look at a server with; without `tls` it is protected as its URL says.

    Raises UsageError for a URL that is not one.
    """
    try:
        some = target(url)
    except ValueError as error:
        raise UsageError(str(error)) from error
    usual = desired.Tls(mode="ldaps" if some.ldaps else "starttls")
    return desired.Source(
        name=some.host,
        type="ldap",
        base_dn="",
        users=desired.Users(fields={}),
        servers=(some.url,),
        tls=tls or usual,
        bind=_ANONYMOUS,
    )


def reached(source: desired.Source, trust: Trust, folder: Path) -> Server:
    """The server, after TLS with a certificate that the system or the user trusts.

    A certificate that `trust` accepts is written into `folder`. Nothing ever falls back to clear
    text. Raises SourceUnreadable.
    """
    try:
        return Server(source, _root(source))
    except NoConnection as error:
        if error.step != TLS:
            raise
        refused = error
    try:
        shown = certificate(source)
    except SourceUnreadable:
        # Not the certificate is at fault: there is no TLS in this way.
        return _over_ldaps(source, trust, folder, refused)
    if not trust(shown):
        raise refused
    file = folder / "certificate.pem"
    file.write_text(shown.pem, encoding="ascii")
    name = _certified(shown) if shown.mismatch else source.tls.server_name
    tls = msgspec.structs.replace(source.tls, ca_file=str(file), server_name=name)
    trusting = msgspec.structs.replace(source, tls=tls)
    return Server(trusting, _root(trusting), shown)


def _certified(shown: ShownCertificate) -> str | None:
    """A name that the certificate is for; a wildcard is for any host of its domain."""
    exact = [name for name in shown.names if "*" not in name]
    wildcards = [name.replace("*", "ldap") for name in shown.names]
    return next(iter([*exact, *wildcards]), None)


def _root(source: desired.Source) -> Root | None:
    try:
        return discover.root(source)
    except BindRefused as error:
        logger.info("%s", error)
        return None


def _over_ldaps(
    source: desired.Source, trust: Trust, folder: Path, refused: NoConnection
) -> Server:
    """The same host on the port of LDAPS, if it was asked on the one of LDAP."""
    some = target(source.servers[0])
    if some.ldaps or some.port != 389:
        raise SourceUnreadable(f"{refused}\n{_CLEAR}") from refused
    host = f"[{some.host}]" if ":" in some.host else some.host
    tls = msgspec.structs.replace(source.tls, mode="ldaps")
    other = msgspec.structs.replace(source, servers=(f"ldaps://{host}",), tls=tls)
    try:
        return reached(other, trust, folder)
    except NoConnection as error:
        if error.step == TLS:
            raise
        raise SourceUnreadable(f"{refused}\n{_CLEAR}") from error


def bound(server: Server, bind: desired.Bind) -> Server:
    """The server as this reader sees it. Raises BindRefused, SourceUnreadable."""
    source = msgspec.structs.replace(server.source, bind=bind)
    root = discover.root(source)
    # Some servers show more of their root entry after a bind, and none shows less.
    return server._replace(source=source, root=root if root.contexts else server.root or root)


def counted(server: Server, kind: str, base_dn: str) -> Contents:
    """What is below a base, by the filters of a source type. Raises SourceUnreadable."""
    source = msgspec.structs.replace(server.source, type=kind, base_dn=base_dn)
    return discover.holdings(source)
