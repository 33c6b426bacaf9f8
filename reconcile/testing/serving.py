"""A stand-in for a service, served over real HTTP on the loopback interface."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Request(NamedTuple):
    """A request as it came."""

    method: str
    target: str
    headers: Message
    body: bytes


class Reply(NamedTuple):
    """An answer: status, body, headers, media type."""

    status: int
    data: bytes
    headers: Mapping[str, str] = {}
    media: str = "application/json"


Respond = Callable[[Request], Reply]
"""Answers a request. Raises ConnectionError where the answer is lost."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def _serve(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        request = Request(self.command, self.path, self.headers, self.rfile.read(length))
        respond: Respond = self.server.respond  # type: ignore[attr-defined] # set by `listening`
        try:
            reply = respond(request)
        except ConnectionError:
            self.close_connection = True
            return
        self.send_response(reply.status)
        is_page = reply.data.startswith(b"<")
        self.send_header("Content-Type", "text/html" if is_page else reply.media)
        for name, text in reply.headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(reply.data)))
        self.end_headers()
        self.wfile.write(reply.data)
        self.wfile.flush()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815 - as the library wants

    def log_message(self, *_: object) -> None:
        """Silent."""


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, *arguments: Any) -> None:
        self._open: set[Any] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, *_: object) -> None:
        """A client that went away is no news."""

    def server_close(self) -> None:
        """Ends the connections that are kept open, too, as the end of a process does."""
        super().server_close()
        for request in list(self._open):
            with contextlib.suppress(OSError):
                request.shutdown(socket.SHUT_RDWR)


def listening_on(respond: Respond, port: int = 0) -> ThreadingHTTPServer:
    """A server on the loopback interface; the caller makes it serve."""
    server = _Server(("127.0.0.1", port), _Handler)
    server.respond = respond  # type: ignore[attr-defined] # what the handler asks
    return server


@contextmanager
def served(server: ThreadingHTTPServer) -> Iterator[None]:
    """Serves by threads of this process until the block ends."""
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
