"""A stand-in for servers that misbehave in ways no real one at hand does."""

import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

from tests.servers import ber
from tests.servers.proxy import listening

Answer = Callable[[int], bytes]
"""Message number → all bytes of the answer; empty closes the connection."""

BASE = ber.entry("dc=example,dc=com", {})


def success(*operations: bytes, controls: bytes = b"") -> Answer:
    """The operations, then "done, success"."""
    return lambda number: b"".join(
        [
            *(ber.message(number, some) for some in operations),
            ber.message(number, ber.result(), controls),
        ]
    )


END = ber.page_control(b"")
"""The control behind the last page."""
NOBODY = success(controls=END)
"""Nothing found; where it is persons, one more is the answer to what else is there."""


def ended(code: int, said: str = "", *operations: bytes) -> Answer:
    """The operations, then "done" with a code."""
    return lambda number: b"".join(
        [
            *(ber.message(number, some) for some in operations),
            ber.message(number, ber.result(code=code, said=said)),
        ]
    )


@contextmanager
def stand_in(
    answers: Sequence[Answer],
    bind: bytes | None = None,
    *,
    binds: Sequence[bytes] = (),
    goes_on: bool = False,
) -> Iterator[str]:
    """The URL of a server that lets everybody in, and gives one answer after the other to searches.

    Every connection hears the answers from the start, unless it `goes_on` where the last one was.
    `binds` are the answers to the first binds, `bind` is that to all others.
    """
    bind = ber.result(ber.BIND_RESPONSE) if bind is None else bind
    over_all = list(answers)
    first_binds = list(binds)

    def serve(client: socket.socket) -> None:
        remaining = over_all if goes_on else list(answers)
        pending = b""
        with client, suppress(OSError):
            while data := client.recv(65536):
                pending += data
                while length := ber.complete(pending):
                    number, operation = ber.taken_apart(pending[:length])
                    pending = pending[length:]
                    if operation == ber.BIND:
                        client.sendall(
                            ber.message(number, first_binds.pop(0) if first_binds else bind)
                        )
                    elif operation == ber.SEARCH:
                        answer = remaining.pop(0)(number) if remaining else b""
                        if not answer:
                            return
                        client.sendall(answer)
                    elif operation == ber.UNBIND:
                        return

    with listening(serve) as port:
        yield f"ldap://127.0.0.1:{port}"
