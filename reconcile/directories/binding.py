"""Who reads: the simple bind, and what its refusal means."""

from reconcile.directories.failures import BIND, BUSY, UNAVAILABLE, BindRefused, NoConnection, Result, Unusable
from reconcile.directories.library import LDAPException, ldap3
from reconcile.directories.targets import Target
from reconcile.model import desired


def bind(connection: ldap3.Connection, source: desired.Source, some: Target) -> None:
    """Binds as the source says. Raises NoConnection where the server refuses, Unusable where another may do better."""
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
        raise Unusable(BIND, f"the connection broke during the bind: {error}") from error
    except Exception as error:
        raise Unusable(BIND, f"the answer to the bind is not LDAP ({error!r})") from error
    finally:
        connection.password = connection.request = None
    result = Result(connection.result["result"], connection.result["dn"], connection.result["message"])
    if result.code in {BUSY, UNAVAILABLE}:
        raise Unusable(BIND, f"the bind was not answered: {result}")
    if result.code:
        raise BindRefused(BIND, f"{some.url}: the bind as {reader(source)} was refused: {result}.\n{_advice(result)}")


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


def reader(source: desired.Source) -> str:
    """Who is bound, for messages."""
    return "an anonymous reader" if source.bind.anonymous else source.bind.dn
