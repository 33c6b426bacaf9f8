"""A refused login takes the same time, whatever the reason."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from reconcile.errors import LoginRefused


@contextmanager
def evenly(
    unit: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[None]:
    """Delays a LoginRefused to a multiple of `unit` seconds after the start; 0: no delay.

    Finding a person and checking a password takes longer for some people than for others. If it
    takes longer than `unit`, the next multiple hides that.
    """
    started = clock()
    try:
        yield
    except LoginRefused:
        if unit > 0:
            sleep(unit - (clock() - started) % unit)
        raise
