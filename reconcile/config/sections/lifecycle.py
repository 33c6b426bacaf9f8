"""What happens to users whose persons left: `lifecycle` of the file."""

from collections.abc import Mapping
from typing import Any, Final, get_args

from reconcile.config.schema.findings import Findings
from reconcile.config.schema.typed import Values, mapping, text
from reconcile.config.yaml.nodes import Path
from reconcile.model import desired

_UNITS: Final = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_LONGEST: Final = 3660 * 86400.0
"""Ten years; anything longer is a slip of the keyboard."""
_KEYS: Final = ("on_missing", "on_out_of_scope", "on_disabled")
_HARDER: Final = get_args(desired.Departing)
"""What can happen to a user, each harder than the one before it."""


def lifecycle(values: Mapping[str, Any]) -> desired.Lifecycle:
    """The lifecycle of a file without problems."""
    departures = {key: _departure(values[key]) for key in _KEYS if key in values}
    return desired.Lifecycle(**{**values, **departures})


def _departure(value: str | Mapping[str, Any]) -> desired.Departure:
    """An action by its name, or one with a grace period and a second action."""
    if isinstance(value, str):
        return desired.Departure(value)  # type: ignore[arg-type] # the schema has checked the word
    return desired.Departure(value["action"], seconds(value.get("after", "0s")), value.get("then"))


def seconds(grace: str) -> float:
    """A time such as 30d."""
    return float(grace[:-1]) * _UNITS[grace[-1]]  # of any length: too large a number is infinite


def ends_disabled(values: Values) -> bool:
    """Whether the lifecycle of a document erases or deletes users of disabled persons."""
    return text(mapping(values, "on_disabled"), "then") in ("erase", "delete")


def check_source(data: Values, source: Values, path: Path, findings: Findings) -> None:
    """Adds a contradiction: users that end are created again as long as the person is disabled."""
    lifecycle = mapping(data, "lifecycle")
    if mapping(source, "users").get("create_disabled") is True and ends_disabled(lifecycle):
        then = text(mapping(lifecycle, "on_disabled"), "then")
        message = (
            f"contradicts `{then}` in lifecycle.on_disabled: the next run would create the user"
            " again; write false, or leave the key out"
        )
        findings.add((*path, "users", "create_disabled"), message)


def check(values: Values, findings: Findings) -> None:
    """Adds what is wrong with grace periods."""
    for key in _KEYS:
        departure, here = mapping(values, key), ("lifecycle", key)
        _pair(departure, here, findings)
        _order(departure, here, findings)
        _length(departure, here, findings)


def _pair(departure: Values, here: Path, findings: Findings) -> None:
    """A grace period has a time and a second action."""
    for key, missing in (("after", "then"), ("then", "after")):
        if key in departure and missing not in departure:
            message = f"{key} needs {missing}: `{{action: block, after: 30d, then: erase}}`"
            findings.add((*here, key), message, key=True)


def _order(departure: Values, here: Path, findings: Findings) -> None:
    """The second action is the harder one."""
    action, then = text(departure, "action"), text(departure, "then")
    if action in ("erase", "delete") and "then" in departure:
        findings.add((*here, "then"), f"nothing can come after {action}", key=True)
    elif {action, then} <= set(_HARDER) and _HARDER.index(then) <= _HARDER.index(action):
        findings.add((*here, "then"), f"{then} is not harder than {action}, which comes first")


def _length(departure: Values, here: Path, findings: Findings) -> None:
    """The time is neither none nor too long; one that the schema refuses is skipped."""
    after = text(departure, "after")
    if not after or findings.touch((*here, "after")):
        return
    if not 0 < seconds(after) <= _LONGEST:
        findings.add((*here, "after"), "expected a time from 1s to 10 years")
