"""A TCP proxy in front of a directory server that breaks at a chosen place in the conversation.

It understands LDAP's clear text just enough to count messages "search result done": one ends every
page, and one ends the look at a base entry that comes before each read.
"""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

from tests.servers import ber


@dataclass
class Proxy:
    """Forwards to `host`:`target` until the place is reached, then does `then`."""

    target: int
    after_dones: int | None = None
    after_bytes: int | None = None
    then: Callable[["Proxy"], None] | None = None
    host: str = "127.0.0.1"
    url: str = ""
    connections: int = 0
    _sockets: list[socket.socket] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _closing: threading.Event = field(default_factory=threading.Event)

    def cut(self) -> None:
        """Closes every connection there is now."""
        with self._lock:
            for some in self._sockets:
                with suppress(OSError):
                    some.shutdown(socket.SHUT_RDWR)

    def hang(self) -> None:
        """Keeps every connection open and says nothing more until the test is over."""
        self._closing.wait(60)

    def drip(self) -> None:
        """Sends one byte of nothing at a time for four seconds, then nothing more."""
        for _ in range(20):
            for some in self._sockets[:1]:
                with suppress(OSError):
                    some.sendall(b"\x17")
            if self._closing.wait(0.2):
                return

    def serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection((self.host, self.target), timeout=10)
        except OSError:
            client.close()
            return
        server.settimeout(None)
        with self._lock:
            self._sockets += [client, server]
        back = threading.Thread(target=self._answers, args=(server, client), daemon=True)
        back.start()
        _pump(client, server)
        back.join(60)
        client.close()
        server.close()

    def _answers(self, server: socket.socket, client: socket.socket) -> None:
        dones = sent = 0
        pending = b""
        with suppress(OSError):
            while data := server.recv(65536):
                if self.after_bytes is not None and sent + len(data) >= self.after_bytes:
                    client.sendall(data[: self.after_bytes - sent])
                    self._then()
                    return
                if self.after_dones is None:  # it may be TLS, of which nothing is understood
                    client.sendall(data)
                    sent += len(data)
                    continue
                pending += data
                while length := ber.complete(pending):
                    whole, pending = pending[:length], pending[length:]
                    client.sendall(whole)
                    sent += length
                    dones += ber.taken_apart(whole)[1] == ber.DONE
                    if ber.taken_apart(whole)[1] == ber.DONE and dones == self.after_dones:
                        self._then()
        with suppress(OSError):
            client.shutdown(socket.SHUT_RDWR)

    def _then(self) -> None:
        if self.then is not None:
            self.then(self)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def listening(serve: Callable[[socket.socket], None]) -> Iterator[int]:
    """Calls `serve` in a thread for every connection to the port it gives."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.05)
        over = threading.Event()

        def accept() -> None:
            while not over.is_set():
                with suppress(TimeoutError):
                    client, _ = listener.accept()
                    client.settimeout(None)
                    thread = threading.Thread(target=serve, args=(client,), daemon=True)
                    threads.append(thread)
                    thread.start()

        threads: list[threading.Thread] = []
        main = threading.Thread(target=accept, daemon=True)
        main.start()
        try:
            yield listener.getsockname()[1]
        finally:
            over.set()
            main.join(10)
            for thread in threads:
                thread.join(10)


HOSTILE: Final[dict[str, Callable[[Proxy], None]]] = {
    "cut": Proxy.cut,
    "hang": Proxy.hang,
    "drip": Proxy.drip,
}
"""What somebody on the way can do, TLS or not."""


@contextmanager
def proxy(
    target: int,
    *,
    after_dones: int | None = None,
    after_bytes: int | None = None,
    then: Callable[[Proxy], None] | None = Proxy.cut,
    host: str = "127.0.0.1",
) -> Iterator[Proxy]:
    """A proxy to `host`:`target`; `then` is done after so many dones or bytes of each connection."""
    made = Proxy(target, after_dones, after_bytes, then, host)

    def serve(client: socket.socket) -> None:
        made.connections += 1
        made.serve(client)

    with listening(serve) as port:
        made.url = f"ldap://127.0.0.1:{port}"
        try:
            yield made
        finally:
            made._closing.set()
            made.cut()
