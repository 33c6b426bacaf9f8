"""The command, as `reconcile` and as `python -m reconcile`.

Until `reconcile.cli` is imported and takes signals over, one ends the process at once: nothing is
begun yet.
"""

import gc
import os
import signal
from types import FrameType


def end_at_once(number: int, _frame: FrameType | None) -> None:
    """Ends the process, as a handler of signals."""
    os._exit(128 + number)


def run() -> None:
    """Runs the command line and ends the process with its exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, end_at_once)
    # What a run imports, reads and makes lives until its end: looking through all of it for cycles
    # over and over takes a tenth of a large run and finds nothing.
    gc.set_threshold(1_000_000, 50, 1000)
    from reconcile.cli import main, streams

    streams.prepare()
    try:
        main()
    finally:  # all is done, and Python would let a signal decide the exit code while it ends
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)
        # Python would look for cycles once more, and take a fifth of a small run for it.
        gc.freeze()


if __name__ == "__main__":
    run()
