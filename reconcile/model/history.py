"""What runs did, as a platform records it, and the chain of hashes of a workspace's runs.

An entry is one change of a run. What it says about people is its payload. In the chain it is
represented by a commitment, the SHA-256 of a random salt and the payload. So the payload and the
salt can be removed when a person is erased, and the chain still verifies, while the commitment does
not let anyone guess what was there.

The hash of a run is the SHA-256 of the previous run's hash, the record of the run as canonical
JSON, the skeleton of every entry (position, kind, action, result, the ids of the user and of the
object, and the commitment), and which payloads the run removed. `reconcile.model.verification`
computes it again.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final, Literal, TypeAlias

import msgspec

from reconcile.model.change import Acceptance, Action, Fields, Kind
from reconcile.model.kinds import PAIRS
from reconcile.model.report import Result
from reconcile.model.signature import Signature

Ending: TypeAlias = Literal["applied", "in part", "failed"]
"""The outcome of a run: all of its changes were applied, some, or none."""

Losses: TypeAlias = dict[str, dict[str, int]]
"""Name of a limit of `safety.limits` → source → how many were lost."""


class Origin(msgspec.Struct, frozen=True):
    """Which run it is.

    Its id is the same in every workspace; its files, and the Git commit of their folder.

    `commit` is "" outside of a work tree; `dirty` says that a desired-state file differs from it.
    """

    run: str
    commit: str = ""
    dirty: bool = False
    files: tuple[str, ...] = ()
    """The desired-state files, as the operator named them."""
    plan_file: str = ""
    """SHA-256 of the plan file, 64 hexadecimal digits; "" of a plan that was made for the run."""
    signatures: tuple[Signature, ...] = ()
    """The signatures of the plan file that were demanded and verified."""


class Run(msgspec.Struct, frozen=True):
    """One run in one workspace. `plan` and `configuration` are digests, times RFC 3339, UTC."""

    id: str
    workspace: str
    plan: str
    configuration: str
    commit: str
    dirty: bool
    undoes: str
    """The run that it reverses; "" for none."""
    accepted: tuple[Acceptance, ...]
    """The accepted violations."""
    login: str
    host: str
    started: str
    finished: str
    outcome: Ending
    applied: int
    failed: int
    skipped: int
    lost: Losses = {}
    """What it took away; the losses of later runs are added to it."""
    files: tuple[str, ...] = ()
    """The desired-state files, as the operator named them; () of a run that did not record them."""
    plan_file: str = ""
    """SHA-256 of the plan file that was applied, 64 hexadecimal digits; "" if there was none."""
    signatures: tuple[Signature, ...] = ()
    """The signatures of the plan file that were demanded and verified."""


class Link(msgspec.Struct, frozen=True):
    """A run in the chain: the hash of the run before it ("" for the first), and its own.

    `removed` is JSON of the payloads that it removed, as `removals` writes it; "" of a run that did
    not record that. `altered` says which part of the record no run would have written.
    """

    run: Run
    previous: str
    hash: str
    removed: str = ""
    altered: str = ""


class Payload(msgspec.Struct, frozen=True, gc=False):
    """The part of an entry that may be about people. `before` and `after` are those of the change.

    `before_ids` and `after_ids` are the platform's ids of what they name: `manager`, `department`,
    `parent`, and `groups.NAME` for each group that a group is nested in.
    """

    key: str
    before: Fields | None
    after: Fields | None
    reason: str
    source: str
    detail: str = ""
    before_ids: dict[str, str] = {}
    after_ids: dict[str, str] = {}

    @property
    def fields_before(self) -> Fields:
        """The fields before the change; empty for something new."""
        return self.before or {}

    @property
    def fields_after(self) -> Fields:
        """The fields after the change; empty for something deleted."""
        return self.after or {}


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One change of a run.

    `user` is the id of the user it concerns, `object` that of the group or department; "" where
    there was none. `payload` is JSON of a Payload. It and `salt` are "" once they have been
    removed. `managers` and `unresolved` say who is named in it, so that an erase finds it: `traces`
    derives them, and they are removed with it.
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
    managers: tuple[str, str] = ("", "")
    """The ids of the users it names as manager before and after."""
    unresolved: int = 0
    """1: it names a person for whom the platform had no user."""

    def read(self) -> Payload | None:
        """Its content; None if it was removed, or altered beyond recognition."""
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


def payload_texts(payloads: Sequence[Payload]) -> list[str]:
    """The `payload_text` of each; all at once, which costs half as much."""
    return _plain.encode_lines(payloads).decode().split("\n")[: len(payloads)]


def commitment(salt: str, payload: str) -> str:
    """What represents a payload in the chain. `salt` is hexadecimal."""
    return hashlib.sha256((salt + payload).encode()).hexdigest()


_NOBODY: Final = ("", "")


def traces(kind: Kind, user: str, payload: Payload) -> tuple[tuple[str, str], int]:
    """The persons named in a payload, in the form of an entry: `managers` and `unresolved`."""
    if kind in PAIRS:
        return _NOBODY, int(not user)
    if kind != "user":
        return _NOBODY, 0
    before, after = payload.before_ids.get("manager", ""), payload.after_ids.get("manager", "")
    unknown = _is_unknown(payload.before, before) or _is_unknown(payload.after, after)
    return (before, after), int(not user or unknown)


def _is_unknown(side: Fields | None, manager: str) -> bool:
    """Whether a side of a change names a manager of whom the platform had no user."""
    return not manager and side is not None and bool(side.get("manager"))


Places: TypeAlias = dict[str, set[int]]
"""Run → positions of entries."""


def removals(places: Places) -> str:
    """The JSON that a run keeps of the payloads it removed: run → positions, as in `1-3,7`."""
    return _encoder.encode(
        {run: ranges(positions) for run, positions in places.items() if positions}
    ).decode()


def ranges(numbers: Iterable[int]) -> str:
    """`1-3,7` of 1, 2, 3 and 7."""
    spans: list[list[int]] = []
    for number in sorted(numbers):
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    return ",".join(f"{first}-{last}" if last > first else str(first) for first, last in spans)


def removed_places(text: str) -> Places:
    """What `removals` wrote. Raises ValueError for anything else."""
    places: Places = {}
    for run, spans in msgspec.json.decode(text or "{}", type=dict[str, str]).items():
        places[run] = set()
        for span in spans.split(","):
            first, _, last = span.partition("-")
            places[run].update(range(int(first), int(last or first) + 1))
    return places


_LATER: Final = (("files", "[]"), ("plan_file", '""'), ("signatures", "[]"))
"""The last fields of a run, which earlier versions did not record, and their JSON when empty."""


def _record(run: Run) -> str:
    """The JSON of a run. Empty last fields are left out: an earlier run is hashed as it was."""
    record = _encoder.encode(run).decode()
    for name, empty in reversed(_LATER):
        if getattr(run, name):
            break
        record = record.removesuffix(f',"{name}":{empty}}}') + "}"
    return record


class Chain:
    """The hash of one run, entry by entry."""

    def __init__(self, previous: str, run: Run) -> None:
        """Takes the hash of the run before, "" for the first."""
        self._hash = hashlib.sha256(_plain.encode([previous, _record(run)]) + b"\n")

    def add(self, entries: Iterable[Entry]) -> None:
        """Adds the next entries, in order."""
        skeletons = [
            (
                entry.position,
                entry.kind,
                entry.action,
                entry.result,
                entry.user,
                entry.object,
                entry.commitment,
            )
            for entry in entries
        ]
        self._hash.update(_plain.encode_lines(skeletons))

    def end(self, removed: str) -> None:
        """Adds which payloads the run removed; nothing for a run that did not record that."""
        if removed:
            self._hash.update(_plain.encode([removed]) + b"\n")

    def hash(self) -> str:
        """64 hexadecimal digits."""
        return self._hash.hexdigest()
