"""The Git commit that a plan is about."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from reconcile import files
from reconcile.app import run_identity

_SHA: Final = re.compile("[0-9a-f]{7,64}")
_LARGEST_EVENT: Final = 10 * 1024 * 1024
_VARIABLES: Final = ("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA", "CI_COMMIT_SHA", "GITHUB_SHA")


def commit(environ: Mapping[str, str], desired_state: Sequence[str] = ()) -> str:
    """The commit of the pipeline, otherwise that of the desired-state files; "" if there is none.

    On a pull request, GitHub names a merge commit that nobody can find later; its event names the
    commit of the branch. Never fails.
    """
    candidates = [
        _head_of_pull_request(environ.get("GITHUB_EVENT_PATH", "")),
        *(environ.get(name, "") for name in _VARIABLES),
    ]
    for candidate in candidates:
        if _SHA.fullmatch(candidate):
            return candidate
    return run_identity.origin(desired_state).commit if desired_state else ""


def _head_of_pull_request(path: str) -> str:
    """The head commit of the pull request in GitHub's event file; "" if there is none."""
    if not path:
        return ""
    try:
        event: Any = json.loads(files.read(Path(path), _LARGEST_EVENT).data)
        sha = event["pull_request"]["head"]["sha"]
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        return ""
    return sha if isinstance(sha, str) else ""
