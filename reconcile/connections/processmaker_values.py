"""Single values of ProcessMaker's flat connection file.

The product writes switches as "1" and "0" or as true and false, numbers as text, and leaves out
what is empty.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from reconcile.config.yaml.nodes import shortened

_SWITCHES: Final = {
    **dict.fromkeys(("1", "on", "true", "yes"), True),
    **dict.fromkeys(("", "0", "off", "false", "no"), False),
}
_DIGITS: Final = re.compile("[0-9]{1,9}")


class Values:
    """The values of one object of the file; collects what is wrong with them."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self._read: set[str] = set()
        self.warnings: list[str] = []
        """What of the file cannot be taken, as sentences."""
        self.faults: list[tuple[str, str]] = []
        """Keys, and what is wrong with their values."""

    def warn(self, message: str) -> None:
        """Reports what cannot be taken, though the rest can."""
        self.warnings.append(message)

    def fault(self, key: str, message: str) -> None:
        """Reports a value without which there is no connection."""
        self.faults.append((key, message))

    def value(self, key: str) -> Any:
        """The value as it is in the file; None where there is none."""
        self._read.add(key)
        return self._data.get(key)

    def text(self, key: str) -> str:
        """A text or a whole number, as text; "" where there is none, and for a fault."""
        value = self.value(key)
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int):
            self.fault(key, "expected text")
            return ""
        return str(value).strip()

    def needed(self, key: str) -> str:
        """A text without which there is no connection."""
        text = self.text(key)
        if not text:
            self.fault(key, "is missing")
        return text

    def switch(self, key: str) -> bool:
        """A switch; off where there is none, and for a fault."""
        value = self.value(key)
        word = "" if value is None else str(value).strip().lower()
        if word not in _SWITCHES:
            self.fault(key, "expected 1 or 0")
            return False
        return _SWITCHES[word]

    def number(self, key: str, among: range) -> int | None:
        """A number within a range; None where there is none, and for a fault."""
        text = self.text(key)
        if not text:
            return None
        if _DIGITS.fullmatch(text) and int(text) in among:
            return int(text)
        expected = f"a number from {among.start} to {among.stop - 1}"
        self.fault(key, f"expected {expected}, got {shortened(text)}")
        return None

    def unread(self) -> Iterator[tuple[str, Any]]:
        """The keys that were not asked for and have a value, with that."""
        for key, value in self._data.items():
            is_empty = value in (None, "", [], {})
            if key not in self._read and not is_empty:
                yield key, value
