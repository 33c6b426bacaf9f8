"""Many pieces as one digest: in any order, or in one.

A piece is an undecoded entry or an encoded row. `Tally` adds up keyed BLAKE2b digests of 512 bits
modulo 2^512 (the multiset hash MSet-Add-Hash): any order gives the same sum, and a piece that comes
twice counts twice. The key is random, made for one memo and kept in the ledger, where no directory
sees it. To who does not know it, the digest of each piece is a random number, so two different
multisets have the same sum with a probability of 2^-512, whatever a hostile directory chooses to
send; and all it learns of a guess is whether a run was quiet.
"""

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

import msgspec

SIZE: Final = 64
"""Bytes of a digest."""
KEY: Final = 32
"""Bytes of a key."""
CHUNK: Final = 1000
"""Rows that are encoded at once."""
_MODULUS: Final = 1 << (8 * SIZE)
_encoder = msgspec.msgpack.Encoder(order="deterministic")


class Tally:
    """A multiset of pieces. Takes the same memory for a thousand and for a million of them."""

    def __init__(self, key: bytes) -> None:
        """`key` has at most 64 bytes."""
        self._empty = blake2b(key=key, digest_size=SIZE)
        self._sum = 0
        self.count = 0

    def add(self, pieces: Iterable[bytes | memoryview]) -> None:
        """Adds pieces, each as often as it comes."""
        empty, total, count = self._empty, 0, 0
        for count, piece in enumerate(pieces, 1):  # noqa: B007 - the last number is the count
            digest = empty.copy()
            digest.update(piece)
            total += int.from_bytes(digest.digest(), "big")
        self._sum = (self._sum + total) % _MODULUS
        self.count += count

    def digest(self) -> bytes:
        """64 bytes: the same for the same multiset, and for no other."""
        whole = self._empty.copy()
        whole.update(b"%d:" % self.count + self._sum.to_bytes(SIZE, "big"))
        return whole.digest()


class RowTally:
    """Rows of one statement: in their order where the database has one, otherwise in any.

    To digest a thousand rows at once takes a fifth of the time.
    """

    def __init__(self, key: bytes, *, ordered: bool) -> None:
        self._ordered = blake2b(key=key, digest_size=SIZE) if ordered else None
        self._tally = Tally(key)

    def add(self, rows: list[tuple[object, ...]]) -> None:
        """Adds at most `CHUNK` rows; where they are ordered, as many as that but for the last."""
        if self._ordered is None:
            self._tally.add(map(encoded, rows))
        else:
            self._ordered.update(_encoder.encode(rows))

    def digest(self) -> bytes:
        """64 bytes."""
        return self._tally.digest() if self._ordered is None else self._ordered.digest()


def encoded(value: object) -> bytes:
    """A value of the model, or of a database, as bytes; no two values have the same."""
    return _encoder.encode(value)


def digest(value: object, key: bytes) -> bytes:
    """64 bytes of a value."""
    return blake2b(encoded(value), key=key, digest_size=SIZE).digest()


def combined(parts: Iterable[tuple[str, bytes]], key: bytes) -> bytes:
    """64 bytes of named digests, in their order."""
    return digest(list(parts), key)
