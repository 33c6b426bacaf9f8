"""The start of a period, as a person writes it."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

from reconcile.errors import UsageError
from reconcile.model.text.instants import rfc3339
from reconcile.model.text.printing import quoted

_AGE: Final = re.compile(r"([0-9]{1,6})([hdw])")
_HOURS: Final = {"h": 1, "d": 24, "w": 24 * 7}


def since(text: str, now: datetime) -> str:
    """`7d`, `12h`, `2w`, a date or a time (RFC 3339) as RFC 3339, UTC.

    A date is its first moment in UTC, and so is a time that names no zone. Raises UsageError.
    """
    start = _start(text.strip(), now)
    if start is None:
        raise UsageError(
            f"--since: expected a date such as 2026-10-01, or an age such as 7d, 12h or 2w, not"
            f" '{quoted(text)}'"
        )
    if start > now:
        raise UsageError(f"--since: {quoted(text)} is in the future")
    return rfc3339(start)


def _start(text: str, now: datetime) -> datetime | None:
    """The point in time; None for what is none."""
    age = _AGE.fullmatch(text)
    try:
        if age:
            return now - timedelta(hours=int(age[1]) * _HOURS[age[2]])
        time = datetime.fromisoformat(text)
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
