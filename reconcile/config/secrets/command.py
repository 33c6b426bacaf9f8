"""Commands that print a secret: without shell or terminal, bounded in time and output."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import IO, Final, NamedTuple

_LOOK: Final = 0.05
"""Seconds between two looks at whether a command has ended that keeps its output open."""


class Done(NamedTuple):
    """Exit code and output; an output that is too long is cut one byte after the limit."""

    code: int
    output: bytes


class TooSlow(Exception):
    """A command did not end in time."""


def run(words: Sequence[str], *, seconds: float, most: int) -> Done:
    """Runs a command as a process group, which is killed if it is slow or prints too much.

    The output of processes that the command leaves behind is not waited for. Raises OSError and
    ValueError for an invalid command, and TooSlow.
    """
    deadline = time.monotonic() + seconds
    # Running what the file names is the purpose; there is no shell.
    process = subprocess.Popen(  # noqa: S603
        words,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        process_group=0,
    )
    assert process.stdout is not None  # noqa: S101 - it is a pipe
    try:
        with process.stdout:
            output = _output(process, process.stdout, deadline, most)
        if len(output) > most:
            return Done(0, output)
        return Done(process.wait(max(deadline - time.monotonic(), 0)), output)
    except subprocess.TimeoutExpired:
        raise TooSlow from None
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _output(process: subprocess.Popen[bytes], pipe: IO[bytes], deadline: float, most: int) -> bytes:
    """The output until the command closes it, ends, or has printed too much. Raises TooSlow."""
    output = bytearray()
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while len(output) <= most:
            ended = process.poll() is not None
            left = deadline - time.monotonic()
            if left <= 0:
                raise TooSlow
            if selector.select(0 if ended else min(left, _LOOK)):
                piece = os.read(pipe.fileno(), most + 1 - len(output))
                if not piece:
                    break
                output += piece
            elif ended:
                break
    return bytes(output)
