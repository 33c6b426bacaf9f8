"""The adapter of platforms of type `scim`; see `reconcile.ports.Platform` for what it promises."""

import logging
import threading
from collections.abc import Iterable, Sequence

from reconcile.model import desired
from reconcile.model.platform import Abilities, Contents, LinkKind, ObjectKind, Pair, Row
from reconcile.platforms.http.address import base_url, is_open
from reconcile.platforms.scim.ability import abilities
from reconcile.platforms.scim.connection.open import open_session
from reconcile.platforms.scim.probe import Probe
from reconcile.platforms.scim.service import Service
from reconcile.platforms.scim.settings import problems, scim_settings
from reconcile.ports import Check, Fault, Progress, no_progress

_log = logging.getLogger(__name__)


class ScimPlatform:
    """Users and groups of a service that speaks SCIM 2.0."""

    def __init__(self, settings: desired.Platform, progress: Progress = no_progress) -> None:
        """Connects when it is first used."""
        self._platform = settings
        self._settings = scim_settings(settings)
        self._progress = progress
        self._abilities = abilities(self._settings)
        self._services: dict[str, Service] = {}
        self._lock = threading.Lock()

    @property
    def abilities(self) -> Abilities:
        """What the settings say that the service can do and hold."""
        return self._abilities

    @staticmethod
    def problems(settings: desired.Platform) -> Iterable[Fault]:
        """What is wrong with the settings, as far as can be seen without I/O."""
        return problems(settings)

    def read(self, workspace: str) -> Contents:
        """Everything of the service, proved complete."""
        return self._service(workspace).read()

    def create(self, workspace: str, kind: ObjectKind, fields: Row) -> str:
        """Makes a user, group or department, and returns its id."""
        return self._service(workspace).create(kind, fields)

    def update(self, workspace: str, kind: ObjectKind, object_id: str, fields: Row) -> None:
        """Sets these fields and no others."""
        self._service(workspace).update(kind, object_id, fields)

    def delete(self, workspace: str, kind: ObjectKind, object_id: str) -> None:
        """Removes an object."""
        self._service(workspace).delete(kind, object_id)

    def link(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Makes memberships, grants and nested groups."""
        self._service(workspace).link(kind, pairs, making=True)

    def unlink(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Removes memberships, grants and nested groups."""
        self._service(workspace).link(kind, pairs, making=False)

    def check(self) -> Iterable[Check]:
        """What is found, one line each; ends with the first that fails. Only reads."""
        for workspace in self._platform.workspaces:
            service = self._service(workspace)
            yield from Probe(service, self._settings).checks()

    def close(self) -> None:
        """Lets go of the connections."""
        with self._lock:
            services = list(self._services.values())
        for service in services:
            service.session.close()

    def _service(self, workspace: str) -> Service:
        with self._lock:
            if workspace not in self._services:
                self._services[workspace] = self._made(workspace)
            return self._services[workspace]

    def _made(self, workspace: str) -> Service:
        """The service of a workspace. Raises PlatformUnreadable and UsageError for its URL."""
        base = base_url(self._platform, workspace, "a SCIM service")
        self._warn_without_tls(base)
        session = open_session(base, self._settings, self._platform.folder)
        return Service(session, self._settings, self._progress)

    def _warn_without_tls(self, base: str) -> None:
        """Logs a warning where tokens or passwords would go over a network unencrypted."""
        oauth2 = self._settings.auth.oauth2
        if is_open(base) or (oauth2 is not None and is_open(oauth2.token_url)):
            _log.warning(
                "WARNING: the url of the platform is http://, so anyone on the way can read the "
                "token and everything about users: use https://"
            )
