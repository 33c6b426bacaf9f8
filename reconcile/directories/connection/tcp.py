"""From a host name to an open connection: each address in turn, and why none would do."""

import re
import socket
from collections.abc import Sequence

from reconcile.directories.deadlines import TOTAL, Deadline, Overdue, share, within
from reconcile.directories.errors import REACH, Unusable
from reconcile.directories.search.urls import Target


def reached(some: Target, deadline: Deadline) -> socket.socket:
    """A connection to the first address that answers.

    Raises Unusable, and Overdue if the whole read is over. An address that does not answer takes
    only its share of the time: some is left for the next one.
    """
    reasons: dict[str, str] = {}
    addresses = _addresses(some, deadline)
    for number, address in enumerate(addresses):
        try:
            return _connected(address, some.port, share(deadline, len(addresses) - number))
        except OSError as error:
            reasons[address] = _reason(error)
    if len(reasons) == 1:
        raise Unusable(REACH, *reasons.values())
    raise Unusable(REACH, "; ".join(f"{address}: {why}" for address, why in reasons.items()))


def _addresses(some: Target, deadline: Deadline) -> Sequence[str]:
    def resolved() -> list[str]:
        addresses = socket.getaddrinfo(some.host, some.port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(place[0]) for *_, place in addresses))

    try:
        return within(deadline, resolved)
    except (OSError, UnicodeError) as error:
        raise Unusable(
            REACH, f"the host name {some.host} cannot be resolved: {_reason(error)}"
        ) from error


def _connected(address: str, port: int, deadline: Deadline) -> socket.socket:
    try:
        return socket.create_connection((address, port), timeout=deadline.left())
    except TimeoutError as error:
        raise Overdue(deadline) from error


def _reason(error: Exception) -> str:
    if isinstance(error, Overdue) and error.deadline.setting == TOTAL:
        raise error
    why = str(getattr(error, "strerror", None) or error)
    return re.sub(r"^\[Errno -?\d+\] ", "", why)
