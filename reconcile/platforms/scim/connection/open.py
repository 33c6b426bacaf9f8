"""The session with one SCIM service."""

from collections.abc import Mapping
from pathlib import Path

from reconcile.errors import PlatformUnreadable
from reconcile.platforms.http.exchange import Exchange, Lost
from reconcile.platforms.http.session import Session
from reconcile.platforms.scim.connection.answers import ScimDialect
from reconcile.platforms.scim.connection.auth import Credentials
from reconcile.platforms.scim.settings import ScimSettings


def open_session(base: str, settings: ScimSettings, folder: str) -> Session:
    """A session that connects when it is first used."""
    ca_file = settings.tls.ca_file
    pace = settings.pace
    exchange = Exchange(base, pace.concurrency, str(Path(folder, ca_file)) if ca_file else "")

    def fetch(url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, bytes]:
        """A POST outside of the service: for a token."""
        try:
            raw = exchange.exchange("POST", url, None, body, headers)
        except Lost as lost:
            raise PlatformUnreadable(f"no token: {url}: {lost}") from lost
        return raw.status, raw.data

    proof = Credentials(settings.auth, fetch)
    return Session(base, exchange, ScimDialect(), proof, pace.per_minute)
