"""Values of JSON whose shape nothing guarantees: services send what they like."""

from collections.abc import Mapping
from typing import Any, Final

EMPTY: Final[Mapping[str, Any]] = {}


def mapping(shown: Any) -> Mapping[str, Any]:
    """The value where it is an object; an empty one for anything else."""
    return shown if isinstance(shown, dict) else EMPTY


def sequence(shown: Any) -> list[Any]:
    """The value where it is a list; an empty one for anything else."""
    return shown if isinstance(shown, list) else []


def mappings(shown: Any) -> list[Mapping[str, Any]]:
    """The elements of a list that are objects; none where it is no list."""
    return [element for element in sequence(shown) if isinstance(element, dict)]


def content(element: Any) -> Any:
    """What an element of a list stands for: its `value`, or the element where it is simple."""
    return element.get("value") if isinstance(element, dict) else element


def as_text(shown: Any) -> str:
    """A simple value as the text that reconcile compares."""
    if isinstance(shown, bool):
        return "true" if shown else "false"
    return shown if isinstance(shown, str) else str(shown)


def text(shown: Any) -> str:
    """A simple value as text; "" for nothing, and for a value that is not simple."""
    if shown is None or isinstance(shown, dict | list):
        return ""
    return as_text(shown)


def number(shown: Any) -> int | None:
    """The value where it is a whole number; None for anything else, also for true and false."""
    is_number = isinstance(shown, int) and not isinstance(shown, bool)
    return shown if is_number else None
