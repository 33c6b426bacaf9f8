"""Signals to a service: they end it, or have it read its schedule again."""

import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

from reconcile import interrupts
from reconcile.app.run_log import service_log


class SignalBell:
    """Set by signals: SIGTERM and SIGINT stop; SIGHUP reads the files again.

    If SIGHUP means that a terminal was closed, it stops, too. During a run, the first stop lets the
    run end; the second interrupts it, as with `apply`.
    """

    def __init__(self) -> None:
        """Works only within `listening`."""
        self.stopping = False
        self.running = False
        self.broken_off = False
        self._reload = False
        self._near, self._far = socket.socketpair()
        self._near.setblocking(False)
        self._far.setblocking(False)

    @contextmanager
    def listening(self, *, terminal: bool) -> Iterator[None]:
        """Takes the signals over while the block runs."""
        hangup = self._stop if terminal else self._again
        wanted = {
            "SIGTERM": self._stop,
            "SIGINT": self._stop,
            "SIGHUP": hangup,
        }  # Windows has no SIGHUP
        handlers = {
            getattr(signal, name): handler
            for name, handler in wanted.items()
            if hasattr(signal, name)
        }
        before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            self._near.close()
            self._far.close()

    def _stop(self, number: int, _frame: FrameType | None) -> None:
        if self.stopping and self.running:
            self.broken_off = True
            interrupts.interrupt(number)
            return
        self.stopping = True
        self._ring()
        if (
            self.running
        ):  # by a thread: the one that was interrupted may be in the middle of writing
            text = "ends after the current run; a second signal breaks it off"
            threading.Thread(target=service_log.info, args=(text,)).start()

    def _again(self, _number: int, _frame: FrameType | None) -> None:
        self._reload = True
        self._ring()

    def _ring(self) -> None:
        with suppress(BlockingIOError):  # it is ringing already
            self._far.send(b"!")

    def wait(self, seconds: float) -> bool:
        """Waits, or returns early; returns whether to read the files again."""
        import select

        select.select([self._near], [], [], seconds)
        with suppress(BlockingIOError):
            while self._near.recv(64):
                pass
        again, self._reload = self._reload, False
        return again
