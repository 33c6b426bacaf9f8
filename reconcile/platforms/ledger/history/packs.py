"""The entries of a large run, some thousand to a pack: a row of `history_packs`.

Only computes. What finds an entry (its head) is apart from what it says about people (its payload),
so the entries of a user are found without reading what the others say. A seal is a salt and a
commitment; they are random, and so are not compressed.
"""

import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Final, NamedTuple

import msgspec

from reconcile.model.history import Entry

MOST: Final = 5000
"""Entries in a pack."""
_SIZE: Final = 4_000_000
"""Characters of payload that a pack holds, unless a single entry has more: servers limit how much
one statement carries."""
_SALT: Final = 16
_SEAL: Final = 48
"""Bytes of a salt, and of a salt and a commitment."""
_NO_SALT: Final = bytes(_SALT)


class Pack(NamedTuple):
    """The columns of a row but the run: entries from position `first` on."""

    first: int
    number: int
    """How many entries."""
    heads: bytes
    """JSON, compressed: a list with the `Head` of each entry."""
    payloads: bytes
    """The payload of each entry in a line, compressed; an empty line for a removed one."""
    seals: bytes
    """For each entry 16 bytes of salt, zero for a removed one, and 32 of its commitment."""

    def place(self, position: int) -> int | None:
        """The place of an entry, counted from 0; None for one that is not in the pack."""
        return position - self.first if 0 <= position - self.first < self.number else None


class Head(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The columns by which entries are found; the fields are those of `Entry`."""

    kind: str
    action: str
    result: str
    user: str
    object: str
    managers: tuple[str, str]
    unresolved: int


_heads = msgspec.json.Decoder(list[Head])
_encoder = msgspec.json.Encoder()


def packed(entries: Sequence[Entry]) -> Iterator[Pack]:
    """The packs of consecutive entries."""
    length = sum(len(entry.payload) for entry in entries)
    if length > _SIZE and len(entries) > 1:
        middle = len(entries) // 2
        yield from packed(entries[:middle])
        yield from packed(entries[middle:])
    elif entries:
        yield _pack(entries)


def _pack(entries: Sequence[Entry]) -> Pack:
    heads = [
        (
            entry.kind,
            entry.action,
            entry.result,
            entry.user,
            entry.object,
            entry.managers,
            entry.unresolved,
        )
        for entry in entries
    ]
    payloads = "\n".join([entry.payload for entry in entries])
    no_salt = _NO_SALT.hex()
    seals = "".join([(entry.salt or no_salt) + entry.commitment for entry in entries])
    return Pack(
        entries[0].position,
        len(entries),
        zlib.compress(_encoder.encode(heads), 1),
        zlib.compress(payloads.encode(), 1),
        bytes.fromhex(seals),
    )


def heads(pack: Pack) -> list[Head]:
    """The head of each entry; none of a pack that was altered beyond recognition."""
    try:
        return _heads.decode(_decompressed(pack.heads))
    except _DAMAGE:
        return []


_DAMAGE: Final = (zlib.error, ValueError, TypeError)
"""What is raised by columns that no run writes."""


def entries(pack: Pack, places: Collection[int] | None = None) -> list[Entry]:
    """All entries, or those at some places, counted from 0.

    Raises ValueError for a pack that was altered beyond recognition.
    """
    try:
        return _entries(pack, range(pack.number) if places is None else places)
    except _DAMAGE as error:
        raise ValueError("no run writes such a pack") from error


def _decompressed(data: bytes) -> bytes:
    """Raises zlib.error, ValueError or TypeError for what `zlib.compress` would not have made."""
    stream = zlib.decompressobj()
    content = stream.decompress(data)
    if stream.unused_data or not stream.eof:
        raise ValueError("not the whole of it is compressed data")
    return content


def _entries(pack: Pack, places: Iterable[int]) -> list[Entry]:
    every = _heads.decode(_decompressed(pack.heads))
    payloads = _decompressed(pack.payloads).decode().split("\n")
    if {len(every), len(payloads), len(pack.seals) / _SEAL} != {pack.number}:
        raise ValueError("the columns do not fit together")
    unpacked: list[Entry] = []
    for place in places:
        head, payload = every[place], payloads[place]
        seal = pack.seals[_SEAL * place : _SEAL * (place + 1)]
        salt = seal[:_SALT]
        unpacked.append(
            Entry(
                pack.first + place,
                head.kind,  # type: ignore[arg-type] # checked by the chain
                head.action,  # type: ignore[arg-type] # checked by the chain
                head.result,  # type: ignore[arg-type] # checked by the chain
                head.user,
                head.object,
                "" if salt == _NO_SALT else salt.hex(),
                payload,
                seal[_SALT:].hex(),
                head.managers,
                head.unresolved,
            )
        )
    return unpacked


def damaged(pack: Pack) -> list[Entry]:
    """Entries in the place of those of an unreadable pack: nothing can be read of them either."""
    return [
        Entry(pack.first + place, "source", "update", "failed", "", "", "", "damaged", "")
        for place in range(min(max(pack.number, 1), MOST))
    ]


def without(pack: Pack, places: Collection[int]) -> Pack:
    """The pack without the payloads, salts and names of the entries at these places."""
    kept = entries(pack)
    for place in places:
        kept[place] = msgspec.structs.replace(
            kept[place], salt="", payload="", managers=("", ""), unresolved=0
        )
    return _pack(kept)
