"""What to do about a check that failed: what the server itself says helps most.

Everything here is a help after a failure. Whatever goes wrong meanwhile leaves the hint out.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

import msgspec

from reconcile.directories.deadlines import TOTAL, after
from reconcile.directories.discovery.certificate import certificate
from reconcile.directories.discovery.root import PRODUCTS, Root, other_type, read_root
from reconcile.directories.errors import BIND, REACH, TLS
from reconcile.directories.ldap.connect import connect, no_step
from reconcile.directories.search.search import NO_ATTRIBUTES, Search, Searcher
from reconcile.errors import SourceUnreadable
from reconcile.model import desired
from reconcile.model.text import dn, slips
from reconcile.model.text.printing import quoted
from reconcile.ports import Check

_PATHS: Final = {
    REACH: "servers",
    TLS: "tls",
    BIND: "bind",
    "base DN": "base_dn",
    "persons": "users.base",
    "groups": "groups.base",
    "OUs": "departments.base",
}
"""What is checked → the setting that it is about."""
_CONTAINERS: Final = "(|(objectClass=organizationalUnit)(objectClass=container))"
_SHOWN: Final = 10
_LOGIN: Final = re.compile(r"[^@\\=]+@[^@\\=]+|[^@\\=]+\\[^@\\=]+")
"""A name by which domain controllers know an account, besides its DN."""


def of_connection(source: desired.Source, check: Check) -> Check:
    """The check that ended the attempt to connect, with a hint where one is known."""
    hint = ""
    with suppress(SourceUnreadable):
        if check.what == TLS:
            hint = _about_tls(source, check.detail)
        elif check.what == BIND:
            hint = _about_bind(source, check.detail)
    return check._replace(hint=hint, path=_PATHS.get(check.what, ""))


def of_failure(source: desired.Source, check: Check, searcher: Callable[[], Searcher]) -> Check:
    """The check that failed on a bound connection. `searcher` makes a new connection."""
    hint, path = "", _PATHS.get(check.what, "")
    with suppress(SourceUnreadable):
        root = read_root(searcher())
        if wrong := other_type(source.type, root):
            hint, path = _product(wrong), "type"
        elif not _is_below_one(source.base_dn, root):
            hint = _contexts(root)
        elif source.bind.anonymous:
            hint = "the reader is anonymous: set bind.dn and bind.password"
        elif check.what != "base DN":
            hint = _containers(source, searcher())
    return check._replace(hint=hint, path=path)


def of_entries(source: desired.Source, check: Check, searcher: Searcher) -> Check:
    """A check of entries that need no server, with a hint if it failed."""
    if check.ok:
        return check
    hint = ""
    with suppress(SourceUnreadable):
        hint = _containers(source, searcher)
    return check._replace(hint=hint, path=_PATHS.get(check.what, ""))


def of_product(source: desired.Source, searcher: Callable[[], Searcher]) -> Iterator[Check]:
    """A line if the server is another product than the source's type says."""
    with suppress(SourceUnreadable):
        root = read_root(searcher())
        if wrong := other_type(source.type, root):
            yield Check("product", True, root.product, _product(wrong), "type")


def _product(kind: str) -> str:
    return f"this server is {_article(PRODUCTS[kind])}: set type: {kind}"


def _article(name: str) -> str:
    return f"{'an' if name[0] in 'AEIO' else 'a'} {name}"


def _is_below_one(base: str, root: Root) -> bool:
    """Whether the base is in a tree of the server; also if the server names none."""
    key = dn.key(base)
    return not root.contexts or any(dn.is_below(key, dn.key(name)) for name in root.contexts)


def _contexts(root: Root) -> str:
    names = [quoted(name) for name in root.contexts[:_SHOWN]]
    if len(names) == 1:
        return f"this server holds {names[0]}: set base_dn to it, or to a part of it"
    return f"this server holds {'; '.join(names)}: set base_dn to one of them, or to a part of one"


def _containers(source: desired.Source, searcher: Searcher) -> str:
    """The containers directly below the base DN."""
    search = Search(source.base_dn, "one", _CONTAINERS, NO_ATTRIBUTES)
    names = sorted(quoted(dn.rdn(entry.dn)) for page in searcher.search(search) for entry in page)
    if not names:
        return ""
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    near = _meant(source, names)
    return f"{near}directly below {source.base_dn} are {', '.join(names[:_SHOWN])}{more}"


def _meant(source: desired.Source, names: Sequence[str]) -> str:
    """The container that a base one slip away from it may mean."""
    known = {name.casefold(): name for name in names}
    for base in (source.users.base, source.groups.base, source.departments.base):
        top = dn.parse(base)[-1:] if base else []
        written = ",".join(f"{kind}={value}" for rdn in top for kind, value in rdn).casefold()
        near = slips.meant(written, known) if written not in known else ""
        if near:
            return f"did you mean {known[near]}? "
    return ""


def _about_tls(source: desired.Source, why: str) -> str:
    """What the server's certificate says, if it shows one."""
    if "CA file" in why or "StartTLS failed" in why:
        return ""
    shown = certificate(source)
    text = (
        f"it shows a certificate of {shown.subject or 'nobody'}, issued by {shown.issuer}, valid "
        f"until {shown.until:%Y-%m-%d}, SHA-256 {shown.fingerprint}"
    )
    if shown.mismatch and shown.names:
        return f"{text}; it is for {', '.join(shown.names[:_SHOWN])}"
    url = source.servers[0]
    return f"{text}; `reconcile init --from {url} FILE` can save it as a ca_file"


def _about_bind(source: desired.Source, why: str) -> str:
    """What a domain controller takes for a name, if the server is one."""
    misnamed = any(f"({code})" in why for code in ("invalidCredentials", "invalidDNSyntax"))
    if not misnamed or source.bind.kerberos or _is_login(source.bind.dn):
        return ""
    anonymous = msgspec.structs.replace(source, bind=desired.Bind(anonymous=True))
    session = connect(
        anonymous, source.servers, no_step, after(source.timeout.connect, TOTAL), warned=True
    )
    try:
        root = read_root(session)
    finally:
        session.close()
    if root.type != "active_directory":
        return "bind.dn has to be the whole DN of an account"
    domain = dn.domain(root.contexts[0]) if root.contexts else "example.com"
    return rf"this server is an Active Directory: bind.dn is a DN, name@{domain} or DOMAIN\name"


def _is_login(name: str) -> bool:
    """Whether this is a DN, or a name that a domain controller may know."""
    try:
        return bool(dn.parse(name)) or bool(_LOGIN.fullmatch(name))
    except ValueError:
        return bool(_LOGIN.fullmatch(name))
