"""How values are written into search filters (RFC 4515).

Whether a filter is one is `parsing`'s matter.
"""

import re
from collections.abc import Iterable

_SPECIAL = re.compile(r"[\\*()\0]")
CHUNK = 100
"""How many values one filter asks for at once."""


def escape(value: str) -> str:
    """A value as a filter has it.

    Also escapes white space at its ends, which ldap3 would treat as layout.
    """
    inner = value.strip()
    start = value.find(inner)
    end = start + len(inner)
    escaped = _SPECIAL.sub(lambda match: _hex(match.group()), inner)
    return f"{_hex(value[:start])}{escaped}{_hex(value[end:])}"


def _hex(text: str) -> str:
    return "".join(f"\\{byte:02x}" for byte in text.encode())


def enclosed(text: str) -> str:
    """A filter as a part of another one, with the parentheses that a whole filter may lack."""
    stripped = text.strip()
    return stripped if stripped.startswith("(") else f"({stripped})"


def any_of(attribute: str, assertions: Iterable[str]) -> str:
    """A filter for entries whose attribute has one of the values, which are already escaped."""
    return f"(|{''.join(f'({attribute}={assertion})' for assertion in assertions)})"
