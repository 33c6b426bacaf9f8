"""Ids of rows: those that every site has, and new ones."""

import uuid
from typing import Final


def seeded(number: int) -> str:
    """The id of a row that the product's installation makes."""
    return f"{number:032}"


ADMIN: Final = seeded(1)
GUEST: Final = seeded(2)
UNTOUCHED: Final = (ADMIN, GUEST)
"""Users who are never touched."""
SYSTEM: Final = seeded(2)
"""The system PROCESSMAKER; a role of another system is not the site's."""
NOBODY: Final = "0" * 32
"""The authentication source of local users; the password of those who have none."""


def new() -> str:
    """An id as the product makes them: 32 characters, digits and letters up to f."""
    return uuid.uuid4().hex
