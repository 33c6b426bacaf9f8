"""Searches as `ldapsearch` commands to paste into a shell; they prompt for the password.

Their URL has the name in the server's certificate, because ldapsearch has no other way to learn it.
With Kerberos they use the same ticket, which is for that name, too.
"""

import shlex

from reconcile.directories.search.search import Search
from reconcile.directories.search.urls import Target, protects
from reconcile.model import desired


def start(source: desired.Source, some: Target) -> str:
    """What is the same for every search on a server."""
    name = _name(source, some)
    scheme = "ldaps" if some.ldaps else "ldap"
    url = some.url if name == some.host else f"{scheme}://{name}:{some.port}"
    words = [
        "ldapsearch",
        *_mechanism(source, some),
        "-LLL",
        "-o",
        "ldif-wrap=no",
        "-H",
        shlex.quote(url),
    ]
    if protects(source, some):
        if source.tls.ca_file:
            words.insert(0, f"LDAPTLS_CACERT={shlex.quote(source.tls.ca_file)}")
        if source.tls.verify == "none":
            words.insert(0, "LDAPTLS_REQCERT=never")
        if not some.ldaps:
            words.append("-ZZ")
    if source.bind.dn:
        words += ["-D", shlex.quote(source.bind.dn), "-W"]
    return " ".join(words)


def needs(source: desired.Source, some: Target) -> str:
    """What a machine needs for the commands to work there; "" for nothing."""
    name = _name(source, some)
    return (
        ""
        if name == some.host
        else f"the commands need a machine where {name} (tls.server_name) is {some.host}"
    )


def _name(source: desired.Source, some: Target) -> str:
    checked = source.bind.kerberos or (protects(source, some) and source.tls.verify == "full")
    name = source.tls.server_name or some.host
    return name if checked and name.lower() != some.host.lower() else some.host


def _mechanism(source: desired.Source, some: Target) -> list[str]:
    if not source.bind.kerberos:
        return ["-x"]
    # Encrypted by TLS or by Kerberos, never by both; and the host name as it is, whatever DNS calls
    # it.
    return ["-Y", "GSSAPI", "-N", "-Q", "-O", "maxssf=0" if protects(source, some) else "minssf=56"]


def rest(search: Search, page_size: int) -> str:
    """The arguments of one search; page size 0 is without pages."""
    scope = {"base": "base", "one": "one", "subtree": "sub"}[search.scope]
    paging = ["-E", f"pr={page_size}/noprompt"] if page_size else []
    limit = ["-l", str(search.seconds)] if search.seconds else []
    return shlex.join(
        ["-b", search.base, "-s", scope, *limit, *paging, search.filter, *search.attributes]
    )
