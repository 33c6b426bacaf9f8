"""How a request proves where it comes from."""

import base64
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlencode

import msgspec

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.http.values import EMPTY, mapping
from reconcile.platforms.scim.settings import Auth, OAuth2

EARLY: Final = 60
"""Seconds before its end at which a token is no longer used."""
Fetch = Callable[[str, Mapping[str, str], bytes], tuple[int, bytes]]
"""POSTs to a URL: headers and body → status and body."""


class Credentials:
    """The headers of a request. A token of OAuth 2 is asked for when it is first needed."""

    def __init__(self, auth: Auth, fetch: Fetch) -> None:
        """Asks for nothing yet."""
        self._auth = auth
        self._fetch = fetch
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def headers(self) -> dict[str, str]:
        """What every request carries. Raises PlatformUnreadable where a token is not given."""
        auth = self._auth
        if auth.bearer is not None:
            return {"Authorization": f"Bearer {auth.bearer.reveal()}"}
        if auth.basic is not None:
            pair = f"{auth.basic.username}:{auth.basic.password.reveal()}"
            return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
        if auth.header is not None:
            return {auth.header.name: auth.header.value.reveal()}
        if auth.oauth2 is not None:
            return {"Authorization": f"Bearer {self._valid_token(auth.oauth2)}"}
        return {}

    def renew(self, used: Mapping[str, str]) -> bool:
        """Whether there is another token than the one that was refused."""
        if self._auth.oauth2 is None:
            return False
        with self._lock:
            if used.get("Authorization") == f"Bearer {self._token}":
                self._token = ""
        return True

    def _valid_token(self, client: OAuth2) -> str:
        """The token, or a new one shortly before it ends."""
        with self._lock:
            if not self._token or time.monotonic() >= self._until:
                self._token, lifetime = self._ask(client)
                self._until = time.monotonic() + lifetime - min(EARLY, lifetime / 2)
            return self._token

    def _ask(self, client: OAuth2) -> tuple[str, float]:
        """A new token, and for how many seconds it can be used."""
        secret = client.client_secret.reveal()
        pair = f"{quote(client.client_id, safe='')}:{quote(secret, safe='')}"
        headers = {
            "Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}",
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        }
        form = {"grant_type": "client_credentials"}
        if client.scope:
            form["scope"] = client.scope
        status, body = self._fetch(client.token_url, headers, urlencode(form).encode())
        answer = _decoded(body)
        token = answer.get("access_token")
        if status != 200 or not isinstance(token, str) or not token:
            why = answer.get("error_description") or answer.get("error") or "no token in its answer"
            raise PlatformUnreadable(
                f"{client.token_url} gives no token (HTTP {status}: {why}): "
                "look at auth.oauth2 of the platform"
            )
        lifetime = answer.get("expires_in")
        return token, float(lifetime) if isinstance(lifetime, int | float) else 3600.0


def _decoded(body: bytes) -> Mapping[str, Any]:
    """The JSON object of a body; an empty one for anything else."""
    try:
        return mapping(msgspec.json.decode(body))
    except msgspec.DecodeError:
        return EMPTY
