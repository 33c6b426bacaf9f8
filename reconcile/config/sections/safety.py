"""How much a plan may change, and what it may not touch: `safety` of the file."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path as File
from typing import Any, Final

from reconcile.config.schema.findings import Findings
from reconcile.config.schema.typed import Values, mapping, mappings
from reconcile.config.sections import lifecycle
from reconcile.config.yaml.nodes import Path
from reconcile.model import desired

_NONE: Final = "none"
_SIGNATURES: Final = "require_signatures"
_SIGNATURE_FILES: Final = ("allowed_signers", "revoked_keys")


def safety(values: Mapping[str, Any], folder: Callable[[Path], File]) -> desired.Safety:
    """The safety of a file without problems. What the file leaves out has its default.

    `folder` returns the folder of the file with a path.
    """
    read = {key: _READERS[key](value) for key, value in values.items() if key != _SIGNATURES}
    signatures = values.get(_SIGNATURES)
    if signatures is not None:
        read[_SIGNATURES] = _signatures(signatures, folder)
    return desired.Safety(**read)


def _signatures(
    values: Mapping[str, Any], folder: Callable[[Path], File]
) -> desired.RequiredSignatures:
    """`require_signatures`: paths start at the folder of the file that says them."""
    paths = {
        key: str(folder(("safety", _SIGNATURES, key)) / values[key])
        for key in _SIGNATURE_FILES
        if key in values
    }
    return desired.RequiredSignatures(
        paths["allowed_signers"], int(values.get("signers", 1)), paths.get("revoked_keys", "")
    )


def _limits(values: Mapping[str, Any]) -> desired.LossLimits:
    """`limits`: one for each kind of loss."""
    return desired.LossLimits(**{key: _limit(value) for key, value in values.items()})


def _limit(value: str | int) -> desired.Limit | None:
    """A number, or a share in percent; None for no limit."""
    if value == _NONE:
        return None
    text = str(value)
    return desired.Limit(float(text.removesuffix("%")), percent=text.endswith("%"))


def _window(value: str) -> float:
    """The time over which losses add up, in seconds; 0 for a run alone."""
    return 0.0 if value == _NONE else lifecycle.seconds(value)


def _groups(values: list[Mapping[str, Any]]) -> tuple[desired.GroupSafety, ...]:
    """`groups`: limits of some groups."""
    return tuple(
        desired.GroupSafety(
            tuple(item["select"]),
            _limit(item["memberships_lost"]),
            may_empty=item.get("may_empty", False),
        )
        for item in values
    )


def _protect(values: Mapping[str, Any]) -> desired.Protect:
    """`protect`: users, roles and groups that no plan may touch."""
    return desired.Protect(**{key: _protected(value) for key, value in values.items()})


def _protected(value: Any) -> Any:
    """Patterns as a tuple, a number as a whole one."""
    if isinstance(value, list):
        return tuple(value)
    return int(value) if isinstance(value, float) else value


_READERS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "limits": _limits,
    "at_least": int,
    "shrink": _limit,
    "window": _window,
    "groups": _groups,
    "protect": _protect,
}
"""Each key of `safety` with what makes a value of it."""


def check(data: Values, findings: Findings) -> None:
    """Adds percentages over 100, paths that cannot be, and a schedule that nobody can sign."""
    for path, value in _percentages(mapping(data, "safety")):
        if not findings.touch(path) and float(value[:-1]) > 100:
            findings.add(path, "more than 100% can never be lost: write none for no limit")
    signatures = mapping(mapping(data, "safety"), _SIGNATURES)
    for key in _SIGNATURE_FILES:
        if "\0" in str(signatures.get(key, "")):
            at = ("safety", _SIGNATURES, key)
            findings.add(at, "a file name cannot contain the character U+0000")
    if signatures and data.get("schedule") is not None:
        message = (
            "a scheduled run applies a plan that nobody has signed: remove `schedule`, and apply"
            " signed plan files"
        )
        findings.add(("safety", _SIGNATURES), message)


def _percentages(values: Values) -> Iterator[tuple[Path, str]]:
    """Every percentage except that of new users, of whom there can be more than exist now."""
    limits = mapping(values, "limits")
    places: dict[Path, object] = {
        ("limits", key): limits[key] for key in limits.keys() - {"creates"}
    }
    places["shrink",] = values.get("shrink")
    for index, item in mappings(values, "groups"):
        places["groups", index, "memberships_lost"] = item.get("memberships_lost")
    for below, value in places.items():
        if isinstance(value, str) and value.endswith("%"):
            yield ("safety", *below), value
