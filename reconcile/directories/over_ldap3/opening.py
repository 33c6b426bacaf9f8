"""Connect, protect, bind: one server, by ldap3."""

import ssl
import time

from reconcile.directories import binding, ldapsearch, securing
from reconcile.directories.binding import reader
from reconcile.directories.failures import BIND, REACH, TLS, Reader, Result, Unusable
from reconcile.directories.library import LDAPException, ldap3
from reconcile.directories.over_ldap3.securing import CheckedTls, described
from reconcile.directories.over_ldap3.session import LdapThreeSession
from reconcile.directories.reaching import reached
from reconcile.directories.targets import Target
from reconcile.directories.transports import Told, protects
from reconcile.model import desired


def session(source: desired.Source, some: Target, rules: ssl.SSLContext | None, told: Told) -> LdapThreeSession:
    """A session with the server. Raises Unusable, or NoConnection where the server refuses the bind."""
    steps: list[tuple[str, str]] = []
    connection = protected(source, some, rules, steps)
    try:
        # Up to here the short timeout ran, as nobody searches anything while connecting.
        connection.socket.settimeout(source.timeout.read)
        for what, detail in steps:
            told(what, detail)
        _bind(connection, source, some)
    except BaseException:
        connection.strategy.close()
        raise
    told(BIND, reader(source))
    return LdapThreeSession(
        connection, Reader(some.url, reader(source), source.page_size), ldapsearch.start(source, some)
    )


def protected(
    source: desired.Source, some: Target, rules: ssl.SSLContext | None, steps: list[tuple[str, str]]
) -> ldap3.Connection:
    """An open connection, with TLS where the source wants it; nobody is bound. Raises Unusable."""
    started = time.perf_counter()
    tls = None
    if rules is not None and protects(source, some):
        tls = CheckedTls(rules, source.tls.server_name or some.host)
    connection = reached(source, some, lambda address: _opened(source, some, tls, address))
    try:
        steps.append((REACH, f"{some.url}, {time.perf_counter() - started:.3f} s"))
        if tls is not None and not some.ldaps:
            _start_tls(connection, tls)
        steps.append((TLS, described(connection) if tls is not None else "none: clear text (tls.mode: none)"))
    except BaseException:
        connection.strategy.close()
        raise
    return connection


def _opened(source: desired.Source, some: Target, tls: CheckedTls | None, address: str) -> ldap3.Connection:
    """A connection to one of the server's addresses; with LDAPS it is protected already."""
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
        raise OSError(str(error).removeprefix("socket connection error while opening: ")) from error
    return connection


def _start_tls(connection: ldap3.Connection, tls: CheckedTls) -> None:
    try:
        started = connection.start_tls(read_server_info=False)
    except Exception as error:
        if tls.failure is not None:
            raise Unusable(TLS, securing.reason(tls.failure)) from error
        why = str(error).removeprefix("startTLS failed - ")
        if connection.result and connection.result["message"]:
            why += f" ({connection.result['message']})"
        raise securing.not_started(why) from error
    if not started:
        raise securing.not_started("the server says no")


def _bind(connection: ldap3.Connection, source: desired.Source, some: Target) -> None:
    if source.bind.anonymous:
        connection.authentication = ldap3.ANONYMOUS
    else:
        connection.authentication = ldap3.SIMPLE
        connection.user = source.bind.dn
        connection.password = binding.password(source)
    try:
        connection.bind(read_server_info=False)
    except (LDAPException, OSError) as error:
        raise binding.broken(error) from error
    except Exception as error:
        raise Unusable(BIND, f"the answer to the bind is not LDAP ({error!r})") from error
    finally:
        connection.password = connection.request = None
    answer = connection.result
    binding.accepted(source, some, Result(answer["result"], answer["dn"], answer["message"]))
