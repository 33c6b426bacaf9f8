"""The token that every request carries: asked for when it is needed, and again when it ends."""

import threading
import time
from collections.abc import Mapping
from typing import Final

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.http.session import Session
from reconcile.platforms.http.values import text
from reconcile.platforms.vmmanager.dialect import Refused
from reconcile.platforms.vmmanager.settings import VmSettings
from reconcile.ports import Unclear

_HEADER: Final = "x-xsrf-token"
_EARLY: Final = 60
"""Seconds before its end at which a token is no longer used."""


class NoProof:
    """What a request for a token carries: nothing."""

    def headers(self) -> Mapping[str, str]:
        """No header."""
        return {}

    def renew(self, used: Mapping[str, str]) -> bool:
        """There is no other proof."""
        return bool(used)


class Token:
    """The headers of a request. May be used by several threads at once."""

    def __init__(self, settings: VmSettings, session: Session) -> None:
        """Asks for nothing yet. `session` carries no proof."""
        self._auth = settings.auth
        self._path = f"{settings.paths.auth}/public/token"
        self._session = session
        self._lock = threading.Lock()
        self._token = ""
        self._until = 0.0

    def headers(self) -> Mapping[str, str]:
        """What every request carries. Raises PlatformUnreadable where there is no token."""
        token = self._valid()
        headers = {_HEADER: token}
        if self._auth.cookie:
            headers["Cookie"] = f"ses6={token}"
        return headers

    def renew(self, used: Mapping[str, str]) -> bool:
        """Whether there is another token than the one that was refused."""
        if self._auth.token is not None:
            return False
        with self._lock:
            if used.get(_HEADER) == self._token:
                self._token = ""
        return True

    def _valid(self) -> str:
        """The token, or a new one shortly before it ends."""
        if self._auth.token is not None:
            return str(self._auth.token.reveal())
        with self._lock:
            if not self._token or time.monotonic() >= self._until:
                self._token = self._ask()
                lifetime = self._auth.lifetime
                self._until = time.monotonic() + lifetime - min(_EARLY, lifetime / 2)
            return self._token

    def _ask(self) -> str:
        """A new token. Whether the one before lives on does not matter."""
        proof = {"email": self._auth.email, "password": self._auth.password.reveal()}
        try:
            answer = self._session.send("POST", self._path, proof).resource or {}
        except (Refused, Unclear) as error:
            raise PlatformUnreadable(
                f"VMmanager at {self._session.base} gives no token: {error}. Look at url, "
                "paths.auth and auth of the platform"
            ) from error
        token = text(answer.get("token"))
        if not token:
            raise PlatformUnreadable(
                f"VMmanager at {self._session.base} gives no token: its answer has none. Look at "
                "url and paths.auth of the platform"
            )
        if answer.get("confirmed") is False:
            raise PlatformUnreadable(
                f"VMmanager at {self._session.base} gives a token that is not confirmed: the "
                "account of auth has a second factor. Use an account without one, or auth.token"
            )
        return token
