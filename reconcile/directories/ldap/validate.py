"""What is wrong with a source's settings, as far as they show it themselves."""

from collections.abc import Iterator

from reconcile.directories.connection import bind as binding
from reconcile.directories.search.urls import target
from reconcile.directories.vendors import active_directory
from reconcile.model import desired
from reconcile.model.text import dn
from reconcile.ports import Fault

_LARGEST_PAGE = 2**31 - 1
"""RFC 2696's largest number."""
_TOO_LITTLE = (
    "port {} is the global catalog's, which holds a part of every entry only: most groups have "
    "no members there and no account expires; use {}"
)
_UNSIGNED = (
    "require_signing binds over TLS or with Kerberos alone, but tls.mode is none: set starttls "
    "or ldaps"
)


def servers(source: desired.Source) -> Iterator[Fault]:
    """Faults in where and how to connect."""
    if not source.servers:
        yield ("servers",), "no server is named"
    for number, url in enumerate(source.servers):
        yield from ((("servers", number), what) for what in _server(source, url))
    if source.require_signing and source.tls.mode == "none" and not source.bind.kerberos:
        yield ("require_signing",), _UNSIGNED
    yield from _bind(source)
    if not 0 <= source.page_size <= _LARGEST_PAGE:
        yield ("page_size",), f"has to be between 0 (read without pages) and {_LARGEST_PAGE}"


def _server(source: desired.Source, url: str) -> Iterator[str]:
    """What is wrong with the URL of one server."""
    try:
        some = target(url)
    except ValueError as error:
        yield str(error)
        return
    if some.ldaps and source.tls.mode == "none":
        yield "ldaps:// is protected, but tls.mode is none"
    if not some.ldaps and source.tls.mode == "ldaps":
        yield "tls.mode is ldaps: write ldaps://"
    if source.type == "active_directory" and some.port in active_directory.GLOBAL_CATALOG:
        yield _TOO_LITTLE.format(some.port, 636 if some.ldaps else 389)


def status(source: desired.Source) -> Iterator[Fault]:
    """Faults in the settings about disabled accounts."""
    if source.active_uac and source.type != "active_directory":
        yield ("active_uac",), "only a source of type active_directory has userAccountControl"


def _bind(source: desired.Source) -> Iterator[Fault]:
    """Whether exactly one way to bind is given, and is available here."""
    bind = source.bind
    simple = bool(bind.dn) or bind.password is not None
    if bind.kerberos:
        if simple or bind.anonymous:
            yield ("bind",), "kerberos: true, but also dn, password or anonymous: true"
        elif why := binding.missing(source):
            yield ("bind", "kerberos"), f"kerberos cannot be used: {why}"
        return
    if bind.principal:
        yield ("bind", "principal"), "only a bind with kerberos: true has a principal"
    if bind.anonymous and simple:
        yield ("bind",), "anonymous: true, but also dn or password"
    elif not bind.anonymous and (not bind.dn or bind.password is None):
        yield ("bind",), "neither dn and password, nor anonymous: true, nor kerberos: true"


def referrals(source: desired.Source) -> Iterator[Fault]:
    """Faults in the parts that are left to other servers."""
    base = _wide(source.base_dn)
    for number, text in enumerate(source.ignore_referrals):
        faults = list(_name(("ignore_referrals", number), text))
        if not faults and (_wide(text) == base or not dn.is_below(_wide(text), base)):
            faults = [(("ignore_referrals", number), f"is not below base_dn, {source.base_dn}")]
        yield from faults


def rules(source: desired.Source) -> Iterator[Fault]:
    """Faults in the searches."""
    parts = (
        ("users", source.users),
        ("groups", source.groups),
        ("departments", source.departments),
    )
    yield from _name(("base_dn",), source.base_dn)
    for key, part in parts:
        yield from _name((key, "base"), part.base)
        if part.filter is not None:
            yield from malformed((key, "filter"), part.filter)


def _wide(text: str) -> str:
    return dn.wide(dn.key(text), "compatibility")


def _name(path: tuple[str | int, ...], text: str) -> Iterator[Fault]:
    try:
        dn.normalize(text)
    except ValueError as error:
        yield path, str(error)


def malformed(path: tuple[str, ...], text: str) -> Iterator[Fault]:
    """The fault of an invalid filter."""
    # Imported here, because ldap3 is slow to import and most sources have no filter of their own.
    from reconcile.directories import filter_syntax
    from reconcile.directories.filter_faults import FilterError

    try:
        filter_syntax.parse(text)
    except FilterError as error:
        yield path, f"this {error}{error.picture}"
