"""Connection files and desired-state files on disk: written whole or not at all."""

import os
import re
import tempfile
from contextlib import suppress
from pathlib import Path

from reconcile import files, interrupts
from reconcile.errors import ConfigError, Problem, ReconcileError, UsageError

_MOST = 1024 * 1024 + 1
_LARGEST = 10 * 1024 * 1024 + 1
"""Of a desired-state file, and one byte more."""
_ODD = re.compile(r"[/\\\x00-\x1f\x7f:*?\"<>|]")


def read(path: Path) -> bytes:
    """The content of a connection file, at most one byte over the limit. Raises ConfigError."""
    try:
        return files.read(path, _MOST).data
    except OSError as error:
        raise ConfigError(
            [Problem(str(path), 0, 0, "", f"cannot be read: {error.strerror}")]
        ) from error


def write(path: Path, name: str, text: str) -> Path:
    """Writes or replaces a connection file, for its owner alone.

    In a folder it is named after the source. Raises UsageError instead of replacing a file that is
    not a connection file.
    """
    from reconcile import connections

    try:
        if path.is_dir():
            path /= f"{_ODD.sub('_', name).lstrip('.') or '_'}.json"
        path = path.resolve()
        if path.exists():
            if not path.is_file():
                raise UsageError(
                    f"{path} is not a file: leave --out out to write to standard output"
                )
            with path.open("rb") as file:
                start = file.read(200)
            if start and not connections.is_connection(start):
                raise UsageError(
                    f"{path} exists and is not an exported connection: it is not overwritten"
                )
        _replace(path, text.encode(), None)
    except OSError as error:
        raise ReconcileError(
            f"{path}: the connection file cannot be written: {error.strerror}"
        ) from error
    return path


def save(path: Path, before: bytes | None, content: bytes) -> None:
    """Writes a desired-state file, keeping its mode, if it still holds `before` (None: no file)."""
    try:
        path = path.resolve()
        now = files.read(path, _LARGEST).data if path.exists() else None
        if now != before:
            raise ReconcileError(
                f"{path} was changed in the meantime, nothing was written: try again"
            )
        with interrupts.masked():
            _replace(path, content, path.stat() if path.exists() else None)
    except OSError as error:
        raise ReconcileError(f"{path} cannot be written: {error.strerror}") from error


def _replace(path: Path, content: bytes, like: os.stat_result | None) -> None:
    """Keeps the mode and owner of the previous file; a new file is readable only by its owner."""
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            if like is not None:
                with suppress(PermissionError):  # only root can give a file away
                    os.fchown(file.fileno(), like.st_uid, like.st_gid)
                os.fchmod(file.fileno(), like.st_mode & 0o7777)
            os.fsync(file.fileno())
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
