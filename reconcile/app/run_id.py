"""The id of a run: every line of the log that belongs together has the same, and the history has it too."""

import secrets
from datetime import UTC, datetime


class _Now:
    """The run of this process; not one of a context, for the thread that renews a lock logs too."""

    run = ""


def begin() -> None:
    """Begins a run. A command is one run; a service begins one each time it is due."""
    _Now.run = ""


def current() -> str:
    """The id of the run that takes place, as `20261122T013000Z-3f2a91`; made when it is first asked for."""
    if not _Now.run:
        from reconcile.applying import run_id

        _Now.run = run_id(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), secrets.token_hex(16))
    return _Now.run
