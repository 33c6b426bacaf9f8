"""The identity of a run: its id, who runs it and where, and the Git commit of its files."""

import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reconcile.app import inputs, run_log
from reconcile.model.history import Origin
from reconcile.model.text.printing import quoted
from reconcile.ports import Holder

_PATIENCE: Final = 2.0
"""How long git may take, in seconds; a run does not wait for a repository on a hanging disk."""


def account() -> str:
    """The account of this process; its number if it has no name, as in some containers."""
    try:
        import pwd  # not on Windows

        return pwd.getpwuid(os.getuid()).pw_name
    except (KeyError, ImportError):
        return f"uid {os.getuid()}" if hasattr(os, "getuid") else "unknown"


def holder(user: str = "") -> Holder:
    """The account that takes the locks from now on; "" for that of this process."""
    return Holder(user or account(), socket.gethostname(), os.getpid(), inputs.now())


def named(user: str = "") -> str:
    """`anna on laptop`; `user` is the account, "" for that of this process."""
    return quoted(f"{user or account()} on {socket.gethostname()}")


def origin(files: Sequence[str], run: str = "") -> Origin:
    """Where a run comes from; `run` is its id, "" for that of this process.

    Never fails: without git or a work tree there is no commit.
    """
    if str(inputs.INLINE) in files:
        return Origin(run or run_log.current(), "", False, tuple(files))
    folder = Path(files[0]).parent if files else Path()
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD").strip()
    names = [str(Path(file).absolute()) for file in files]
    dirty = bool(commit and _git(folder, "status", "--porcelain", "--", *names))
    return Origin(run or run_log.current(), commit, dirty, tuple(files))


def _git(folder: Path, *arguments: str) -> str:
    """The output of git, "" if it fails.

    It takes no lock and starts no program that a repository names.
    """
    command = [
        "git",
        "--no-optional-locks",
        "-c",
        "core.fsmonitor=false",
        "-C",
        str(folder.absolute()),
        *arguments,
    ]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words and paths; no shell
            command, capture_output=True, timeout=_PATIENCE, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace")
