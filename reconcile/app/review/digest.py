"""The digest of a plan: SHA-256 of its plan file, as `sha256sum` prints it."""

import hashlib

from reconcile.applying import dumps
from reconcile.model.change import Plan


def file_digest(plan: Plan) -> str:
    """64 hexadecimal digits, whether the plan is written to a file or not."""
    return hashlib.sha256(dumps(plan)).hexdigest()
