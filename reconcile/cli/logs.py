"""The log on standard error and in log files, as lines of text or of JSON."""

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path
from typing import TypeAlias

import click

from reconcile import __version__
from reconcile.app import run_log as runs
from reconcile.errors import (
    ConfigError,
    Locked,
    NotApproved,
    NotSigned,
    PlanFileError,
    ReconcileError,
    Unreadable,
    UsageError,
)

Aside: TypeAlias = Callable[[], AbstractContextManager[None]]

_IMPERSONAL = (ConfigError, Locked, NotApproved, PlanFileError, Unreadable, UsageError)
"""Errors about files, servers and settings; others may name users."""

_TIME = "%Y-%m-%dT%H:%M:%S%z"


class _Text(logging.Formatter):
    """`warning: what happened`; control characters written out."""

    def format(self, record: logging.LogRecord) -> str:
        from reconcile.render.wording import printable

        text = f"{record.levelname.lower()}: {printable(record.getMessage())}"
        if record.exc_info:
            text += "".join(
                f"\n    {printable(line)}"
                for line in self.formatException(record.exc_info).splitlines()
            )
        return text


class _Dated(_Text):
    """The same, with the time in front."""

    def format(self, record: logging.LogRecord) -> str:
        return f"{self.formatTime(record, _TIME)} {super().format(record)}"


class _Json(logging.Formatter):
    """One JSON object per line: time, level, logger, run and message, then the message's facts."""

    def format(self, record: logging.LogRecord) -> str:
        from reconcile.render.wording import escaped

        members: dict[str, object] = {
            "time": self.formatTime(record, _TIME),
            "level": record.levelname.lower(),
            "logger": record.name,
            "run": runs.current(),
            "message": record.getMessage(),
            **getattr(record, "facts", {}),
        }
        if record.exc_info:
            members["traceback"] = self.formatException(record.exc_info)
        return escaped(json.dumps(members, ensure_ascii=False))


class _StandardError(logging.Handler):
    """Writes to the current standard error: a caller in Python may have replaced it."""

    aside: Aside = nullcontext
    """Removes other output, such as progress, while a line is written."""

    names_people: bool = True

    def emit(self, record: logging.LogRecord) -> None:
        from reconcile.cli.log_file import without_people

        brief = record if self.names_people else without_people(record)
        if brief is None:
            return
        record = brief
        if record.name != runs.run_log.name or logging.getLogger("reconcile").isEnabledFor(
            logging.INFO
        ):
            with self.aside():
                click.echo(self.format(record), err=True)


def _standard_error() -> _StandardError:
    """The handler that writes to standard error."""
    return next(each for each in _logger().handlers if isinstance(each, _StandardError))


def _logger() -> logging.Logger:
    logger = logging.getLogger("reconcile")
    if not any(isinstance(handler, _StandardError) for handler in logger.handlers):
        handler = _StandardError()
        handler.setFormatter(_Text())
        logger.addHandler(handler)
        logger.propagate = False
        # What libraries log of themselves (a connection that broke, a fault while one is closed) is
        # said in our words by what they raise; with no handler of its own Python would print it.
        logging.getLogger().addHandler(logging.NullHandler())
        runs.run_log.setLevel(logging.INFO)
        runs.service_log.setLevel(logging.INFO)
    return logger


class _Once(logging.Filter):
    """Lets each message through once."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        message = record.getMessage()
        new = message not in self._seen
        self._seen.add(message)
        return new or record.levelno < logging.WARNING


@contextmanager
def each_once(name: str) -> Iterator[None]:
    """Within the block, a logger gives each warning once, however often there is cause for it."""
    once, logger = _Once(), logging.getLogger(name)
    logger.addFilter(once)
    try:
        yield
    finally:
        logger.removeFilter(once)


@contextmanager
def beside(aside: Aside) -> Iterator[None]:
    """Writes log lines within `aside()` during the block.

    Something else is shown on standard error at the same time.
    """
    handler = _standard_error()
    handler.aside = aside
    try:
        yield
    finally:
        handler.aside = nullcontext


def set_level(verbosity: int) -> None:
    """How much is logged: 0 for warnings, 1 for what is done (-v), 2 for everything."""
    _logger().setLevel({0: logging.WARNING, 1: logging.INFO}.get(verbosity, logging.DEBUG))
    _standard_error().names_people = True


def is_verbose() -> bool:
    """Whether -v was used."""
    return _logger().isEnabledFor(logging.INFO)


def leave_out_people() -> None:
    """Lines on standard error name nobody for the rest of the command."""
    _standard_error().names_people = False


def set_format(form: str) -> None:
    """How lines are written from now on, "text" or "json"; also in log files opened later."""
    _standard_error().setFormatter(_Json() if form == "json" else _Text())


def begin_log_file(path: Path, size: int, count: int, command: str) -> None:
    """Writes the log of a command to a file, too, rotated at `size` bytes. Raises UsageError."""
    from reconcile.cli.log_file import LogFile

    logger = _logger()
    file = LogFile(path, size, count)
    file.setFormatter(_Json() if isinstance(_standard_error().formatter, _Json) else _Dated())
    logger.addHandler(file)
    values = {"command": command, "version": __version__, "process": os.getpid()}
    runs.note("%s begins: reconcile %s, process %d", values)


def end_log_file() -> None:
    """Closes the log file of a command, if it has one."""
    for handler in list(_logger().handlers):
        if isinstance(handler, logging.FileHandler):
            handler.close()
            _logger().removeHandler(handler)


def report_error(error: Exception) -> None:
    """Reports an error on standard error; any except ReconcileError is a fault of reconcile."""
    logger = _logger()
    if isinstance(error, ConfigError):
        for line in error.lines():
            logger.error("%s", line)
    elif isinstance(error, ReconcileError):
        for number, line in enumerate(str(error).splitlines()):
            about_people = not isinstance(error, _IMPERSONAL) or (
                isinstance(error, NotSigned) and number > 0
            )
            impersonal = "" if number else f"{type(error).__name__}: -v logs the rest"
            logger.error("%s", line, extra={"impersonal": impersonal} if about_people else None)
    else:
        kind = type(error).__name__
        impersonal = f"unexpected {kind}: -v logs the rest"
        logger.error(
            "unexpected %s: %s. This is a fault of reconcile: please report it",
            kind,
            error,
            extra={"impersonal": impersonal},
        )
        logger.debug("traceback", exc_info=error)
