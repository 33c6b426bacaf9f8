"""Plan files on disk: written whole or not at all, readable by their owner alone."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from reconcile import files, interrupts
from reconcile.applying import dumps, loads
from reconcile.errors import PlanFileError, ReconcileError, UsageError
from reconcile.model.change import Plan

MAX_BYTES: Final = 1024**3
"""Twice the size of a plan that erases a million people."""


def read(path: Path) -> Plan:
    """Raises PlanFileError for a file that is damaged or cannot be read."""
    return loads(content(path), str(path))


def content(path: Path) -> bytes:
    """The bytes of a plan file. Raises PlanFileError if it cannot be read."""
    try:
        data = files.read(path, MAX_BYTES + 1).data
    except OSError as error:
        raise PlanFileError(f"{path}: the plan file cannot be read: {error.strerror}") from error
    if len(data) > MAX_BYTES:
        raise PlanFileError(
            f"{path}: larger than {MAX_BYTES // 1024**2} MiB, too large for a plan file"
        )
    return data


def write(path: Path, plan: Plan, sign: Callable[[bytes], bytes] | None = None) -> bytes:
    """Writes or replaces a plan file, and beside it `PLAN.sig` if it is signed. Returns its bytes.

    Raises UsageError for any other existing file, and whatever `sign` raises: then nothing is
    written.
    """
    named = path
    if path.suffix in (".yml", ".yaml"):
        raise UsageError(
            f"{path}: a plan file must not end in {path.suffix}, because `apply` would read it as"
            " desired state"
        )
    try:
        path = path.resolve()
        if path.exists():
            _refuse_other(path)
        data = dumps(plan)
        signature = sign(data) if sign is not None else None
        replace(path, data)
        if signature is not None:
            replace(named.with_name(f"{named.name}.sig"), signature)
    except OSError as error:
        raise ReconcileError(
            f"{path}: the plan file cannot be written: {error.strerror}"
        ) from error
    return data


def replace(path: Path, data: bytes) -> None:
    """Writes a file whole or not at all, readable by its owner alone. Raises OSError."""
    with interrupts.masked():
        handle, name = tempfile.mkstemp(
            prefix=f".{path.name}.", dir=path.parent
        )  # made with mode 0600
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise


def _refuse_other(path: Path) -> None:
    if not path.is_file():
        raise UsageError(
            f"{path} is not a file: a plan is written to a file, and `--format json` shows it"
        )
    if path.stat().st_size:
        with path.open("rb") as existing:
            if not existing.read(16).startswith(b'{"type":"header"'):
                raise UsageError(f"{path} exists and is not a plan file: it is not overwritten")
