"""Quiet runs forced on or off in this process, to run whole suites both ways.

RECONCILE_TEST_QUIET=on: behind every full run that finds nothing to do, the same is asked again and
answered by its memo; the two have to agree to the letter. =off: no run is quiet, or leaves a memo.
"""

import logging
import secrets
from collections.abc import Collection
from typing import Any

import msgspec
import pytest

from reconcile.app import adapters, inputs, run
from reconcile.app.quiet import memo as memos
from reconcile.app.quiet.answering import Answering
from reconcile.app.quiet.parts import Parts
from reconcile.app.quiet.planned import Made
from reconcile.app.quiet.recording import Recording
from reconcile.config import Loaded
from reconcile.model.change import Scope
from reconcile.ports import Progress, no_progress


def force(way: str) -> None:
    """Forces quiet runs on or off from now on."""
    ways = {"on": _both, "off": _full}
    if way not in ways:
        raise pytest.UsageError(f"RECONCILE_TEST_QUIET is {' or '.join(ways)}, not {way!r}")
    vars(run)["planned"] = ways[way]


def _full(
    loaded: Loaded,
    scope: Scope,
    variables: Collection[str],
    target: Any,
    progress: Progress,
    directory: inputs.Opener = adapters.directory,
    **_: Any,
) -> Made:
    return Made(*inputs.plan(loaded, scope, variables, target, progress, directory))


def _both(
    loaded: Loaded,
    scope: Scope,
    variables: Collection[str],
    target: Any,
    progress: Progress,
    directory: inputs.Opener = adapters.directory,
    **_: Any,
) -> Made:
    if not hasattr(target, "keep_memo") or scope.targets:
        return _full(loaded, scope, variables, target, progress, directory)
    key = secrets.token_bytes(Parts.KEY)
    recorded = Recording(key, loaded, scope, variables, target, directory).run(progress)
    known = memos.read(recorded.memo)
    if known is not None and known.is_valid(inputs.now()):
        logging.disable()
        try:
            answering = Answering(known, loaded, scope, variables, target, directory)
            quiet = answering.plan(no_progress)
        finally:
            logging.disable(logging.NOTSET)
        expected = msgspec.structs.replace(recorded.plan, created=quiet.created)
        assert quiet == expected, "a quiet run says something else than the full one before it"
    return Made(recorded.plan, recorded.troubles)
