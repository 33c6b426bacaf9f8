"""SHA-256 fingerprints of the certificates in a PEM file."""

import hashlib
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from reconcile import files

MAX_BYTES: Final = 10 * 1024 * 1024
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"


def fingerprints(path: Path) -> list[str]:
    """In lower-case hex, sorted, each once. Raises OSError for a file that cannot be read."""
    text = files.read(path, MAX_BYTES).data.decode("utf-8", "replace")
    digests = set()
    for pem in blocks(text):
        try:
            digests.add(hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest())
        except ValueError:
            continue  # what is no base64 is no certificate; who needs it will say so
    return sorted(digests)


def blocks(text: str) -> Iterator[str]:
    """Each certificate of a text in PEM, with its first and last line."""
    end = 0
    # Ends at the first one that is cut off: to look on behind each would go over the rest for every
    # one.
    while (start := text.find(_BEGIN, end)) >= 0 and (end := text.find(_END, start)) >= 0:
        end += len(_END)
        yield text[start:end]
