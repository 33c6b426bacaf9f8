"""The fingerprint of a value of the model; a value has the same digest on every machine."""

import hashlib

import msgspec

_encoder = msgspec.json.Encoder(order="deterministic")


def digest(value: object) -> str:
    """SHA-256 (64 hexadecimal digits) over the value's canonical JSON."""
    return hashlib.sha256(_encoder.encode(value)).hexdigest()
