"""Who reads: what goes into the simple bind, and what its answer means, whichever transport carries it."""

from reconcile.directories.failures import BIND, BUSY, UNAVAILABLE, BindRefused, NoConnection, Result, Unusable
from reconcile.directories.targets import Target
from reconcile.model import desired


def password(source: desired.Source) -> bytes:
    """What to bind with. Raises NoConnection where there is none, or an empty one.

    As bytes, for libraries may change the spelling of a text (SASLprep), which servers do not.
    """
    if source.bind.password is None or not source.bind.dn:
        raise NoConnection(BIND, f"the source {source.name} has no bind.dn with bind.password, nor bind.anonymous")
    text = source.bind.password.reveal()
    if not text:
        # RFC 4513, 5.1.2: a server would call it a success and bind nobody.
        raise NoConnection(
            BIND, f"the password of {source.bind.dn} (bind.password) is empty; for an anonymous bind set bind.anonymous"
        )
    return text.encode()


def accepted(source: desired.Source, some: Target, result: Result) -> None:
    """Raises NoConnection where the server refused the bind, Unusable where another one may do better."""
    if result.code in {BUSY, UNAVAILABLE}:
        raise Unusable(BIND, f"the bind was not answered: {result}", later=True)
    if result.code:
        raise BindRefused(f"{some.url}: the bind as {reader(source)} was refused: {result}.\n{_advice(result)}", result)


def broken(why: object) -> Unusable:
    """The error for a connection that ended during the bind."""
    return Unusable(BIND, f"the connection broke during the bind: {why}")


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


def reader(source: desired.Source) -> str:
    """Who is bound, for messages."""
    return "an anonymous reader" if source.bind.anonymous else source.bind.dn
