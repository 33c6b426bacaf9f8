"""Whether a process of this machine is still the one that took a lock.

A number means a process only in one place: on one machine, from one start to the next, and within
one namespace of process numbers, of which every container has its own.
"""

import os
from pathlib import Path

_PROC = Path("/proc")
_STATE, _START = 0, 19
"""Places behind the command's closing bracket in /proc/PID/stat: one letter, and clock ticks since
the start."""


def started(pid: int) -> str | None:
    """When a process started, by this machine; equal texts are one process.

    None if it does not say.

    The text is `place()`, a slash and the time. "" means that there is no such process; one that
    has ended and waits for its parent (a zombie) counts as gone.
    """
    if not _tells_ours():
        return _without_proc(pid)
    try:
        fields = (
            (_PROC / str(pid) / "stat")
            .read_text(encoding="utf-8", errors="replace")
            .rpartition(")")[2]
            .split()
        )
    except (FileNotFoundError, ProcessLookupError):
        return _without_proc(pid)  # /proc may be mounted so that it hides what others run
    except OSError:
        return None
    return "" if fields[_STATE] in {"Z", "X"} else f"{place()}/{fields[_START]}"


def place() -> str:
    """Where the numbers of processes mean what they mean here.

    Equal texts are one place; "" if nothing says.
    """
    if not (_PROC / "self" / "stat").exists():
        return ""
    try:
        boot = (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text(encoding="ascii").strip()
    except OSError:
        boot = ""
    try:
        namespace = (_PROC / "self" / "ns" / "pid").readlink().name
    except OSError:
        namespace = ""
    return f"{boot}/{namespace}"


def place_of(started: str | None) -> str:
    """The place in a text of `started`, from this machine or another."""
    return (started or "").rpartition("/")[0]


def _tells_ours() -> bool:
    """Whether /proc exists and numbers processes as we do.

    After `unshare --pid` it may be the one of outside.
    """
    try:
        return (_PROC / "self" / "stat").exists() and (_PROC / "self").readlink().name == str(
            os.getpid()
        )
    except OSError:
        return False


def _without_proc(pid: int) -> str | None:
    if os.name != "posix":
        return None  # there, signal 0 would end the process instead of asking after it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return None  # it exists, and is another user's
    return None
