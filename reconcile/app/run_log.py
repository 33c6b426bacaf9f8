"""The log of a run, and the id that all of its lines and the history share."""

import logging
import os
from collections.abc import Mapping
from datetime import UTC, datetime

run_log = logging.getLogger("reconcile.run")
"""What a log file has for every command: what was read and the result, in counts and names of
sources."""

service_log = logging.getLogger("reconcile.service")
"""What a service reports about itself; also on standard error."""


class _Now:
    """The run of this process. No context variable: the thread that renews a lock logs, too."""

    run = ""


def begin() -> None:
    """Starts a run. A command is one run; a service starts one each time it is due."""
    _Now.run = ""


def current() -> str:
    """The id of the current run, as `20261122T013000Z-3f2a91`; made on first use."""
    if not _Now.run:
        _Now.run = new_id()
    return _Now.run


def new_id() -> str:
    """An id that no other run has."""
    from reconcile.applying import run_id

    return run_id(datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), os.urandom(16).hex())


def note(message: str, facts: Mapping[str, object]) -> None:
    """Logs a line of the run: its message has a place for each fact; JSON has them as members."""
    run_log.info(message, *facts.values(), extra={"facts": dict(facts)})
