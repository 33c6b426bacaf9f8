"""Which run this is: its id, and the Git commit of the folder of its desired-state files."""

import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from reconcile.cli import runs
from reconcile.model.history import Origin

_PATIENCE: Final = 2.0
"""Seconds that git may take; a run does not wait for a repository on a disk that hangs."""


def origin(files: Sequence[str]) -> Origin:
    """Never fails: without git or a work tree there is no commit."""
    folder = Path(files[0]).parent if files else Path()
    commit = _git(folder, "rev-parse", "--verify", "--quiet", "HEAD").strip()
    names = [str(Path(file).absolute()) for file in files]
    dirty = bool(commit and _git(folder, "status", "--porcelain", "--", *names))
    return Origin(runs.current(), commit, dirty)


def _git(folder: Path, *arguments: str) -> str:
    """What git says; "" where it cannot. It takes no lock and starts no program that a repository names."""
    command = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(folder.absolute()), *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - fixed words and paths; no shell
            command, capture_output=True, timeout=_PATIENCE, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return ""
    return done.stdout.decode(errors="replace")
