"""Points in time as directories write them.

RFC 3339 dates and times, generalized time (`20270131235959Z`), Active Directory's intervals of
100 ns since 1601, and the days since 1970 of `shadowExpire`.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FILETIME: Final = datetime(1601, 1, 1, tzinfo=UTC)
_NEVER: Final = frozenset({"0", "-1", "9223372036854775807"})
"""How Active Directory and shadow files write that an account does not expire."""
_GENERALIZED: Final = re.compile(
    r"(\d{4})(\d\d)(\d\d)(?:(\d\d)(\d\d)?(\d\d)?(?:[.,]\d+)?(Z|[+-]\d\d(?:\d\d)?)?)?"
)
NEVER: Final = datetime.max.replace(tzinfo=UTC)
"""What stands for no end at all."""


def instant(text: str) -> datetime | None:
    """The point in time in UTC, to the second; NEVER for none; None for what is no time.

    A date is its first moment in UTC, and so is a time that names no zone.
    """
    text = text.strip()
    if not text.isascii():
        return None
    try:
        if text in _NEVER:
            return NEVER
        if text.isdigit() and len(text) >= 17:
            return _FILETIME + timedelta(seconds=int(text[:30]) // 10_000_000)
        if text.isdigit() and len(text) <= 6:
            return _EPOCH + timedelta(days=int(text))
        return _written(text)
    except (ValueError, OverflowError):
        return None


def _written(text: str) -> datetime:
    """A time that is written by its parts. Raises ValueError, OverflowError."""
    parts = _GENERALIZED.fullmatch(text)
    if parts:
        clock = ":".join(part or "00" for part in parts.group(4, 5, 6))
        date = "-".join(parts.group(1, 2, 3))
        time = datetime.fromisoformat(f"{date}T{clock}{parts[7] or 'Z'}")
    else:
        time = datetime.fromisoformat(text)
    if time.tzinfo is None:
        time = time.replace(tzinfo=UTC)
    return time.astimezone(UTC).replace(microsecond=0)


def rfc3339(time: datetime) -> str:
    """The time in UTC."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")
