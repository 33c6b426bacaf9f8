"""The reader's account: what goes into a simple bind, and what the answer to a bind means."""

from importlib.util import find_spec
from typing import Final

from reconcile.directories.errors import (
    BIND,
    BUSY,
    UNAVAILABLE,
    BindRefused,
    NoConnection,
    Result,
    Unusable,
)
from reconcile.directories.search.urls import Target, protects
from reconcile.directories.vendors import active_directory
from reconcile.model import desired

NO_GSSAPI: Final = (
    'gssapi is not installed: pip install "reconcile-identity[kerberos]" (this compiles it and '
    "needs the headers of Kerberos: on Debian, apt-get install gcc python3-dev libkrb5-dev)"
)


def missing(source: desired.Source) -> str:
    """Why this machine cannot bind as the source says; "" if it can. Imports nothing."""
    return NO_GSSAPI if source.bind.kerberos and not find_spec("gssapi") else ""


def password(source: desired.Source) -> bytes:
    """The credentials. Raises NoConnection if they are missing or empty.

    They are bytes, because libraries may change the spelling of text (SASLprep), which servers do
    not.
    """
    if source.bind.password is None or not source.bind.dn:
        raise NoConnection(
            BIND, f"the source {source.name} has no bind.dn with bind.password, nor bind.anonymous"
        )
    text = source.bind.password.reveal()
    if not text:
        # RFC 4513, 5.1.2: a server would call it a success and bind no one.
        raise NoConnection(
            BIND,
            f"the password of {source.bind.dn} (bind.password) is empty; for an anonymous bind "
            "set bind.anonymous",
        )
    return text.encode()


def accepted(source: desired.Source, some: Target, result: Result, who: str) -> None:
    """Raises NoConnection if the server refused the bind, Unusable if another server may help."""
    if result.code in {BUSY, UNAVAILABLE}:
        raise Unusable(BIND, f"the bind was not answered: {result}", later=True)
    if result.code:
        advice = _advice(source, some, result)
        raise BindRefused(f"{some.url}: the bind as {who} was refused: {result}.\n{advice}", result)


def broken(why: object) -> Unusable:
    """The error for a connection that ended during the bind."""
    return Unusable(BIND, f"the connection broke during the bind: {why}")


def _advice(source: desired.Source, some: Target, result: Result) -> str:
    if source.bind.kerberos and result.code in _ADVICE_ON_KERBEROS:
        return _ADVICE_ON_KERBEROS[result.code]
    match result.code:
        case 49:
            why = active_directory.why_shut_out(result.message)
            why = why or "the DN or the password is wrong, or the account is locked"
            return f"{why[0].upper()}{why[1:]}. No other server is asked."
        case 8 | 13 if protects(source, some):
            return _WITHIN_TLS if source.bind.kerberos else _ASK
        case 8 | 13:
            return "The server requires TLS: set tls.mode to starttls or ldaps."
        case 48:
            return "The server does not allow this bind: set bind.dn and bind.password."
        case _:
            return _ASK


_ASK: Final = "Ask the directory administrators."
_WITHIN_TLS: Final = (
    "The server requires Kerberos encryption, not TLS (Samba: `ldap server require strong auth` is "
    "not `allow_sasl_over_tls`): set tls.mode to none, and Kerberos encrypts everything."
)
_ADVICE_ON_KERBEROS: Final = {
    7: "The server does not accept Kerberos (SASL GSSAPI): set bind.dn and bind.password.",
    49: "The server does not accept the ticket: its key or its clock is not what the KDC "
    "thinks, or it knows no one of that name. No other server is asked.",
}


def reader(source: desired.Source) -> str:
    """The account of a simple bind, for messages."""
    return "an anonymous reader" if source.bind.anonymous else source.bind.dn
