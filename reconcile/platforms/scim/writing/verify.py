"""Whether what the service shows is what was asked for. That it said yes proves nothing."""

from reconcile.model.platform import Row


def not_done(row: Row, fields: Row) -> dict[str, tuple[str, str]]:
    """The fields that a row does not have as they were sent: what was wanted, and what is shown.

    Fields that the service does not keep are not looked at.
    """
    missing: dict[str, tuple[str, str]] = {}
    for field, wanted in fields.items():
        if field == "attributes":
            missing |= _attributes(row.get("attributes") or {}, wanted or {})
        elif field in row and row[field] != (wanted or ""):
            missing[field] = (wanted or "", row[field])
    return missing


def _attributes(shown: dict[str, str], wanted: dict[str, str | None]) -> dict[str, tuple[str, str]]:
    return {
        name: (text or "", shown.get(name, ""))
        for name, text in wanted.items()
        if (shown.get(name) or None) != (text or None)
    }


def in_words(missing: dict[str, tuple[str, str]]) -> str:
    """What did not happen, for a message."""
    parts = [
        f"{name} is {shown!r} and not {wanted!r}"
        for name, (wanted, shown) in sorted(missing.items())
    ]
    more = f" and {len(parts) - 3} more" if len(parts) > 3 else ""
    return f"{', '.join(parts[:3])}{more}"
