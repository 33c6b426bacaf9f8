"""How long a refused login takes: the same, whatever it was refused for."""

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
    """Lets a LoginRefused out only at a multiple of `unit` seconds after the start; 0: at once.

    To look for a person and to check a password takes longer for some people than for others, and
    may take longer than `unit`: then the next multiple hides it as well.
    """
    started = clock()
    try:
        yield
    except LoginRefused:
        if unit > 0:
            sleep(unit - (clock() - started) % unit)
        raise
