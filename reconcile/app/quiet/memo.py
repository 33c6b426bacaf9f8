"""What the ledger keeps of a full run that found nothing to do.

Only digests are readable in it, beside names of workspaces and sources. The answer itself, with
skips and notices that may name people, and with questions that may hold their DNs, is sealed. The
key of the seal is made of all that was read and is kept nowhere: who can read the same again can
open it, and learns nothing new. Once an entry or a row is another one, nobody can.
"""

import zlib
from datetime import datetime
from hashlib import blake2b
from typing import Final

import msgspec

from reconcile.app.quiet import seal
from reconcile.app.quiet.parts import Parts
from reconcile.model.change import Plan
from reconcile.model.quiet.trace import Question

FORMAT: Final = 1
LARGEST: Final = 64 * 1024 * 1024
"""Bytes of an answer: a plan with a hundred thousand skips has fewer."""
_MARGIN: Final = 1.0
"""Seconds: times are compared by whole seconds."""


class Said(msgspec.Struct, frozen=True):
    """A warning that was logged."""

    logger: str
    level: int
    text: str


class Counted(msgspec.Struct, frozen=True):
    """How much of a source was read."""

    source: str
    persons: int
    groups: int
    units: int


class Answer(msgspec.Struct, frozen=True):
    """Everything that a full run said."""

    plan: Plan
    counts: tuple[Counted, ...]
    said: tuple[Said, ...]
    further: dict[str, list[tuple[Question, bytes]]]
    """Source → what was asked because of other answers, and the digest of each answer."""


class Memo(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The answer, and what it was made from."""

    format: int
    key: bytes
    """That of all digests; random, and kept while memos follow each other."""
    full_at: str
    """When the full run was, RFC 3339, UTC."""
    until: float | None
    """From when on (seconds since 1970) time alone may change the answer; None for never."""
    parts: tuple[tuple[str, bytes], ...]
    """What the answer was made from: the name of each part, and a digest."""
    sealed: bytes

    def is_valid(self, moment: str) -> bool:
        """Whether time alone leaves the answer as it is; not if the clock was set back."""
        now = seconds(moment)
        later = self.until is None or now < self.until - _MARGIN
        return seconds(self.full_at) <= now and later


def seconds(moment: str) -> float:
    """A time in RFC 3339 as seconds since 1970."""
    return datetime.fromisoformat(moment).timestamp()


def written(answer: Answer, parts: Parts, full_at: str, until: float | None) -> str:
    """The memo as the ledger keeps it; "" if it would be too large."""
    memo = Memo(FORMAT, parts.key, full_at, until, parts.kept(), b"")
    text = msgspec.msgpack.encode(answer)
    if len(text) > LARGEST:
        return ""
    sealed = seal.seal(zlib.compress(text), _secret(parts), _about(memo))
    return msgspec.json.encode(msgspec.structs.replace(memo, sealed=sealed)).decode()


def read(text: str) -> Memo | None:
    """The memo that the ledger keeps; None for none, and for one that no run can have written."""
    if not text:
        return None
    try:
        memo = msgspec.json.decode(text, type=Memo)
        sound = memo.format == FORMAT and len(memo.key) == Parts.KEY
        return memo if sound and seconds(memo.full_at) else None
    except (msgspec.MsgspecError, ValueError, OverflowError):
        return None


def opened(memo: Memo, parts: Parts) -> Answer:
    """The answer of a memo, by the parts as they are now. Raises Broken."""
    try:
        packed = seal.opened(memo.sealed, _secret(parts), _about(memo))
        inflating = zlib.decompressobj()
        text = inflating.decompress(packed, LARGEST)
        return msgspec.msgpack.decode(text, type=Answer)
    except (msgspec.MsgspecError, zlib.error) as error:
        raise seal.Broken(str(error)) from error


def _secret(parts: Parts) -> bytes:
    """The key of the seal, from what was read itself. It is kept nowhere."""
    text = msgspec.msgpack.encode(parts.read)
    return blake2b(text, key=parts.key, person=b"seal", digest_size=64).digest()


def _about(memo: Memo) -> bytes:
    """What the seal proves beside the answer: all that can be read of the memo."""
    return msgspec.msgpack.encode(msgspec.structs.replace(memo, sealed=b""))
