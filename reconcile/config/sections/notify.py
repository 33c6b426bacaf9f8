"""Who learns how a run ended: `notify` of the file."""

from collections.abc import Callable, Iterator
from typing import Any, Literal

from reconcile.config.schema.typed import Values, mapping, mappings
from reconcile.config.yaml.nodes import Path
from reconcile.model import desired

Secret = Callable[[Path, str], desired.Secret]


def notify(values: Any, secret: Secret) -> desired.Notify:
    """The receivers of a file without problems."""
    section = mapping({"notify": values}, "notify")
    ping = section.get("ping_url")
    return desired.Notify(
        ping_url=None if ping is None else secret(("notify", "ping_url"), ping),
        receivers=(
            *_receivers(section, "webhooks", "webhook", secret),
            *_receivers(section, "apprise", "apprise", secret),
        ),
    )


def _receivers(
    section: Values, key: str, kind: Literal["webhook", "apprise"], secret: Secret
) -> Iterator[desired.Receiver]:
    """The receivers of one kind."""
    for index, item in mappings(section, key):
        to = secret(("notify", key, index, "to"), item["to"])
        if "on" in item:
            yield desired.Receiver(kind, to, frozenset(item["on"]))
        else:
            yield desired.Receiver(kind, to)
