"""Connect, protect, bind: one server, within `timeout.connect` in all.

Each of these answers has to be the next message: an unsolicited message, or an answer to another
request, ends the attempt.
"""

import ssl
import time
from typing import Final, NamedTuple

import msgspec

from reconcile.directories.connection import bind, messages
from reconcile.directories.connection.interface import OnStep
from reconcile.directories.connection.tcp import reached
from reconcile.directories.connection.wire import TooLarge, Wire
from reconcile.directories.deadlines import CONNECT, TOTAL, Deadline, Overdue, after
from reconcile.directories.errors import (
    BIND,
    IN_PROGRESS,
    REACH,
    TLS,
    Result,
    Unusable,
    out_of_time,
)
from reconcile.directories.search.result_codes import RESULT_CODES
from reconcile.directories.search.urls import Target, protects
from reconcile.directories.tls import context
from reconcile.model import desired

_LARGEST: Final = 1 << 20
"""Bytes of an answer to a bind: a ticket with the groups of its owner is smaller by far."""


class Opened(NamedTuple):
    """A bound connection, and its account."""

    wire: Wire
    who: str


def opened(
    source: desired.Source,
    some: Target,
    rules: ssl.SSLContext | None,
    on_step: OnStep,
    until: Deadline,
) -> Opened:
    """A bound connection. `until` is when the whole read has to be over.

    Raises Unusable, or SourceUnreadable if no other server would do better.
    """
    try:
        return _Opening(source, some, after(source.timeout.connect, CONNECT, until)).opened(
            rules, on_step
        )
    except Overdue as error:
        raise out_of_time(some.url, until) from error


def shown_certificate(source: desired.Source, some: Target, until: Deadline) -> bytes:
    """The certificate that a server shows, in DER, unchecked; the connection is used for no more.

    Raises Unusable, or SourceUnreadable if the whole read is over.
    """
    unchecked = msgspec.structs.replace(source.tls, verify="none", ca_file=None)
    doubtful = msgspec.structs.replace(source, tls=unchecked)
    try:
        opening = _Opening(doubtful, some, after(source.timeout.connect, CONNECT, until))
        return opening.certificate(context.context(unchecked))
    except Overdue as error:
        raise out_of_time(some.url, until) from error


class _Opening:
    def __init__(self, source: desired.Source, some: Target, deadline: Deadline) -> None:
        self._source = source
        self._some = some
        self._deadline = deadline
        self._number = 0

    def opened(self, rules: ssl.SSLContext | None, on_step: OnStep) -> Opened:
        started = time.perf_counter()
        connected = reached(self._some, self._deadline)
        steps = [(REACH, f"{self._some.url}, {time.perf_counter() - started:.3f} s")]
        wire = Wire(connected, self._deadline)
        try:
            if rules is not None and protects(self._source, self._some):
                self._protect(wire, rules)
            steps.append((TLS, wire.described() or context.described_none(self._source)))
            for what, detail in steps:
                on_step(what, detail)
            who = self._bound(wire)
        except BaseException:
            wire.close()
            raise
        on_step(BIND, who)
        return Opened(wire, who)

    def certificate(self, rules: ssl.SSLContext) -> bytes:
        """The server's certificate in DER, as far as the rules let a handshake end."""
        wire = Wire(reached(self._some, self._deadline), self._deadline)
        try:
            self._protect(wire, rules)
            return wire.certificate()
        finally:
            wire.close()

    def _protect(self, wire: Wire, rules: ssl.SSLContext) -> None:
        if not self._some.ldaps:
            self._start_tls(wire)
        try:
            wire.protect(rules, self._source.tls.server_name or self._some.host)
        except OSError as error:
            raise Unusable(TLS, context.reason(self._in_time(error), self._source.tls)) from error
        except ValueError as error:  # a name that can stand in no certificate
            raise Unusable(TLS, f"TLS failed: {error}") from error

    def _start_tls(self, wire: Wire) -> None:
        try:
            data, message = self._answer(wire, messages.start_tls(self._next()), messages.EXTENDED)
            result = messages.result(data, message.start, message.stop)
        except OSError as error:
            raise context.not_started(str(self._in_time(error))) from error
        except (ValueError, TooLarge) as error:
            raise context.not_started(f"the answer is not LDAP: {error}") from error
        if result.code:
            name = RESULT_CODES.get(result.code, f"result {result.code}")
            raise context.not_started(f"{name} ({result.said})" if result.message else name)
        if wire.rest:
            # Whoever is on the way could have sent it: nothing that came in clear text is taken for
            # protected.
            raise context.not_started("more data followed the answer in clear text")

    def _bound(self, wire: Wire) -> str:
        """The bound account."""
        try:
            if self._source.bind.kerberos:
                return self._kerberos(wire)
            who, password = "", b""
            if not self._source.bind.anonymous:
                who, password = self._source.bind.dn, bind.password(self._source)
            result, _ = self._bind(wire, messages.simple_bind(self._next(), who, password))
        except OSError as error:
            raise bind.broken(self._in_time(error)) from error
        bind.accepted(self._source, self._some, result, bind.reader(self._source))
        return bind.reader(self._source)

    def _kerberos(self, wire: Wire) -> str:
        # Imported separately, because gssapi is an extra.
        from reconcile.directories.connection import kerberos

        def ask(said: bytes) -> tuple[Result, bytes]:
            return self._bind(wire, messages.sasl_bind(self._next(), kerberos.MECHANISM, said))

        certificate = wire.certificate() if protects(self._source, self._some) else None
        bound = kerberos.bind(self._source, self._some, certificate, ask, self._deadline)
        if bound.seal is not None:
            wire.encrypt(bound.seal)
        return bound.name

    def _bind(self, wire: Wire, request: bytes) -> tuple[Result, bytes]:
        """The server's answer to a part of the bind, and what its mechanism says.

        Raises OSError.
        """
        try:
            data, message = self._answer(wire, request, messages.BOUND)
            result, said = messages.bound(data, message.start, message.stop)
        except (ValueError, TooLarge) as error:
            raise Unusable(BIND, f"the answer to the bind is not LDAP: {error}") from error
        if wire.rest:
            raise Unusable(
                BIND,
                "the server sends more than it was asked for: more data follows the answer to "
                "the bind",
            )
        return result, said if result.code == IN_PROGRESS else b""

    def _next(self) -> int:
        self._number += 1
        return self._number

    def _answer(self, wire: Wire, request: bytes, operation: int) -> tuple[bytes, messages.Message]:
        """The next message, which has to be the answer.

        Raises OSError, ValueError and TooLarge.
        """
        wire.send(request)
        data = wire.receive(_LARGEST)
        length = messages.size(data, 0)
        message = messages.message(data, 0, length)
        wire.rest = data[length:]
        if message.id == 0 and message.operation == messages.EXTENDED:
            result = messages.result(data, message.start, message.stop)
            raise ConnectionResetError(f"the server ended the connection: {result}")
        if message.id != self._number or message.operation != operation:
            raise messages.Malformed(
                f"message {message.id} (operation {message.operation:#04x}) answers something else"
            )
        return data, message

    def _in_time(self, error: OSError) -> OSError:
        """The given error, unless the time for the whole read is over.

        That is not the fault of this server alone.
        """
        if isinstance(error, Overdue) and error.deadline.setting == TOTAL:
            raise error
        return error
