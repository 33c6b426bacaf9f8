"""SHA-256 fingerprints of the certificates in a PEM file."""

import hashlib
import re
import ssl
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 10 * 1024 * 1024
_CERTIFICATE = re.compile("-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


def fingerprints(path: Path) -> list[str]:
    """In lower-case hex, sorted, each once. Raises OSError for a file that cannot be read."""
    with path.open("rb") as file:
        text = file.read(MAX_BYTES).decode("utf-8", "replace")
    found = set()
    for pem in _CERTIFICATE.findall(text):
        try:
            found.add(hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest())
        except ValueError:
            continue  # what is no base64 is no certificate; who needs it will say so
    return sorted(found)
