"""Days and moments as the product's columns take them: never a date of zeros."""

from datetime import UTC, datetime
from typing import Final

from reconcile.model.text.instants import instant

NO_DATE: Final = "1970-01-01"
"""In place of a date that says nothing any more. MySQL takes no date of zeros."""
_YEARS: Final = 2
"""An account of the product ends so many years after it was made."""


def now() -> str:
    """This moment, in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S")


def default_due_date() -> str:
    """The day on which a new account ends unless the directory says so."""
    today = datetime.now(UTC).date()
    leap_day = (today.month, today.day) == (2, 29)
    return today.replace(year=today.year + _YEARS, day=28 if leap_day else today.day).isoformat()


def day(text: str) -> str:
    """The day of a moment as `model.text.instants` reads it, in UTC; "" where it is none."""
    moment = instant(text)
    return moment.date().isoformat() if isinstance(moment, datetime) else ""
