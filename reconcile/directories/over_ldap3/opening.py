"""Connect, protect, bind: one server, by ldap3."""

import ssl
import time

from reconcile.directories import binding, ldapsearch, securing
from reconcile.directories.binding import reader
from reconcile.directories.failures import BIND, REACH, TLS, Reader, Result, Unusable
from reconcile.directories.library import LDAPException, ldap3, send_sasl_negotiation
from reconcile.directories.over_ldap3.securing import CheckedTls, described
from reconcile.directories.over_ldap3.session import LdapThreeSession
from reconcile.directories.reaching import reached
from reconcile.directories.targets import Target, protects
from reconcile.directories.transports import Told
from reconcile.errors import ReconcileError
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
        who = _bind(connection, source, some)
    except BaseException:
        connection.strategy.close()
        raise
    told(BIND, who)
    return LdapThreeSession(connection, Reader(some.url, who, source.page_size), ldapsearch.start(source, some))


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
            _start_tls(connection, tls, source)
        steps.append((TLS, described(connection) if tls is not None else securing.described_none(source)))
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
            raise Unusable(TLS, securing.reason(tls.failure, source.tls)) from error
        raise OSError(str(error).removeprefix("socket connection error while opening: ")) from error
    return connection


def _start_tls(connection: ldap3.Connection, tls: CheckedTls, source: desired.Source) -> None:
    try:
        started = connection.start_tls(read_server_info=False)
    except Exception as error:
        if tls.failure is not None:
            raise Unusable(TLS, securing.reason(tls.failure, source.tls)) from error
        why = str(error).removeprefix("startTLS failed - ")
        if connection.result and connection.result["message"]:
            why += f" ({connection.result['message']})"
        raise securing.not_started(why) from error
    if not started:
        raise securing.not_started("the server says no")


def _bind(connection: ldap3.Connection, source: desired.Source, some: Target) -> str:
    """Who is bound."""
    try:
        if source.bind.kerberos:
            return _kerberos(connection, source, some)
        _simple(connection, source)
    except (LDAPException, OSError) as error:
        raise binding.broken(error) from error
    except (ReconcileError, Unusable):  # the password cannot be had, or there is no ticket
        raise
    except Exception as error:
        raise Unusable(BIND, f"the answer to the bind is not LDAP ({error!r})") from error
    finally:
        connection.password = connection.request = None
    binding.accepted(source, some, _result(connection), reader(source))
    return reader(source)


def _simple(connection: ldap3.Connection, source: desired.Source) -> None:
    if source.bind.anonymous:
        connection.authentication = ldap3.ANONYMOUS
    else:
        connection.authentication = ldap3.SIMPLE
        connection.user = source.bind.dn
        connection.password = binding.password(source)
    connection.bind(read_server_info=False)


def _kerberos(connection: ldap3.Connection, source: desired.Source, some: Target) -> str:
    # By themselves, for gssapi is an extra.
    from reconcile.directories import kerberos
    from reconcile.directories.over_ldap3.sealing import SealedSocket

    def ask(message: bytes) -> tuple[Result, bytes]:
        send_sasl_negotiation(connection, None, message)
        return _result(connection), connection.result["saslCreds"] or b""

    connection.sasl_mechanism = kerberos.MECHANISM
    certificate = (connection.socket.getpeercert(binary_form=True) or b"") if protects(source, some) else None
    bound = kerberos.bind(source, some, certificate, ask)
    if bound.seal is not None:
        connection.socket = SealedSocket(connection.socket, bound.seal)
    return bound.name


def _result(connection: ldap3.Connection) -> Result:
    answer = connection.result
    return Result(answer["result"], answer["dn"], answer["message"])
