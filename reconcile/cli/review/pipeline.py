"""What `plan` writes for the next steps of a pipeline: --outputs and --summary."""

import logging
import os
from collections.abc import Callable, Iterable
from pathlib import Path

from reconcile.app.review import outputs
from reconcile.model.change import Plan
from reconcile.render.markdown.parts import SUMMARY

_log = logging.getLogger(__name__)


def begin(files: Iterable[Path]) -> None:
    """Removes what an earlier plan wrote. Raises UsageError for a file of another kind."""
    for file in files:
        if not _is_github_output(file):
            outputs.begin(file)


def write_outputs(made: Plan, files: Iterable[Path]) -> None:
    """Writes the facts of the plan to each file. Raises ReconcileError."""
    for file in files:
        write = outputs.append if _is_github_output(file) else outputs.write
        write(file, made)


def add_summary(file: Path | None, text: Callable[[int], str]) -> None:
    """Adds the text to a step summary; it is made for the bytes that the summary holds already.

    Does nothing without a file. Raises ReconcileError.
    """
    if file is None:
        return
    taken = outputs.size(file)
    data = f"{text(taken)}\n".encode()
    # A summary that is too large is dropped as a whole, with what other steps wrote.
    if taken + len(data) > SUMMARY:
        _log.warning("%s is full: the plan was not added to it", file)
    else:
        outputs.append_bytes(file, data)


def _is_github_output(file: Path) -> bool:
    """Whether GitHub reads the file after the step: what others wrote to it has to stay."""
    name = os.environ.get("GITHUB_OUTPUT")
    return bool(name) and file.absolute() == Path(name or "").absolute()
