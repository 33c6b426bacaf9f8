"""The digest of a plan file: SHA-256 of its bytes, as `sha256sum` prints it."""

import hashlib
import re
from pathlib import Path
from typing import Final

from reconcile.errors import NotApproved, UsageError
from reconcile.model.text.printing import quoted

PREFIX: Final = "sha256:"
_DIGEST: Final = re.compile(rf"(?:{PREFIX})?([0-9A-Fa-f]{{64}})")


def of(data: bytes) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    return PREFIX + hashlib.sha256(data).hexdigest()


def checked(text: str) -> str:
    """A digest as a person wrote it, in one spelling. Raises UsageError for any other text."""
    match = _DIGEST.fullmatch(text.strip())
    if match is None:
        raise UsageError(
            f"{quoted(text)} is not a digest: expected sha256: and 64 hexadecimal digits, as"
            " `plan --out` prints them"
        )
    return PREFIX + match[1].lower()


def refuse_other(data: bytes, expected: str, plan_file: Path) -> None:
    """Raises NotApproved unless the bytes have the digest; UsageError if it is no digest."""
    wanted, actual = checked(expected), of(data)
    if wanted != actual:
        raise NotApproved(
            f"{plan_file} is not the plan file that was expected; nothing was applied.\n"
            f"expected {wanted}\n"
            f"it is    {actual}\n"
            "Apply the file that was reviewed, or review this one: reconcile show"
        )
