"""What runs did, as a platform records it, and the chain of hashes that ties the runs of a workspace together.

An entry is one change of a run. What it says of people is its payload; a commitment, the SHA-256 of a random salt and
the payload, stands for it in the chain. So the payload and the salt can be removed when a person is erased, and the
chain still verifies, while nobody can guess from the commitment what was there.

The hash of a run is the SHA-256 of the previous run's hash, the record of the run as canonical JSON, and the skeleton
of every entry: position, kind, action, result, the ids of the user and of the object, and the commitment.
"""

import hashlib
from collections.abc import Iterable
from typing import Literal, TypeAlias

import msgspec

from reconcile.model.change import Acceptance, Action, Fields, Kind
from reconcile.model.report import Result

Ending: TypeAlias = Literal["applied", "in part", "failed"]
"""What became of a run: all of its changes were applied, some, or none."""

Losses: TypeAlias = dict[str, dict[str, int]]
"""Name of a limit of `safety.limits` → source → how many were lost."""


class Origin(msgspec.Struct, frozen=True):
    """Which run it is: its id, the same in every workspace, and the Git commit of the folder of its files.

    `commit` is "" outside of a work tree; `dirty` says that a desired-state file differs from it.
    """

    run: str
    commit: str = ""
    dirty: bool = False


class Run(msgspec.Struct, frozen=True):
    """One run in one workspace. `plan` and `configuration` are digests, times RFC 3339, UTC."""

    id: str
    workspace: str
    plan: str
    configuration: str
    commit: str
    dirty: bool
    undoes: str
    """The run that it takes back; "" for none."""
    accepted: tuple[Acceptance, ...]
    """What of the guards' findings somebody accepted."""
    login: str
    host: str
    started: str
    finished: str
    outcome: Ending
    applied: int
    failed: int
    skipped: int
    lost: Losses = {}
    """What it took away: what a later run takes away is added to that."""


class Link(msgspec.Struct, frozen=True):
    """A run in the chain: the hash of the run before it in its workspace ("" for the first), and its own."""

    run: Run
    previous: str
    hash: str


class Payload(msgspec.Struct, frozen=True, gc=False):
    """What an entry says that may be about people. `before` and `after` are those of the change.

    `before_ids` and `after_ids` are the platform's ids of what they name: `manager`, `department`, `parent`, and
    `groups.NAME` for each group that a group is nested in.
    """

    key: str
    before: Fields | None
    after: Fields | None
    reason: str
    source: str
    detail: str = ""
    before_ids: dict[str, str] = {}
    after_ids: dict[str, str] = {}


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One change of a run.

    `user` is the id of the user it concerns, `object` that of the group or department; "" where there was none.
    `payload` is JSON of a Payload. It and `salt` are "" once they have been removed.
    """

    position: int
    kind: Kind
    action: Action
    result: Result
    user: str
    object: str
    salt: str
    payload: str
    commitment: str

    def read(self) -> Payload | None:
        """What it says; None where that has been removed, or altered so that it says nothing."""
        try:
            return _decoder.decode(self.payload) if self.payload else None
        except msgspec.MsgspecError:
            return None


_decoder = msgspec.json.Decoder(Payload)
_encoder = msgspec.json.Encoder(order="deterministic")
_plain = msgspec.json.Encoder()


def payload_text(payload: Payload) -> str:
    """The JSON that is kept, to the byte, and committed to."""
    return _plain.encode(payload).decode()


def commitment(salt: str, payload: str) -> str:
    """What stands for a payload in the chain. `salt` is hexadecimal."""
    return hashlib.sha256(salt.encode() + payload.encode()).hexdigest()


class Chain:
    """The hash of one run, entry by entry."""

    def __init__(self, previous: str, run: Run) -> None:
        """Takes the hash of the run before, "" for the first."""
        self._hash = hashlib.sha256(_plain.encode([previous, _encoder.encode(run).decode()]) + b"\n")

    def add(self, entries: Iterable[Entry]) -> None:
        """Takes in the next entries, in order."""
        skeletons = [
            (one.position, one.kind, one.action, one.result, one.user, one.object, one.commitment) for one in entries
        ]
        self._hash.update(_plain.encode_lines(skeletons))

    def hash(self) -> str:
        """64 hexadecimal digits."""
        return self._hash.hexdigest()


def fault(link: Link, previous: str, entries: Iterable[Entry]) -> str:
    """What is wrong with a run in the chain, `previous` being the hash of the one before; "" for nothing."""
    entries = list(entries)
    if link.previous != previous:
        return "it does not follow the run before it: a run was removed, inserted or changed"
    for number, one in enumerate(entries, start=1):
        if one.position != number:
            return f"change {number} is missing"
        if one.payload and commitment(one.salt, one.payload) != one.commitment:
            return f"what change {number} says was altered"
    chain = Chain(previous, link.run)
    chain.add(entries)
    return "" if chain.hash() == link.hash else "its record, or its list of changes, was altered"
