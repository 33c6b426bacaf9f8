"""A TCP proxy in front of a database server that breaks the connection at a statement of its client.

    with breaking(server.port, b"COMMIT", after=b"history_runs", how=unanswered) as broken:
        ...  # connect to broken.port

It looks at the bytes that the client sends and knows nothing else of the protocols: PostgreSQL and
MariaDB both send statements as text.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from tests.servers.proxy import listening


class Breaking:
    """What the proxy does, and has done."""

    def __init__(
        self, target: int, at: bytes, after: bytes, how: Callable[["Pair", bytes], None], times: int
    ) -> None:
        self.port = 0
        self.broke = 0
        self.down = False
        """Whether new connections are refused."""
        self._target, self._at, self._after, self._how, self._times = target, at, after, how, times
        self._pairs: list[Pair] = []
        self._over = threading.Event()

    def serve(self, client: socket.socket) -> None:
        """One connection, to its end."""
        if self.down:
            client.close()
            return
        try:
            server = socket.create_connection(("127.0.0.1", self._target), timeout=10)
        except OSError:  # the server is down itself
            client.close()
            return
        with client, server:
            server.settimeout(None)
            pair = Pair(self, client, server)
            self._pairs.append(pair)
            answers = threading.Thread(target=pair.answers, daemon=True)
            answers.start()
            with suppress(OSError):
                self._statements(pair)
            if pair.held:
                self._over.wait(60)
            pair.close()
            answers.join(10)

    def _statements(self, pair: "Pair") -> None:
        seen = not self._after
        while data := pair.client.recv(65536):
            seen = seen or self._after in data
            if seen and self._at in data and self.broke < self._times:
                self.broke += 1
                self._how(pair, data)
            elif not pair.deaf:
                pair.server.sendall(data)

    def end(self) -> None:
        """Lets go of every connection."""
        self._over.set()
        for pair in self._pairs:
            pair.close()


class Pair:
    """A client and its connection to the server."""

    def __init__(self, proxy: Breaking, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.answered = threading.Event()
        self.mute = self.deaf = self.held = False
        """Whether answers, and statements, are swallowed; whether the server waits on when the
        client is gone."""

    def answers(self) -> None:
        with suppress(OSError):
            while data := self.server.recv(65536):
                if self.mute:
                    self.answered.set()
                else:
                    self.client.sendall(data)
        if not self.mute:
            self.close()

    def close(self) -> None:
        for one in (self.client, self.server):
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)


def unsent(pair: Pair, _data: bytes) -> None:
    """The statement never reaches the server."""
    pair.close()


def unanswered(pair: Pair, data: bytes) -> None:
    """The server carries the statement out, and its answer is lost."""
    pair.mute = True
    pair.server.sendall(data)
    pair.answered.wait(10)
    pair.close()


def withheld(pair: Pair, data: bytes) -> None:
    """The server carries the statement out, and its answer never comes, though the connection stays."""
    pair.mute = pair.deaf = True
    pair.server.sendall(data)


def hung(pair: Pair, _data: bytes) -> None:
    """The statement does not reach the server, which goes on waiting for it."""
    pair.mute = pair.deaf = pair.held = True


def down_unsent(pair: Pair, data: bytes) -> None:
    """As `unsent`, and the server can no longer be reached."""
    pair.proxy.down = True
    unsent(pair, data)


def down_unanswered(pair: Pair, data: bytes) -> None:
    """As `unanswered`, and the server can no longer be reached."""
    pair.proxy.down = True
    unanswered(pair, data)


@contextmanager
def breaking(
    target: int,
    at: bytes,
    how: Callable[[Pair, bytes], None],
    *,
    after: bytes = b"",
    times: int = 1,
) -> Iterator[Breaking]:
    """Breaks the first `times` statements that hold `at`, in connections in which `after` came before."""
    made = Breaking(target, at, after, how, times)
    with listening(made.serve) as port:
        made.port = port
        try:
            yield made
        finally:
            made.end()
