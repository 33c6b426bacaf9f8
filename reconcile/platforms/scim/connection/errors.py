"""What the service may answer instead of doing what it was asked to."""

from typing import Final

from reconcile.ports import Rejected

NOT_FOUND: Final = 404
CONFLICT: Final = 409
STALE: Final = 412
CANNOT: Final = frozenset({405, 501})
"""The statuses of a method that the service does not have."""


class Refused(Rejected):
    """An answer of the service that says no: nothing was changed."""

    def __init__(self, status: int, detail: str, scim_type: str = "") -> None:
        """Takes the HTTP status and what the body says."""
        self.status = status
        self.scim_type = scim_type
        super().__init__(detail or f"the service answers {status} {scim_type}".rstrip())
