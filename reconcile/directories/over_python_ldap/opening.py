"""Connect, protect, bind: one server, by python-ldap.

Over ldap:// libldap is given a socket that is connected already, so that what cannot be reached is found and told as
everywhere, and the URL it sees may hold the name that the certificate has to be for. Over ldaps:// it will only do TLS
on a connection that it opens itself.
"""

import os
import socket
import ssl
import struct
import time
from collections.abc import Callable
from typing import Any

from reconcile.directories import binding, ldapsearch, securing
from reconcile.directories.binding import reader
from reconcile.directories.failures import BIND, IN_PROGRESS, REACH, TLS, Reader, Result, Unusable
from reconcile.directories.over_python_ldap import protecting
from reconcile.directories.over_python_ldap.library import (
    NO_CONNECTION,
    Connection,
    LDAPError,
    failure,
    ldap,
    name_of,
    timed_out,
)
from reconcile.directories.over_python_ldap.session import PythonLdapSession
from reconcile.directories.reaching import reached
from reconcile.directories.targets import Target, protects
from reconcile.directories.transports import LDAP3, Told
from reconcile.model import desired

_NO_LIMIT = 0


def session(source: desired.Source, some: Target, rules: ssl.SSLContext | None, told: Told) -> PythonLdapSession:
    """A session with the server. Raises Unusable, or NoConnection where the server refuses the bind."""
    started = time.perf_counter()
    connection = _reach(source, some, rules)
    try:
        reach = f"{some.url}, {time.perf_counter() - started:.3f} s"
        protection = securing.described_none(source)
        if rules is not None and protects(source, some):
            if not some.ldaps:
                _start_tls(connection, source, some, rules)
            protection = protecting.proven(connection, source.tls, source.tls.server_name or some.host)
        _read_patiently(connection, source.timeout.read)
        told(REACH, reach)
        told(TLS, protection)
        who = _bind(connection, source, some)
    except BaseException:
        connection.unbind_ext()
        raise
    told(BIND, who)
    about = Reader(some.url, who, source.page_size)
    return PythonLdapSession(connection, about, source.timeout.read, ldapsearch.start(source, some))


def _reach(source: desired.Source, some: Target, rules: ssl.SSLContext | None) -> Connection:
    if some.ldaps and rules is not None:
        connection = _prepared(Connection(_url("ldaps", some.host, some.port)), source)
        try:
            protecting.prepare(connection, source.tls)
            _open(connection, source, some, rules)
        except BaseException:
            connection.unbind_ext()
            raise
        return connection
    name = _url("ldap", source.tls.server_name or some.host, some.port)

    def attempt(address: str) -> Connection:
        opened = socket.create_connection((address, some.port), timeout=source.timeout.connect)
        opened.settimeout(None)
        return Connection(name, fileno=opened.detach())

    return _prepared(reached(source, some, attempt), source)


def _prepared(connection: Connection, source: desired.Source) -> Connection:
    """With everything set that ldap.conf and the environment might have set otherwise, but for TLS."""
    connection.set_option(ldap.OPT_NETWORK_TIMEOUT, source.timeout.connect)
    connection.set_option(ldap.OPT_TIMEOUT, source.timeout.connect)
    connection.set_option(ldap.OPT_REFERRALS, ldap.OPT_OFF)
    connection.set_option(ldap.OPT_DEREF, ldap.DEREF_NEVER)
    connection.set_option(ldap.OPT_SIZELIMIT, _NO_LIMIT)
    connection.set_option(ldap.OPT_TIMELIMIT, _NO_LIMIT)
    return connection


def _url(scheme: str, host: str, port: int) -> str:
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}"


