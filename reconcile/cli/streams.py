r"""Standard output and standard error: what they cannot show is written out, what is lost is said.

A terminal is written to in its own encoding; a character that it has not becomes `\u` and its
number, which JSON reads as that character. Files and pipes get UTF-8, whatever the locale says, so
that JSON and CSV are the same everywhere.
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
"""The name of the error handler of codecs that writes characters out."""


def written_out(error: UnicodeError) -> tuple[str, int]:
    """Characters that an encoding has not, as JSON escapes them."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    units = error.object[error.start : error.end].encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4)), error.end


codecs.register_error(ERRORS, written_out)


class Output(io.TextIOWrapper):
    """Standard output. The first write that fails raises OutputLost; what follows goes nowhere."""

    lost: OSError | None = None
    """Why nothing can be written, where that is known from the start."""

    @property
    def encoding(self) -> str:  # type: ignore[override] # read-only in the base, too
        """As others see it: click takes ASCII for a mistake and would write UTF-8 past it."""
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
        """Has whatever is left go nowhere: it would fail once more when the process ends."""
        self.lost = None
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.fileno())
        os.close(nowhere)
        return OutputLost(error.strerror or str(error), broken_pipe=error.errno == errno.EPIPE)


class Errors(Output):
    """Standard error. Where it cannot be written, nothing changes of what a command does."""

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
    """Has something stand at 0, 1 and 2, or a file opened later would be one of them."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # it gets the lowest number that is free


def _wrapped(kind: type[Stream], stream: TextIO | None, number: int) -> Stream:
    """The stream of a number, which is None where it was closed; a terminal in its own encoding."""
    if not isinstance(stream, io.TextIOWrapper):
        return kind(io.FileIO(number, "w", closefd=False), encoding="utf-8", errors=ERRORS)
    terminal = stream.isatty()
    encoding = stream.encoding if terminal else "utf-8"
    stream.flush()
    return kind(
        stream.detach(), encoding=encoding, errors=ERRORS, line_buffering=terminal or kind is Errors
    )
