"""Facts about a plan for the next steps of a pipeline: lines `key=value` of digits and letters.

GitLab reads such a file as a dotenv report, GitHub as `$GITHUB_OUTPUT`, a shell with `.`:

    changes=true
    digest=sha256:4be0643f1d98…
    to_add=3
"""

import os
import tempfile
from collections import Counter
from pathlib import Path
from typing import Final

from reconcile import interrupts
from reconcile.app.review.digest import file_digest
from reconcile.errors import ReconcileError, UsageError
from reconcile.model.change import Plan
from reconcile.render import wording

_FIRST: Final = b"changes="
"""How a file of this kind begins."""


def facts(plan: Plan) -> dict[str, str]:
    """Key → value. No value holds anything of a directory."""
    signs = Counter(map(wording.sign, plan.changes))
    numbers = {
        "to_add": signs["+"],
        "to_change": signs["~"],
        "to_remove": signs["-"],
        "skips": len(plan.skips),
        "violations": len(plan.violations),
        "refused": len(plan.refused),
        "notices": len(plan.notices),
    }
    return {
        "changes": "true" if plan.changes else "false",
        "digest": f"sha256:{file_digest(plan)}",
        **{key: str(number) for key, number in numbers.items()},
    }


def begin(path: Path) -> None:
    """Removes the file of an earlier plan, so that a failure leaves none.

    Raises UsageError for a file that is not of this kind, ReconcileError if it cannot be removed.
    """
    try:
        if path.exists():
            _refuse_other(path)
            path.unlink()
    except OSError as error:
        raise _not_written(path, error) from error


def write(path: Path, plan: Plan) -> None:
    """Writes the whole file or none of it. Raises ReconcileError."""
    with interrupts.masked():
        try:
            handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(_lines(plan))
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
        except OSError as error:
            raise _not_written(path, error) from error


def append(path: Path, plan: Plan) -> None:
    """Adds the lines to a file that other steps write to, too. Raises ReconcileError."""
    append_bytes(path, _lines(plan))


def append_bytes(path: Path, data: bytes) -> None:
    """Adds to a file. Raises ReconcileError."""
    try:
        with path.open("ab") as file:
            file.write(data)
    except OSError as error:
        raise _not_written(path, error) from error


def size(path: Path) -> int:
    """How many bytes a file has; 0 if it does not exist. Raises ReconcileError."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
    except OSError as error:
        raise _not_written(path, error) from error


def _lines(plan: Plan) -> bytes:
    return "".join(f"{key}={value}\n" for key, value in facts(plan).items()).encode()


def _refuse_other(path: Path) -> None:
    if not path.is_file():
        raise UsageError(f"{path} is not a file: --outputs writes to a file")
    with path.open("rb") as existing:
        start = existing.read(len(_FIRST))
    if start and start != _FIRST:
        raise UsageError(f"{path} exists and was not written by --outputs: it is not overwritten")


def _not_written(path: Path, error: OSError) -> ReconcileError:
    return ReconcileError(f"{path} cannot be written: {error.strerror}")
