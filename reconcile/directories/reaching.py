"""From a host name to an open connection: each of its addresses in turn, and why none of them would do."""

import re
import socket
from collections.abc import Callable
from typing import TypeVar

from reconcile.directories.failures import REACH, Unusable
from reconcile.directories.targets import Target
from reconcile.model import desired

Connection = TypeVar("Connection")


def reached(source: desired.Source, some: Target, attempt: Callable[[str], Connection]) -> Connection:
    """What `attempt` makes of the first address that answers. Raises Unusable.

    `attempt` takes an address and raises OSError for one that does not answer, or Unusable where no other will help.
    """
    reasons = {}
    for address in _addresses(some):
        try:
            return attempt(address)
        except OSError as error:
            reasons[address] = _reason(error, source)
    if len(reasons) == 1:
        raise Unusable(REACH, *reasons.values())
    raise Unusable(REACH, "; ".join(f"{address}: {why}" for address, why in reasons.items()))


def _addresses(some: Target) -> list[str]:
    try:
        found = socket.getaddrinfo(some.host, some.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise Unusable(REACH, f"the host name {some.host} cannot be resolved: {why}") from error
    return [str(place[0]) for *_, place in found]


def _reason(error: OSError, source: desired.Source) -> str:
    text = re.sub(r"^\[Errno -?\d+\] ", "", str(error))
    return f"no answer within {source.timeout.connect:g} s (timeout.connect)" if "timed out" in text else text
