"""Sends pings and messages. What cannot be sent is a warning in the log, without the URL."""

import importlib
import json
import logging
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from reconcile.app.watching.http import NotSent, below, post, within_deadline
from reconcile.errors import ReconcileError
from reconcile.model.desired import Receiver, Secret

_log = logging.getLogger(__name__)


def ping(url: Secret, step: str, run: str, body: bytes) -> None:
    """Pings a dead man's switch; both pings of a run have the same id."""
    pair = uuid.uuid5(uuid.NAMESPACE_URL, run)

    def send(to: str) -> None:
        post(below(to, step, f"rid={pair}"), body, {"Content-Type": "text/plain"})

    _try("notify.ping_url", url, send)


def tell(receiver: Receiver, message: Mapping[str, Any]) -> None:
    """Sends the message to one receiver."""
    if receiver.kind == "apprise":
        _try("notify.apprise", receiver.to, lambda to: _apprise(to, message["text"]))
        return
    body = json.dumps(message).encode()
    headers = {"Content-Type": "application/json"}
    _try("notify.webhooks", receiver.to, lambda to: post(to, body, headers))


def _try(what: str, url: Secret, send: Callable[[str], None]) -> None:
    """Sends to a secret URL; logs why that failed, without the URL."""
    try:
        send(url.reveal().strip())
    except NotSent as error:
        _log.warning("%s: not sent: %s", what, error)
    except ReconcileError as error:  # the secret could not be read
        _log.warning("%s: not sent: %s", what, error)
    except ValueError:
        _log.warning("%s: not sent: this is not a URL", what)


def _apprise(url: str, text: str) -> None:
    """Sends a text by the library apprise. Raises NotSent."""
    try:
        library = importlib.import_module("apprise")
    except ImportError:
        missing = "apprise is not installed: pip install 'reconcile-identity[notify]'"
        raise NotSent(missing) from None
    # It logs the URLs that it cannot use.
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)

    def send() -> None:
        """Adds the URL to a sender of its own, and sends."""
        sender = library.Apprise()
        if not sender.add(url):
            raise NotSent("apprise does not know this kind of URL")
        if not sender.notify(title="reconcile", body=text):
            raise NotSent("apprise could not send it")

    within_deadline(send)
