"""Searches as `ldapsearch` commands that can be pasted into a shell; they ask for the password themselves.

With Kerberos they take the same ticket, for the host name in the URL.
"""

import shlex

from reconcile.directories.searching import Search
from reconcile.directories.targets import Target, protects
from reconcile.model import desired


def start(source: desired.Source, some: Target) -> str:
    """What is the same for every search on a server."""
    words = ["ldapsearch", *_mechanism(source, some), "-LLL", "-o", "ldif-wrap=no", "-H", some.url]
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


def _mechanism(source: desired.Source, some: Target) -> list[str]:
    if not source.bind.kerberos:
        return ["-x"]
    # Encrypted by TLS or by Kerberos, never by both; and the host name as it is, whatever DNS calls it.
    return ["-Y", "GSSAPI", "-N", "-Q", "-O", "maxssf=0" if protects(source, some) else "minssf=56"]


def rest(search: Search, page_size: int) -> str:
    """What belongs to one search; page size 0 is without pages."""
    scope = {"base": "base", "one": "one", "subtree": "sub"}[search.scope]
    paging = ["-E", f"pr={page_size}/noprompt"] if page_size else []
    limit = ["-l", str(search.seconds)] if search.seconds else []
    return shlex.join(["-b", search.base, "-s", scope, *limit, *paging, search.filter, *search.attributes])
