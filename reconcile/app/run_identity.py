"""Which run this is and whose: its id, who makes it and where, and the Git commit of its desired-state files."""

import getpass
import os
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reconcile.app import inputs, run_id
from reconcile.model.history import Origin
from reconcile.ports import Holder

_PATIENCE: Final = 2.0
"""Seconds that git may take; a run does not wait for a repository on a disk that hangs."""


def login() -> str:
    """The account that runs this; its number where it has no name, as in a container that is given any."""
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):
        return f"uid {os.getuid()}"


def holder() -> Holder:
    """Who takes the locks, from now on."""
    return Holder(login(), socket.gethostname(), os.getpid(), inputs.now())


def origin(files: Sequence[str]) -> Origin:
    """Never fails: without git or a work tree there is no commit."""
    folder = Path(files[0]).parent if files else Path()
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD").strip()
    names = [str(Path(file).absolute()) for file in files]
    dirty = bool(commit and _git(folder, "status", "--porcelain", "--", *names))
    return Origin(run_id.current(), commit, dirty, tuple(files))


def _git(folder: Path, *arguments: str) -> str:
    """What git says; "" where it cannot. It takes no lock and starts no program that a repository names."""
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
