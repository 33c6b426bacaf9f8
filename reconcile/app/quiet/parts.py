"""Everything that goes into a plan, as an ordered list of named digests."""

import sys
import unicodedata
from collections.abc import Iterable, Sequence
from hashlib import blake2b
from importlib.metadata import version
from typing import ClassVar

from reconcile import __version__
from reconcile.app import adapters, inputs
from reconcile.applying import recent_losses
from reconcile.config import Loaded
from reconcile.model.change import Scope
from reconcile.model.quiet import tally
from reconcile.model.quiet.trace import Question
from reconcile.ports import ManagedPlatform


class Parts:
    """Named digests, in the order in which a run reads."""

    KEY: ClassVar = tally.KEY
    """Bytes of the key."""

    def __init__(self, key: bytes) -> None:
        self.key = key
        self.read: list[tuple[str, bytes]] = []
        """The digests themselves: they make the key of the seal, and are kept nowhere."""

    def add(self, name: str, digest: bytes) -> None:
        """Adds a part by its digest."""
        self.read.append((name, digest))

    def add_value(self, name: str, value: object) -> None:
        """Adds a part by its value."""
        self.add(name, tally.digest(value, self.key))

    def kept(self) -> tuple[tuple[str, bytes], ...]:
        """What the ledger keeps to compare the parts by."""
        return tuple((name, self._kept(digest)) for name, digest in self.read)

    def _kept(self, digest: bytes) -> bytes:
        return blake2b(digest, key=self.key, person=b"part", digest_size=32).digest()


def add_settings(parts: Parts, loaded: Loaded, scope: Scope, variables: Iterable[str]) -> None:
    """What a run knows before it reads anything."""
    parts.add_value("the programs", _programs(loaded, scope))
    parts.add_value("the desired state", (loaded.digest, loaded.files, sorted(variables)))
    parts.add_value("the scope", scope)


def add_history(
    parts: Parts, loaded: Loaded, target: ManagedPlatform, workspaces: Sequence[str], moment: str
) -> None:
    """What the platform can do, and what the ledger says of earlier runs."""
    parts.add_value("what the platform can do", target.abilities)
    for name in workspaces:
        losses = recent_losses(target, loaded.desired.safety, name, moment)
        last = target.history.last(name)
        parts.add_value(f"the history of workspace {name}", (last, losses))


def part_of(source: str, what: str, question: Question) -> str:
    """The name of the part that is the answer to a question."""
    return f"source {source}: {what} {question.base}"


def _programs(loaded: Loaded, scope: Scope) -> tuple[object, ...]:
    """The versions of all that has a part in deciding."""
    state = loaded.desired
    chosen = inputs.chosen_sources(state, scope.sources)
    return (
        __version__,
        sys.version,
        unicodedata.unidata_version,
        version("jinja2"),
        adapters.version(adapters.PLATFORMS, state.platform.type),
        [adapters.version(adapters.DIRECTORIES, source.type) for source in chosen],
    )
