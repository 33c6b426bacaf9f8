"""Long output on a terminal goes through a pager, as Git's does."""

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from typing import Final

import click

from reconcile.cli.streams import ERRORS

_NONE: Final = frozenset({"", "cat"})
"""Names of no pager."""
_NOT_FOUND: Final = 127
"""What a shell ends with if it does not know a command."""
_DEFAULTS: Final = {"LESS": "FRX", "LV": "-c"}
"""As Git sets them unless they are set: less shows colours, and ends if all fits on the screen."""


def page(text: str) -> None:
    """Writes a text and a line end to standard output, on a terminal through a pager."""
    command = _pager()
    if command is None or not _paged(command, text):
        click.echo(text)


def _pager() -> str | None:
    """The command in RECONCILE_PAGER or PAGER, or less; None for no pager."""
    if sys.stdout is None or not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
        return None
    default = "less" if shutil.which("less") else ""
    command = os.environ.get("RECONCILE_PAGER", os.environ.get("PAGER", default)).strip()
    return None if command in _NONE else command


def _paged(command: str, text: str) -> bool:
    """Whether the pager could be started. Ctrl-C is for the pager as long as it runs."""
    sys.stdout.flush()
    encoded = f"{text}\n".encode(sys.stdout.encoding, ERRORS)
    ours = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        # The command is the user's own, with its options, as in Git.
        with subprocess.Popen(  # noqa: S602
            command, shell=True, stdin=subprocess.PIPE, env={**_DEFAULTS, **os.environ}
        ) as pager:
            if pager.stdin is not None:
                with suppress(BrokenPipeError):  # the reader has seen enough
                    pager.stdin.write(encoded)
                with suppress(BrokenPipeError):
                    pager.stdin.close()
            return pager.wait() != _NOT_FOUND
    finally:
        signal.signal(signal.SIGINT, ours)
