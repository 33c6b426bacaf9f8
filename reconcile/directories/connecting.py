"""From a source's settings to a bound session: the servers in their order, TLS, bind.

A server that cannot be reached or cannot be trusted is left for the next one, and why is remembered. A server that
refuses the bind ends the attempt: another one would refuse it too, and might lock the account. Nothing ever falls back
to clear text.
"""

import logging
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import TypeAlias

from reconcile.directories import ldapsearch, securing
from reconcile.directories.binding import bind, reader
from reconcile.directories.failures import BIND, REACH, TLS, NoConnection, Reader, Unusable
from reconcile.directories.library import LDAPException, ldap3
from reconcile.directories.securing import CheckedTls
from reconcile.directories.session import Session
from reconcile.directories.targets import Target, target
from reconcile.model import desired

log = logging.getLogger("reconcile.directories")

Told: TypeAlias = Callable[[str, str], None]
"""Called with each step that succeeded on the server that is used, and its details."""


def tell_nobody(what: str, detail: str) -> None:
    """A Told that tells nobody."""


def connect(source: desired.Source, urls: Sequence[str], told: Told) -> Session:
    """A session with the first of the servers that can be used. Raises NoConnection, naming each one's reason."""
    try:
        targets = [target(url) for url in urls]
    except ValueError as error:
        raise NoConnection(REACH, f"the source {source.name}: {error}") from error
    if source.require_signing and source.tls.mode == "none" and not all(some.ldaps for some in targets):
        raise NoConnection(
            TLS,
            f"the source {source.name} has require_signing: true, but tls.mode is none: nothing was sent.\n"
            "Set tls.mode to starttls or ldaps.",
        )
    protected = source.tls.mode != "none" or any(some.ldaps for some in targets)
    rules = securing.context(source.tls) if protected else None
    _warn(source, targets)
    failures: list[Unusable] = []
    for some in targets:
        try:
            return _session(source, some, rules, told)
        except Unusable as error:
            log.warning("%s: %s: %s", source.name, some.url, error)
            failures.append(Unusable(error.step, f"{some.url}: {error}"))
    reasons = "\n".join(f"  {failure}" for failure in failures)
    step = failures[-1].step if failures else REACH
    raise NoConnection(step, f"no server of the source {source.name} can be used:\n{reasons}")


def _warn(source: desired.Source, targets: Sequence[Target]) -> None:
    if source.bind.anonymous:
        log.warning("%s: the bind is anonymous: what the directory hides from strangers is not there", source.name)
    clear = [some.url for some in targets if source.tls.mode == "none" and not some.ldaps]
    if clear and not source.bind.anonymous:
        log.warning("%s: the password is sent in clear text to %s (tls.mode: none)", source.name, ", ".join(clear))
    if source.tls.verify == "none" and len(clear) < len(targets):
        log.warning(
            "%s: CERTIFICATES ARE NOT CHECKED (tls.verify: none): anybody on the way can read the password and "
            "pretend to be the directory",
            source.name,
        )


def _session(source: desired.Source, some: Target, rules: ssl.SSLContext | None, told: Told) -> Session:
    steps: list[tuple[str, str]] = []
    started = time.perf_counter()
    protect = rules is not None and (some.ldaps or source.tls.mode != "none")
    tls = CheckedTls(rules, source.tls.server_name or some.host) if rules is not None and protect else None
    connection = _reach(source, some, tls)
    try:
        steps.append((REACH, f"{some.url}, {time.perf_counter() - started:.3f} s"))
        if tls is not None and not some.ldaps:
            _start_tls(connection, tls)
        steps.append((TLS, securing.described(connection) if tls is not None else "none: clear text (tls.mode: none)"))
        # Up to here the short timeout ran, as nobody searches anything while connecting.
        connection.socket.settimeout(source.timeout.read)
        for what, detail in steps:
            told(what, detail)
        bind(connection, source, some)
    except BaseException:
        connection.strategy.close()
        raise
    told(BIND, reader(source))
    return Session(connection, Reader(some.url, reader(source), source.page_size), ldapsearch.start(source, some))


def _reach(source: desired.Source, some: Target, tls: CheckedTls | None) -> ldap3.Connection:
    """An open connection to one of the server's addresses; with LDAPS it is protected already."""
    try:
        found = socket.getaddrinfo(some.host, some.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise Unusable(REACH, f"the host name {some.host} cannot be resolved: {why}") from error
    reasons = {}
    for *_, place in found:
        address = str(place[0])
        # ldap3 resolves names too, but leaves the sockets open of addresses that do not answer.
        server = ldap3.Server(
            address,
            port=some.port,
            use_ssl=some.ldaps,
            tls=tls,
            get_info=ldap3.NONE,
            connect_timeout=source.timeout.connect,
        )
        connection = ldap3.Connection(server, auto_referrals=False, check_names=False, collect_usage=False)
        try:
            connection.open(read_server_info=False)
        except (LDAPException, OSError) as error:
            if connection.socket is not None:
                connection.socket.close()
            if tls is not None and tls.failure is not None:
                raise Unusable(TLS, securing.reason(tls.failure)) from error
            reasons[address] = _reason(error, source)
        else:
            return connection
    if len(reasons) == 1:
        raise Unusable(REACH, *reasons.values())
    raise Unusable(REACH, "; ".join(f"{address}: {why}" for address, why in reasons.items()))


def _reason(error: Exception, source: desired.Source) -> str:
    text = str(error).removeprefix("socket connection error while opening: ")
    if "timed out" in text:
        return f"no answer within {source.timeout.connect:g} s (timeout.connect)"
    return text


def _start_tls(connection: ldap3.Connection, tls: CheckedTls) -> None:
    try:
        started = connection.start_tls(read_server_info=False)
    except Exception as error:
        if tls.failure is not None:
            raise Unusable(TLS, securing.reason(tls.failure)) from error
        why = str(error).removeprefix("startTLS failed - ")
        if connection.result and connection.result["message"]:
            why += f" ({connection.result['message']})"
        raise Unusable(TLS, f"StartTLS failed: {why}; nothing was sent in clear text") from error
    if not started:
        raise Unusable(TLS, "StartTLS failed; nothing was sent in clear text")
