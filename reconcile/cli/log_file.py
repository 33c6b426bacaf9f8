"""A log file: readable by its owner alone and rotated by size.

It contains nothing about people without -v. Several processes may write one file: the one that
rotates holds a lock on it, and each checks whether the name still leads to its open file, so
logrotate can rotate it, too.
"""

import copy
import logging
import os
import re
import sys
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Any

from reconcile.errors import UsageError

_OURS = re.compile(rb'\d{4}-\d\d-\d\dT|\{"time"')


def without_people(record: logging.LogRecord) -> logging.LogRecord | None:
    """What the record may say without naming people; None if that is nothing."""
    impersonal = getattr(record, "impersonal", None)
    if impersonal is None:
        return record
    if not impersonal:
        return None
    brief = copy.copy(record)
    brief.msg, brief.args, brief.exc_info = impersonal, (), None
    return brief


class LogFile(RotatingFileHandler):
    """Rotates PATH to PATH.1, PATH.2 and so on.

    An error of the file is reported once and never ends a run.
    """

    def __init__(self, path: Path, size: int, count: int) -> None:
        """Raises UsageError if the file cannot be opened or is not a log."""
        real = Path(
            os.path.realpath(path)
        )  # the name that a link leads to is rotated, not the link
        _refuse_other(path, real)
        self._told = False
        try:
            super().__init__(
                real, maxBytes=size, backupCount=count, encoding="utf-8", errors="backslashreplace"
            )
        except OSError as error:
            raise UsageError(f"the log file {path} cannot be opened: {error.strerror}") from error

    def _open(self) -> Any:
        return open(
            self.baseFilename, "a", encoding="utf-8", errors="backslashreplace", opener=_private
        )

    def emit(self, record: logging.LogRecord) -> None:
        """Writes the record, or what it may say without naming people."""
        if not logging.getLogger("reconcile").isEnabledFor(logging.INFO):
            brief = without_people(record)
            if brief is None:
                return
            record = brief
        try:
            if self.stream is not None and not self._is_current(self.stream):
                self.stream.close()
                self.stream = None  # opened again by what follows
        except OSError:
            self.handleError(record)
            return
        super().emit(record)

    def doRollover(self) -> None:  # noqa: N802 - the name is the standard library's
        """Rotates, unless another process has just done so."""
        stream = self.stream or self._open()
        with _locked(stream.fileno()):
            if self._is_current(stream):
                super().doRollover()
                return
        stream.close()
        self.stream = self._open()

    def _is_current(self, stream: Any) -> bool:
        try:
            named = os.stat(self.baseFilename)  # noqa: PTH116 - beside fstat
            return os.path.samestat(named, os.fstat(stream.fileno()))
        except FileNotFoundError:
            return False

    # Name and argument are those of the standard library.
    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802, ARG002
        """Says once that the file cannot be written."""
        if not self._told:
            self._told = True
            error = sys.exc_info()[1]
            why = error.strerror if isinstance(error, OSError) else error
            logging.getLogger("reconcile.cli").warning(
                "the log file %s cannot be written: %s", self.baseFilename, why
            )


def _private(path: str, flags: int) -> int:
    return os.open(path, flags, 0o600)


def _refuse_other(path: Path, real: Path) -> None:
    """Protects other files: nothing is added to them, and nothing but a file is rotated."""
    try:
        if real.exists() and not real.is_file():
            raise UsageError(
                f"the log file {path} is not a file: standard error has the log anyway"
            )
        if real.is_file() and real.stat().st_size:
            with real.open("rb") as existing:
                if not _OURS.match(existing.read(16)):
                    raise UsageError(f"{path} exists and is not a log file: nothing is added to it")
    except OSError as error:
        raise UsageError(f"the log file {path} cannot be opened: {error.strerror}") from error


class _locked:  # noqa: N801 - used like a function
    """Locks an open file; without flock, processes must not share a log file."""

    def __init__(self, descriptor: int) -> None:
        self._copy = os.dup(descriptor)  # the stream itself is closed on the way

    def __enter__(self) -> None:
        if os.name == "posix":
            import fcntl

            fcntl.flock(self._copy, fcntl.LOCK_EX)

    def __exit__(self, *_: object) -> None:
        os.close(self._copy)
