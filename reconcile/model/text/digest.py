"""The fingerprint of a value of the model; a value has the same digest on every machine."""

import hashlib
from collections.abc import Iterator, Sequence
from typing import Final

import msgspec

_encoder = msgspec.json.Encoder(order="deterministic")
_PIECE: Final = 1000
"""How many items of a list are encoded at once."""


def digest(value: object) -> str:
    """SHA-256 (64 hexadecimal digits) over the value's canonical JSON."""
    sha256 = hashlib.sha256()
    for piece in _object(value) if isinstance(value, msgspec.Struct) else [_encoder.encode(value)]:
        sha256.update(piece)
    return sha256.hexdigest()


def _object(value: msgspec.Struct) -> Iterator[bytes]:
    """The JSON of a struct, in pieces: that of a state is as large as all else there is of it.

    The struct itself has no tag, and leaves no field out.
    """
    before = b"{"
    for name in value.__struct_encode_fields__:
        field = getattr(value, name)
        yield before + _encoder.encode(name) + b":"
        yield from _list(field) if type(field) is tuple else [_encoder.encode(field)]
        before = b","
    yield b"}" if before == b"," else b"{}"


def _list(items: Sequence[object]) -> Iterator[bytes]:
    """The JSON of a list, in pieces."""
    before = b"["
    for start in range(0, len(items), _PIECE):
        yield before
        yield _encoder.encode(items[start : start + _PIECE])[1:-1]
        before = b","
    yield b"]" if items else b"[]"
