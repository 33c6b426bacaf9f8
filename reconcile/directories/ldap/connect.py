"""From a source's settings to a bound session: servers in order, warnings.

A server that cannot be reached or trusted is skipped, and the reason is remembered. A server that
refuses the bind ends the attempt: another one would refuse it, too, and might lock the account.
Nothing ever falls back to clear text.
"""

import importlib
import logging
from collections.abc import Sequence

from reconcile.directories.connection import bind, ldapsearch_log
from reconcile.directories.connection.interface import OnStep, Session
from reconcile.directories.connection.open import opened
from reconcile.directories.deadlines import Deadline
from reconcile.directories.errors import BIND, REACH, TLS, NoConnection, Reader, Unusable
from reconcile.directories.search.urls import Target, protects, target
from reconcile.directories.tls import context
from reconcile.model import desired
from reconcile.model.quiet.said import OF_CONNECTION

log = logging.getLogger("reconcile.directories")


def no_step(what: str, detail: str) -> None:
    """A Told that reports nothing."""


def connect(
    source: desired.Source,
    urls: Sequence[str],
    on_step: OnStep,
    until: Deadline,
    *,
    warned: bool = False,
) -> Session:
    """A session with the first usable server.

    Raises NoConnection, naming each one's reason. Each server has `timeout.connect` for all steps
    together; `until` is when the whole read has to be over, and raises OutOfTime. `warned`: the
    warnings about the connections were already logged.
    """
    # Imported here: it imports ldap3, which takes time, and not every run reads from a server.
    from reconcile.directories.connection.session import LdapSession

    targets = _targets(source, urls)
    protected = any(protects(source, some) for some in targets)
    rules = context.context(source.tls) if protected else None
    if not warned:
        _warn(source, targets)
    failures: list[Unusable] = []
    for some in targets:
        try:
            wire, who = opened(source, some, rules, on_step, until)
        except Unusable as error:
            why = f"{some.url}: {error}{context.unusual(some) if error.step != REACH else ''}"
            failures.append(Unusable(error.step, why, later=error.later))
            continue
        for failure in failures:  # if no server can be used, the error names them all
            log.warning("%s: %s", source.name, failure, extra=OF_CONNECTION)
        if needed := ldapsearch_log.needs(source, some):
            log.info("%s: %s", source.name, needed)
        reader = Reader(some.url, who, source.page_size, ldapsearch_log.start(source, some))
        return LdapSession(wire, reader, source.timeout.read)
    reasons = "\n".join(f"  {failure}" for failure in failures)
    step = failures[-1].step if failures else REACH
    later = any(failure.later for failure in failures)
    raise NoConnection(
        step, f"no server of the source {source.name} can be used:\n{reasons}", later=later
    )


def _targets(source: desired.Source, urls: Sequence[str]) -> list[Target]:
    """The servers, after everything that can be wrong before the first of them is connected to."""
    try:
        targets = [target(url) for url in urls]
    except ValueError as error:
        raise NoConnection(REACH, f"the source {source.name}: {error}") from error
    if source.bind.kerberos:
        _import_kerberos(source)
    # Without TLS Kerberos signs and encrypts, or there is no bind.
    if (
        source.require_signing
        and not source.bind.kerberos
        and not all(protects(source, some) for some in targets)
    ):
        raise NoConnection(
            TLS,
            f"the source {source.name} has require_signing: true, but tls.mode is none: nothing "
            "was sent.\n"
            "Set tls.mode to starttls or ldaps, or bind with Kerberos.",
        )
    return targets


def _import_kerberos(source: desired.Source) -> None:
    """Reports a library that is missing or does not work before connecting to anything."""
    why = bind.missing(source)
    if not why:
        try:
            importlib.import_module("reconcile.directories.connection.kerberos")
        except ImportError as error:
            why = f"gssapi cannot be imported: {error}"
    if why:
        raise NoConnection(BIND, f"the source {source.name} has bind.kerberos: true, but {why}")


def _warn(source: desired.Source, targets: Sequence[Target]) -> None:
    if source.bind.anonymous:
        log.warning(
            "%s: the bind is anonymous: what the directory hides from anonymous users is missing",
            source.name,
            extra=OF_CONNECTION,
        )
    clear = [some.url for some in targets if source.tls.mode == "none" and not some.ldaps]
    if clear and source.bind.password is not None:
        log.warning(
            "%s: the password is sent in clear text to %s (tls.mode: none)",
            source.name,
            ", ".join(clear),
            extra=OF_CONNECTION,
        )
    if source.tls.verify == "none" and len(clear) < len(targets):
        log.warning(
            "%s: CERTIFICATES ARE NOT CHECKED (tls.verify: none): anyone in between can %s",
            source.name,
            "read and change what comes"
            if source.bind.kerberos
            else "read the password and pretend to be the directory",
            extra=OF_CONNECTION,
        )
