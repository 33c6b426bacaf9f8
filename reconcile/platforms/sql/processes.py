"""Whether a process of this machine is still the one that took a lock."""

import os
from pathlib import Path

_PROC = Path("/proc")
_STATE, _START = 0, 19
"""Places behind the command's closing bracket in /proc/PID/stat: one letter, and clock ticks since the start."""


def started(pid: int) -> str | None:
    """When a process started, as this machine tells it: equal texts are one process. None where it does not tell.

    "" says that there is no such process; one that has ended and waits for its parent (a zombie) counts as gone.
    """
    if not (_PROC / "self" / "stat").exists():
        return _without_proc(pid)
    try:
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
        boot = (_PROC / "sys" / "kernel" / "random" / "boot_id").read_text(encoding="ascii").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    return "" if fields[_STATE] in {"Z", "X"} else f"{boot}/{fields[_START]}"


def _without_proc(pid: int) -> str | None:
    if os.name != "posix":
        return None  # there, signal 0 would end the process instead of asking after it
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return None  # it is there, and somebody else's
    return None
