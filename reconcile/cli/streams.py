r"""Standard output and standard error: escapes what they cannot show, reports what is lost.

A terminal gets its own encoding; a character that it does not have becomes `\u` and its number,
which JSON reads as that character. Files and pipes get UTF-8, whatever the locale says, so that
JSON and CSV are the same everywhere.
"""

import codecs
import errno
import io
import os
import sys
from contextlib import suppress
from typing import Final, TextIO, TypeVar

from reconcile.errors import OutputLost

Stream = TypeVar("Stream", bound="Output")

ERRORS: Final = "reconcile.written_out"
"""The name of the codec error handler that escapes characters."""


def written_out(error: UnicodeError) -> tuple[str, int]:
    """Characters that an encoding does not have, as JSON escapes them."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)), error.end


codecs.register_error(ERRORS, written_out)


class Output(io.TextIOWrapper):
    """Standard output. The first write that fails raises OutputLost; what follows goes nowhere."""

    lost: OSError | None = None
    """Why nothing can be written, if that is known from the start."""

    @property
    def encoding(self) -> str:  # type: ignore[override] # read-only in the base, too
        """For others: click considers ASCII a mistake and would write UTF-8 around it."""
        name: str = super().encoding
        return "iso8859-1" if codecs.lookup(name).name == "ascii" else name

    def write(self, text: str, /) -> int:
        """Raises OutputLost."""
        if self.lost is not None and text:  # click tries it with nothing, to see what it is
            raise self._given_up(self.lost)
        try:
            return super().write(text)
        except OSError as error:
            raise self._given_up(error) from error

    def flush(self) -> None:
        """Raises OutputLost."""
        try:
            super().flush()
        except OSError as error:
            raise self._given_up(error) from error

    def _given_up(self, error: OSError) -> OutputLost:
        """Discards what is left: it would fail again when the process ends."""
        self.lost = None
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        return OutputLost(error.strerror or str(error), broken_pipe=error.errno == errno.EPIPE)


class Errors(Output):
    """Standard error. If it cannot be written, commands work as usual."""

    def write(self, text: str, /) -> int:
        """Never raises."""
        with suppress(OutputLost):
            return super().write(text)
        return len(text)

    def flush(self) -> None:
        """Never raises."""
        with suppress(OutputLost):
            super().flush()


def prepare() -> None:
    """Puts these streams in the place of Python's; once, before anything is written."""
    claim()
    closed = sys.stdout is None
    sys.stdout = output = _wrapped(Output, sys.stdout, 1)
    if closed:
        output.lost = OSError(errno.EBADF, "it is closed")
    if sys.stderr is not None:
        sys.stderr = _wrapped(Errors, sys.stderr, 2)


def claim() -> None:
    """Opens 0, 1 and 2 if they are closed, or a file opened later would become one of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free


def _wrapped(kind: type[Stream], stream: TextIO | None, number: int) -> Stream:
    """The stream of a number, None if it was closed; a terminal in its own encoding."""
    if not isinstance(stream, io.TextIOWrapper):
        return kind(io.FileIO(number, "w", closefd=False), encoding="utf-8", errors=ERRORS)
    terminal = stream.isatty()
    encoding = stream.encoding if terminal else "utf-8"
    stream.flush()
    return kind(
        stream.detach(), encoding=encoding, errors=ERRORS, line_buffering=terminal or kind is Errors
    )
