"""Every wait ends: deadlines, and library calls that nothing else would end.

No wait is left to a library: sockets wait here, in Python, where a signal can interrupt them, too.
"""

import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, NamedTuple, TypeVar

Value = TypeVar("Value")

CONNECT: Final = "timeout.connect"
READ: Final = "timeout.read"
TOTAL: Final = "timeout.total"
"""The settings that limit waits."""


class Overdue(TimeoutError):
    """The time was over."""

    def __init__(self, deadline: "Deadline") -> None:
        """`deadline` is the one that has passed."""
        self.deadline = deadline
        super().__init__(str(deadline))


class Deadline(NamedTuple):
    """A moment by the monotonic clock, the seconds until then, and the setting they come from."""

    moment: float
    seconds: float
    setting: str

    def left(self) -> float:
        """The remaining seconds, more than 0. Raises Overdue if there are none."""
        left = self.moment - time.monotonic()
        if left <= 0:
            raise Overdue(self)
        return left

    def __str__(self) -> str:
        return f"no answer within {self.seconds:g} s ({self.setting})"


def after(seconds: float, setting: str, until: Deadline | None = None) -> Deadline:
    """The moment in so many seconds, or `until` if that is earlier."""
    moment = time.monotonic() + seconds
    return (
        until if until is not None and until.moment < moment else Deadline(moment, seconds, setting)
    )


def share(deadline: Deadline, parts: int) -> Deadline:
    """The moment when one of so many equal parts of the remaining time is over. Raises Overdue."""
    if parts < 2:
        return deadline
    return after(round(deadline.left() / parts, 2), f"a share of {deadline.setting}", deadline)


def within(deadline: Deadline, work: Callable[[], Value]) -> Value:
    """The result of `work`, or what it raises. Raises Overdue if it takes too long.

    It runs in a thread, which ends by itself if nothing waits for it any more: the resolver of host
    names and the libraries of Kerberos wait in C, where no signal or deadline ends them.
    """
    done: SimpleQueue[tuple[tuple[Value] | None, BaseException | None]] = SimpleQueue()

    def run() -> None:
        try:
            value = work()
        except BaseException as error:  # noqa: BLE001 - raised again where it is waited for
            done.put((None, error))
        else:
            done.put(((value,), None))

    threading.Thread(target=run, name="reconcile-wait", daemon=True).start()
    try:
        value, error = done.get(timeout=deadline.left())
    except Empty:
        raise Overdue(deadline) from None
    if error is not None:
        raise error
    assert value is not None  # noqa: S101 - one of the two is there
    return value[0]
