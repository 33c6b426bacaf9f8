"""How much a plan may change, and what it may not touch: `safety` of the file."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconcile.config.schema.findings import Findings
from reconcile.config.schema.typed import Values, mapping, mappings
from reconcile.config.sections import lifecycle
from reconcile.config.yaml.nodes import Path
from reconcile.model import desired

_NONE: Final = "none"


def safety(values: Mapping[str, Any]) -> desired.Safety:
    """The safety of a file without problems."""
    given: dict[str, Any] = {}
    if "limits" in values:
        given["limits"] = desired.LossLimits(
            **{key: _limit(value) for key, value in values["limits"].items()}
        )
    if "at_least" in values:
        given["at_least"] = int(values["at_least"])
    if "shrink" in values:
        given["shrink"] = _limit(values["shrink"])
    if "window" in values:
        given["window"] = 0.0 if values["window"] == _NONE else lifecycle.seconds(values["window"])
    if "groups" in values:
        given["groups"] = tuple(
            desired.GroupSafety(
                tuple(item["select"]),
                _limit(item["memberships_lost"]),
                may_empty=item.get("may_empty", False),
            )
            for item in values["groups"]
        )
    if "protect" in values:
        given["protect"] = desired.Protect(
            **{key: _protected(value) for key, value in values["protect"].items()}
        )
    return desired.Safety(**given)


def _limit(value: str | int) -> desired.Limit | None:
    if value == _NONE:
        return None
    text = str(value)
    return desired.Limit(float(text.removesuffix("%")), percent=text.endswith("%"))


def _protected(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    return int(value) if isinstance(value, float) else value


def check(data: Values, findings: Findings) -> None:
    """Adds percentages over 100."""
    for path, value in _percentages(mapping(data, "safety")):
        if not findings.touch(path) and float(value[:-1]) > 100:
            findings.add(path, "more than 100% can never be lost: write none for no limit")


def _percentages(values: Values) -> Iterator[tuple[Path, str]]:
    """Every percentage except that of new users, of whom there can be more than exist now."""
    places: list[tuple[Path, object]] = []
    for key, value in mapping(values, "limits").items():
        if key != "creates":
            places.append((("limits", key), value))
    places.append((("shrink",), values.get("shrink")))
    for index, item in mappings(values, "groups"):
        places.append((("groups", index, "memberships_lost"), item.get("memberships_lost")))
    for below, value in places:
        if isinstance(value, str) and value.endswith("%"):
            yield ("safety", *below), value
