"""Who learns how a run ended: `notify` of the files."""

from typing import Literal, TypeAlias

import msgspec

from reconcile.model.desired.promises import Secret

NotifyEvent: TypeAlias = Literal["failed", "refused", "drift"]
"""`refused`: by a guard. `drift`: `plan --check` found changes. `failed`: everything else."""


class Receiver(msgspec.Struct, frozen=True):
    """Where a message goes: a webhook that takes JSON, or what the library apprise knows."""

    kind: Literal["webhook", "apprise"]
    to: Secret
    on: frozenset[NotifyEvent] = frozenset({"failed", "refused", "drift"})


class Notify(msgspec.Struct, frozen=True):
    """All receivers. `ping_url` gets the start and the exit code of every run."""

    ping_url: Secret | None = None
    receivers: tuple[Receiver, ...] = ()