def _open(connection: Connection, source: desired.Source, some: Target, rules: ssl.SSLContext) -> None:
    """Makes libldap connect and shake hands, which it does with the first request: the least that may be asked."""
    try:
        number = connection.search_ext("", ldap.SCOPE_BASE, "(objectClass=*)", ["1.1"])
        connection.result4(number, ldap.MSG_ALL, source.timeout.connect)
    except LDAPError as error:
        if failure(error).answer is not None:
            return  # Whoever answers, if only to say no, is connected.
        if not timed_out(error):
            raise _explained(source, some, rules, failure(error).why) from error
        raise Unusable(REACH, f"no answer within {source.timeout.connect:g} s (timeout.connect)") from error


def _start_tls(connection: Connection, source: desired.Source, some: Target, rules: ssl.SSLContext) -> None:
    protecting.prepare(connection, source.tls)
    try:
        connection.start_tls_s()
    except LDAPError as error:
        answer, why = failure(error)
        if answer is not None:
            said = f" ({answer.message})" if answer.message else ""
            raise securing.not_started(f"{name_of(answer.code)}{said}") from error
        if timed_out(error):
            raise securing.not_started(f"no answer within {source.timeout.connect:g} s (timeout.connect)") from error
        raise _explained(source, some, rules, why) from error


def _explained(source: desired.Source, some: Target, rules: ssl.SSLContext, why: str) -> Unusable:
    """Why a handshake failed. libldap often does not know ("unknown error"), so that ldap3 is asked to try it too.

    Nobody is bound there: nothing is sent to a server that was not trusted.
    """
    from reconcile.directories.over_ldap3 import opening

    try:
        opening.protected(source, some, rules, []).strategy.close()
    except Unusable as explanation:
        return explanation
    return Unusable(
        TLS, f"libldap refuses the server's TLS, without a reason that is one: {why}; try transport: {LDAP3}"
    )


def _read_patiently(connection: Connection, seconds: float) -> None:
    """A server that stops within a message is left after `seconds`, and libldap never connects again by itself."""
    connection.set_option(ldap.OPT_TIMEOUT, seconds)
    # Else it would: as nobody and, what is worse, in clear text.
    connection.set_option(ldap.OPT_URI, NO_CONNECTION)
    with socket.socket(fileno=os.dup(connection.fileno())) as same:
        whole, part = divmod(seconds, 1)
        same.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(whole), int(part * 1e6)))


def _bind(connection: Connection, source: desired.Source, some: Target) -> str:
    """Who is bound."""
    if source.bind.kerberos:
        return _kerberos(connection, source, some)
    who, password = ("", b"") if source.bind.anonymous else (source.bind.dn, binding.password(source))
    result, _ = _answer(source, lambda: connection.simple_bind_s(who, password))
    binding.accepted(source, some, result, reader(source))
    return reader(source)


def _kerberos(connection: Connection, source: desired.Source, some: Target) -> str:
    # By itself, for gssapi is an extra. libldap's own way to bind so would take it from the machine's ldap.conf.
    from reconcile.directories import kerberos

    if not ldap.SASL_AVAIL:
        raise Unusable(BIND, f"python-ldap was compiled without SASL: set transport: {LDAP3}")

    def ask(message: bytes) -> tuple[Result, bytes]:
        return _answer(source, lambda: connection.sasl_bind_s("", kerberos.MECHANISM, message))

    # Without TLS `choosing.unsuited` lets nobody come here.
    return kerberos.bind(source, some, connection.get_option(ldap.OPT_X_TLS_PEERCERT) or b"", ask).name


def _answer(source: desired.Source, asked: Callable[[], Any]) -> tuple[Result, bytes]:
    """What the server says to a part of the bind, and what its mechanism says."""
    try:
        said = asked()
    except LDAPError as error:
        answer, why = failure(error)
        if answer is None:
            why = f"no answer within {source.timeout.read:g} s (timeout.read)" if timed_out(error) else why
            raise binding.broken(why) from error
        return answer, b""
    except ValueError as error:
        raise Unusable(BIND, f"the bind cannot be asked: {error}") from error
    if isinstance(said, bytes):
        return Result(IN_PROGRESS, "", ""), said
    return Result(said if isinstance(said, int) else 0, "", ""), b""
