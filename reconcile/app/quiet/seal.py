"""Text that only those can read who know the key, and that nobody else can have written.

The stream of SHAKE-256 over key and nonce hides the text, keyed BLAKE2b proves it and what it is
about (encrypt, then prove). The key is used for one text with one nonce.
"""

import secrets
from hashlib import blake2b, shake_256
from hmac import compare_digest
from typing import Final

_NONCE: Final = 32
_PROOF: Final = 32


class Broken(ValueError):
    """It is not what was sealed with this key."""


def seal(text: bytes, key: bytes, about: bytes) -> bytes:
    """Nonce, proof and hidden text. `key` has 64 bytes; `about` is proved as well."""
    nonce = secrets.token_bytes(_NONCE)
    hidden = _mixed(text, key, nonce)
    return nonce + _proof(nonce, hidden, key, about) + hidden


def opened(sealed: bytes, key: bytes, about: bytes) -> bytes:
    """The text. Raises Broken unless all of it is as it was sealed."""
    nonce, rest = sealed[:_NONCE], sealed[_NONCE:]
    proof, hidden = rest[:_PROOF], rest[_PROOF:]
    if not compare_digest(proof, _proof(nonce, hidden, key, about)):
        raise Broken("it was sealed with another key, or altered since")
    return _mixed(hidden, key, nonce)


def _mixed(text: bytes, key: bytes, nonce: bytes) -> bytes:
    stream = shake_256(b"reconcile" + key + nonce).digest(len(text))
    mixed = int.from_bytes(text, "big") ^ int.from_bytes(stream, "big")
    return mixed.to_bytes(len(text), "big")


def _proof(nonce: bytes, hidden: bytes, key: bytes, about: bytes) -> bytes:
    proof = blake2b(nonce, key=key, person=b"proof", digest_size=_PROOF)
    proof.update(b"%d:" % len(about) + about + hidden)
    return proof.digest()
