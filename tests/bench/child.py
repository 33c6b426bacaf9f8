"""Runs one command and writes what it cost as JSON to a file: child.py FILE COMMAND...

This stands in a process of its own that imports next to nothing: Linux counts the memory of whoever
starts a process towards the peak of the process, so a starter must be smaller than anything it
measures.
"""

import json
import os
import sys
import time

_REPORT, *_COMMAND = sys.argv[1:]
_begun = time.perf_counter()
_pid = os.posix_spawn(_COMMAND[0], _COMMAND, os.environ)
_, _status, _usage = os.wait4(_pid, 0)
_wall = time.perf_counter() - _begun
with open(_REPORT, "w", encoding="utf-8") as _file:  # noqa: PTH123 - pathlib would double the size of this process
    json.dump(
        {
            "wall": _wall,
            "cpu": _usage.ru_utime + _usage.ru_stime,
            "mib": _usage.ru_maxrss / 1024,
            "code": os.waitstatus_to_exitcode(_status),
        },
        _file,
    )
