"""Whether what the service shows is what was asked for. That it said yes proves nothing."""

from collections.abc import Mapping
from typing import Final

from reconcile.model.platform import Row

SHOWN: Final = 3
"""How many missing fields a message names."""
Missing = dict[str, tuple[str, str]]
"""Field → what was wanted, and what is shown."""


def not_done(row: Row, fields: Row) -> Missing:
    """The fields that a row does not have as they were sent.

    Fields that the service does not keep are not looked at.
    """
    attributes = fields.get("attributes")
    missing = _attributes(row.get("attributes") or {}, attributes or {})
    for field in row.keys() & fields.keys() - {"attributes"}:
        wanted = fields[field] or ""
        if row[field] != wanted:
            missing[field] = (wanted, row[field])
    return missing


def _attributes(shown: Mapping[str, str], wanted: Mapping[str, str | None]) -> Missing:
    """The attributes that differ. None and "" are both for an attribute that is not there."""
    pairs = {name: (new or "", shown.get(name) or "") for name, new in wanted.items()}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def in_words(missing: Missing) -> str:
    """What did not happen, for a message."""
    parts = [
        f"{name} is {shown!r} and not {wanted!r}"
        for name, (wanted, shown) in sorted(missing.items())
    ]
    text = ", ".join(parts[:SHOWN])
    if len(parts) > SHOWN:
        text += f" and {len(parts) - SHOWN} more"
    return text
