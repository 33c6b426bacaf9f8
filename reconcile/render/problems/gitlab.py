"""A code quality report of GitLab, which shows each problem in the merge request."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePath
from posixpath import normpath

import msgspec

from reconcile.errors import Problem
from reconcile.model.text.printing import escaped, printable


def gitlab(problems: Sequence[Problem], root: PurePath, folder: PurePath) -> str:
    """A JSON array, empty if there are none.

    `root` is the folder of the repository; the names of files start at `folder`.

    A fingerprint does not depend on the line, so that a problem stays the same one when lines above
    it change.
    """
    counted: Counter[tuple[str, str, str]] = Counter()
    entries = []
    for problem in problems:
        path = _within(root, folder / problem.file)
        same = (path, problem.path, problem.message)
        counted[same] += 1
        entries.append(
            {
                "description": printable(
                    f"{problem.path}: {problem.message}" if problem.path else problem.message
                ),
                "check_name": "reconcile validate",
                "fingerprint": _fingerprint(*same, str(counted[same])),
                "severity": "critical",
                "location": {"path": path, "lines": {"begin": max(problem.line, 1)}},
            }
        )
    return escaped(msgspec.json.format(msgspec.json.encode(entries), indent=2).decode())


def _within(root: PurePath, file: PurePath) -> str:
    """The path of a file in the repository, as GitLab has it: relative, and without `./`."""
    path = PurePath(normpath(file))
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _fingerprint(*parts: str) -> str:
    text = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(text).hexdigest()
