"""Files that others wrote: read if they are regular files, and no further than the caller says.

Opening a named pipe waits for a writer, a device may never end, and some files below /proc wait or
never end.
"""

import errno
import os
import stat
from pathlib import Path
from typing import Final, NamedTuple

_IRREGULAR: Final = "it is not a regular file"
_BLOCK: Final = 1024 * 1024


class Content(NamedTuple):
    """What was read, and the mode of the file."""

    data: bytes
    mode: int


def read(path: Path, most: int) -> Content:
    """The first `most` bytes of a file.

    Ask for one more than allowed, to detect a file that is too large. Raises OSError, whose
    strerror says what is wrong, for what cannot be read or is not a regular file; ValueError for
    text that cannot be a path.
    """
    _refuse_irregular(path.stat().st_mode)  # before it is opened: that may do something to a device
    handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        mode = os.fstat(handle).st_mode
        _refuse_irregular(mode)
        pieces, left = [], most
        while left > 0 and (piece := os.read(handle, min(left, _BLOCK))):
            pieces.append(piece)
            left -= len(piece)
    except BlockingIOError as error:  # a file below /proc that waits for what is to come
        raise OSError(errno.EINVAL, _IRREGULAR) from error
    finally:
        os.close(handle)
    return Content(b"".join(pieces), mode)


def _refuse_irregular(mode: int) -> None:
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(mode):
        raise OSError(errno.EINVAL, _IRREGULAR)


def sqlite_fault(name: str, folder: str) -> str:
    """Why a file of SQLite cannot be used; "" if it can. Its folder has to exist and be writable.

    `name` is the path in the URL, from `folder` on where it is relative.
    """
    if not name or name == ":memory:" or name.startswith("file:"):
        return ""
    file = Path(folder, name)
    if not file.parent.is_dir():
        return f"there is no folder {file.parent} for the database {file.name}: make it first"
    if not os.access(file if file.exists() else file.parent, os.W_OK):
        return f"{file if file.exists() else file.parent} cannot be written by this account"
    return ""
