"""Ctrl-C, SIGTERM and SIGHUP: where they may interrupt a command, and where they wait.

A signal raises `Interrupted` in the main thread, wherever that is, and once. What follows, such as
undoing a transaction or releasing a lock, is done to its end. What must not be interrupted is
`masked`; there a signal waits until the block ends. Parts of it that may take long are `restored`
to what was before:

    with masked() as restored:
        with platform.transaction(name) as writer:  # opened and kept, or undone, as a whole
            with restored():
                ...                                 # may be broken off
        kept = True

Only commands `listen`; for an application that imports this project nothing here ever raises.
"""

import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import FrameType
from typing import Any, Final, TypeAlias

Restored: TypeAlias = Callable[[], AbstractContextManager[None]]

SIGNALS: Final = ("SIGINT", "SIGTERM", "SIGHUP")
"""Those that end a command; Windows has no SIGHUP."""
PATIENCE: Final = 10.0
"""How many seconds the clean-up may take before another signal ends the process at once."""
NOTHING_WRITTEN: Final = "nothing was written to the platform, and no lock is left"
STUCK: Final = 1.0
"""Seconds that a library may wait after a signal without running Python, while nothing is held."""
_WAKE: Final = 0.05
_AGAIN: Final = 0.01
"""Seconds after which a signal is sent again if its exception was lost."""


class Interrupted(KeyboardInterrupt):
    """A signal ends the command."""


class _State:
    """Of this process; signals come to the main thread alone."""

    masked = False
    number = 0
    """The first signal; 0 for none."""
    since = 0.0
    """When it came, by the monotonic clock."""
    raised = False
    settled = False
    """Whether signals no longer interrupt anything."""
    masks = 0
    """How many masks are open."""
    alive = True
    """Whether the main thread has run Python since it was last asked."""


def received() -> int:
    """The number of the signal that ends this command; 0 for none."""
    return _State.number


def broke_off() -> bool:
    """Whether a signal has interrupted the command, rather than come after its end."""
    return _State.raised


def exit_code() -> int:
    """The exit code of a command that a signal has ended: 130 for Ctrl-C, 143 for SIGTERM."""
    return 128 + _State.number


def begin() -> None:
    """Forgets earlier signals: a command starts, or the next run of a service."""
    _State.number, _State.raised, _State.settled = 0, False, False


def settle() -> None:
    """From now on, signals interrupt nothing: what was done is reported first."""
    _State.settled = True


def interrupt(number: int, _frame: FrameType | None = None) -> None:
    """Ends the command, as a handler of signals. Raises Interrupted, where masked at the end."""
    if not _State.number:
        _State.number, _State.since = number, time.monotonic()
    elif time.monotonic() - _State.since > PATIENCE:
        os._exit(exit_code())  # the cleaning up hangs
    if not _State.masked:
        _raise()


def _raise() -> None:
    if _State.number and not _State.raised and not _State.settled:
        _State.raised = True
        raise Interrupted(signal.Signals(_State.number).name)


@contextmanager
def masked() -> Iterator[Restored]:
    """A signal waits until the block ends, and is raised then. Gives `restored`."""
    if threading.current_thread() is not threading.main_thread():
        yield _as_it_is
        return
    before, _State.masked = _State.masked, True
    _State.masks += 1
    try:
        yield partial(_restored, before)
    finally:
        _State.masks -= 1
        _State.masked = before
        if not before:
            _raise()


@contextmanager
def _restored(before: bool) -> Iterator[None]:
    _State.masked = before
    try:
        if not before:
            _raise()
        yield
    finally:
        _State.masked = True


@contextmanager
def _as_it_is() -> Iterator[None]:
    yield


@contextmanager
def listening(stuck: Callable[[], object] = bool) -> Iterator[Restored]:
    """Takes over the signals for a command; the block is masked.

    Signals that are ignored stay so, as with nohup. Outside of any mask the process is ended, after
    a call of `stuck`, if a library waits and keeps the signal from being raised.
    """
    if threading.current_thread() is not threading.main_thread():
        yield _as_it_is
        return
    begin()
    _State.masked = True
    numbers = [getattr(signal, name) for name in SIGNALS if hasattr(signal, name)]
    before = {one: signal.getsignal(one) for one in numbers}
    hook = sys.unraisablehook
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, interrupt)
    sys.unraisablehook = partial(_unraisable, hook)
    try:
        with _woken(stuck):
            yield partial(_restored, False)
    finally:
        sys.unraisablehook = hook
        for number, handler in before.items():
            if handler != signal.SIG_IGN:
                signal.signal(number, handler)
        begin()
        _State.masked = False


@contextmanager
def _woken(stuck: Callable[[], object]) -> Iterator[None]:
    """Starts a thread that makes handlers run, even for a signal that comes just before a wait."""
    if not hasattr(signal, "SIGURG"):
        yield
        return
    near, far = socket.socketpair()
    far.setblocking(False)
    threading.Thread(
        target=_wake, args=(near, stuck), name="reconcile-signals", daemon=True
    ).start()
    probed = signal.signal(signal.SIGURG, _answer)
    wakeup = signal.set_wakeup_fd(far.fileno(), warn_on_full_buffer=False)
    try:
        yield
    finally:
        signal.set_wakeup_fd(wakeup)
        signal.signal(signal.SIGURG, probed)
        far.close()


def _answer(_number: int, _frame: FrameType | None) -> None:
    _State.alive = True


def _wake(near: socket.socket, stuck: Callable[[], object]) -> None:
    """After a signal, sends one that means nothing until the main thread runs Python again."""
    with near:
        while came := near.recv(1):
            if came[0] == signal.SIGURG:
                continue
            _State.alive = False
            end = time.monotonic() + STUCK
            while not _State.alive and time.monotonic() < end:
                signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGURG)
                time.sleep(_WAKE)
            if not _State.alive and not _State.masks and signal.getsignal(came[0]) is interrupt:
                _State.number = _State.number or came[0]
                stuck()
                os._exit(exit_code())


def _unraisable(hook: Callable[[Any], object], what: Any) -> None:
    """Sends the signal again if its exception had no caller, as while an object is freed."""
    if not isinstance(what.exc_value, Interrupted):
        hook(what)
        return
    _State.raised = False
    timer = threading.Timer(_AGAIN, os.kill, (os.getpid(), _State.number))
    timer.daemon = True
    timer.start()
