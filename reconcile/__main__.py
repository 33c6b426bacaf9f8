"""The command, as `reconcile` and as `python -m reconcile`.

Until `reconcile.cli` is imported and takes signals over, one ends the process at once: nothing is
begun yet.
"""

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
    from reconcile.cli import main, streams

    streams.prepare()
    try:
        main()
    finally:  # all is done, and Python would let a signal decide the exit code while it ends
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)


if __name__ == "__main__":
    run()
