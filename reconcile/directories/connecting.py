"""From a source's settings to a bound session: the servers in their order, TLS, bind.

A server that cannot be reached or cannot be trusted is left for the next one, and why is remembered. A server that
refuses the bind ends the attempt: another one would refuse it too, and might lock the account. Nothing ever falls back
to clear text.
"""

import logging
import shlex
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from reconcile.directories import securing
from reconcile.directories.failures import BUSY, UNAVAILABLE, NoConnection, Result
from reconcile.directories.library import LDAPException, ldap3
from reconcile.directories.securing import CheckedTls
from reconcile.directories.session import Session
from reconcile.model import desired

log = logging.getLogger("reconcile.directories")

REACH: Final = "reach server"
TLS: Final = "TLS"
BIND: Final = "bind"

Told: TypeAlias = Callable[[str, str], None]
"""Called with each step that succeeded on the server that is used, and its details."""


def tell_nobody(what: str, detail: str) -> None:
    """A Told that tells nobody."""


class Target(NamedTuple):
    """A server URL, taken apart."""

    url: str
    host: str
    port: int
    ldaps: bool


class _Unusable(Exception):
    """This server cannot be used; the next one may."""

    def __init__(self, step: str, why: str) -> None:
        self.step = step
        super().__init__(why)


def target(url: str) -> Target:
    """Takes a URL apart. Raises ValueError for anything but ldap://HOST[:PORT] and ldaps://HOST[:PORT]."""
    parts = urlsplit(url.strip())
    if "@" in parts.netloc:
        # Not quoted in the message: what stands before the sign may be a password.
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


def connect(source: desired.Source, urls: Sequence[str], told: Told) -> Session:
    """A session with the first of the servers that can be used. Raises NoConnection, naming each one's reason."""
    try:
        targets = [target(url) for url in urls]
    except ValueError as error:
        raise NoConnection(REACH, f"the source {source.name}: {error}") from error
    protected = source.tls.mode != "none" or any(some.ldaps for some in targets)
    rules = securing.context(source.tls) if protected else None
    _warn(source, targets)
    failures: list[_Unusable] = []
    for some in targets:
        try:
            return _session(source, some, rules, told)
        except _Unusable as error:
            log.warning("%s: %s: %s", source.name, some.url, error)
            failures.append(_Unusable(error.step, f"{some.url}: {error}"))
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
        _bind(connection, source, some)
    except BaseException:
        connection.strategy.close()
        raise
    reader = _reader(source)
    told(BIND, reader)
    return Session(connection, url=some.url, reader=reader, page_size=source.page_size, command=_command(source, some))


def _reach(source: desired.Source, some: Target, tls: CheckedTls | None) -> ldap3.Connection:
    """An open connection to one of the server's addresses; with LDAPS it is protected already."""
    try:
        found = socket.getaddrinfo(some.host, some.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise _Unusable(REACH, f"the host name {some.host} cannot be resolved: {why}") from error
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
                raise _Unusable(TLS, securing.reason(tls.failure)) from error
            reasons[address] = _reason(error, source)
        else:
            return connection
    if len(reasons) == 1:
        raise _Unusable(REACH, *reasons.values())
    raise _Unusable(REACH, "; ".join(f"{address}: {why}" for address, why in reasons.items()))


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
            raise _Unusable(TLS, securing.reason(tls.failure)) from error
        why = str(error).removeprefix("startTLS failed - ")
        if connection.result and connection.result["message"]:
            why += f" ({connection.result['message']})"
        raise _Unusable(TLS, f"StartTLS failed: {why}; nothing was sent in clear text") from error
    if not started:
        raise _Unusable(TLS, "StartTLS failed; nothing was sent in clear text")


def _bind(connection: ldap3.Connection, source: desired.Source, some: Target) -> None:
    if source.bind.anonymous:
        connection.authentication = ldap3.ANONYMOUS
    else:
        connection.authentication = ldap3.SIMPLE
        connection.user = source.bind.dn
        # As bytes, for ldap3 would change the password's spelling (SASLprep), which servers do not.
        connection.password = _password(source).encode()
    try:
        connection.bind(read_server_info=False)
    except (LDAPException, OSError) as error:
        raise _Unusable(BIND, f"the connection broke during the bind: {error}") from error
    except Exception as error:
        raise _Unusable(BIND, f"the answer to the bind is not LDAP ({error!r})") from error
    finally:
        connection.password = connection.request = None
    result = Result(connection.result["result"], connection.result["dn"], connection.result["message"])
    if result.code in {BUSY, UNAVAILABLE}:
        raise _Unusable(BIND, f"the bind was not answered: {result}")
    if result.code:
        raise NoConnection(BIND, f"{some.url}: the bind as {_reader(source)} was refused: {result}.\n{_advice(result)}")


def _password(source: desired.Source) -> str:
    if source.bind.password is None or not source.bind.dn:
        raise NoConnection(BIND, f"the source {source.name} has no bind.dn with bind.password, nor bind.anonymous")
    password = source.bind.password.reveal()
    if not password:
        # RFC 4513, 5.1.2: a server would call it a success and bind nobody.
        raise NoConnection(
            BIND, f"the password of {source.bind.dn} (bind.password) is empty; for an anonymous bind set bind.anonymous"
        )
    return password


def _advice(result: Result) -> str:
    match result.code:
        case 49:
            return "The DN or the password is wrong, or the account is locked. No other server is asked."
        case 8 | 13:
            return "The server wants TLS: set tls.mode to starttls or ldaps."
        case 48:
            return "The server allows no such bind: set bind.dn and bind.password."
        case _:
            return "Ask those who run the directory."


def _reader(source: desired.Source) -> str:
    return "an anonymous reader" if source.bind.anonymous else source.bind.dn


def _command(source: desired.Source, some: Target) -> str:
    """The start of an `ldapsearch` that asks the same; it asks for the password itself."""
    words = ["ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", some.url]
    if some.ldaps or source.tls.mode != "none":
        if source.tls.ca_file:
            words.insert(0, f"LDAPTLS_CACERT={shlex.quote(source.tls.ca_file)}")
        if source.tls.verify == "none":
            words.insert(0, "LDAPTLS_REQCERT=never")
        if not some.ldaps:
            words.append("-ZZ")
    if not source.bind.anonymous:
        words += ["-D", shlex.quote(source.bind.dn), "-W"]
    return " ".join(words)
