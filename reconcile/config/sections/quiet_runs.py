"""Whether runs may be quiet, and how often one is full: `quiet_runs` of the file."""

from collections.abc import Mapping
from typing import Any

from reconcile.config.sections import lifecycle
from reconcile.model import desired


def quiet_runs(values: Mapping[str, Any]) -> desired.QuietRuns:
    """The setting of a file without problems. What the file leaves out has its default."""
    times = {key: lifecycle.seconds(values[key]) for key in ("full_every",) if key in values}
    return desired.QuietRuns(**{**values, **times})
