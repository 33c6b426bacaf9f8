"""The adapter of platforms of type `vmmanager`; see `reconcile.ports.Platform`."""

import logging
import threading
from collections.abc import Iterable, Sequence
from pathlib import Path

from reconcile.model import desired
from reconcile.model.platform import Abilities, Contents, LinkKind, ObjectKind, Pair, Row
from reconcile.platforms.http.address import base_url, is_open
from reconcile.platforms.http.exchange import Exchange
from reconcile.platforms.http.session import Session
from reconcile.platforms.vmmanager.ability import abilities
from reconcile.platforms.vmmanager.dialect import VmDialect
from reconcile.platforms.vmmanager.installation import Installation
from reconcile.platforms.vmmanager.probe import Probe
from reconcile.platforms.vmmanager.settings import problems, vm_settings
from reconcile.platforms.vmmanager.token import NoProof, Token
from reconcile.ports import Check, Fault, Progress, Rejected, no_progress

_log = logging.getLogger(__name__)


class VmManagerPlatform:
    """The accounts of VMmanager 6. It has no groups and no departments."""

    def __init__(self, settings: desired.Platform, progress: Progress = no_progress) -> None:
        """Connects when it is first used."""
        self._platform = settings
        self._settings = vm_settings(settings)
        self._progress = progress
        self._abilities = abilities(self._settings)
        self._installations: dict[str, Installation] = {}
        self._lock = threading.Lock()

    @property
    def abilities(self) -> Abilities:
        """What the settings say that VMmanager can do and hold."""
        return self._abilities

    @staticmethod
    def problems(settings: desired.Platform) -> Iterable[Fault]:
        """What is wrong with the settings, as far as can be seen without I/O."""
        return problems(settings)

    def read(self, workspace: str) -> Contents:
        """All accounts, proved complete."""
        return self._installation(workspace).read()

    def create(self, workspace: str, kind: ObjectKind, fields: Row) -> str:
        """Makes an account, and returns its id."""
        _expect_user(kind)
        return self._installation(workspace).create(fields)

    def update(self, workspace: str, kind: ObjectKind, object_id: str, fields: Row) -> None:
        """Sets these fields and no others."""
        _expect_user(kind)
        self._installation(workspace).update(object_id, fields)

    def delete(self, workspace: str, kind: ObjectKind, object_id: str) -> None:
        """Removes an account that owns no machines."""
        _expect_user(kind)
        self._installation(workspace).delete(object_id)

    def link(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Gives roles. The driver sends one at a time."""
        _expect_grant(kind)
        for account, role in pairs:
            self._installation(workspace).grant(account, role)

    def unlink(self, workspace: str, kind: LinkKind, pairs: Sequence[Pair]) -> None:
        """Takes roles away. The driver sends one at a time."""
        _expect_grant(kind)
        for account, role in pairs:
            self._installation(workspace).revoke(account, role)

    def check(self) -> Iterable[Check]:
        """What is found, one line each; ends with the first that fails. Only reads."""
        for workspace in self._platform.workspaces:
            installation = self._installation(workspace)
            yield from Probe(installation, self._settings).checks()

    def close(self) -> None:
        """Lets go of the connections."""
        with self._lock:
            installations = list(self._installations.values())
        for installation in installations:
            installation.session.close()

    def _installation(self, workspace: str) -> Installation:
        with self._lock:
            if workspace not in self._installations:
                self._installations[workspace] = self._made(workspace)
            return self._installations[workspace]

    def _made(self, workspace: str) -> Installation:
        """VMmanager for a workspace. Raises PlatformUnreadable and UsageError for its URL."""
        base = base_url(self._platform, workspace, "VMmanager")
        if is_open(base):
            _log.warning(
                "WARNING: the url of the platform is http://, so anyone on the way can read the "
                "password of an administrator: use https://"
            )
        pace, ca_file = self._settings.pace, self._settings.tls.ca_file
        pem = str(Path(self._platform.folder, ca_file)) if ca_file else ""
        exchange = Exchange(base, pace.concurrency, pem)
        dialect = VmDialect()
        token = Token(self._settings, Session(base, exchange, dialect, NoProof()))
        session = Session(base, exchange, dialect, token, pace.per_minute)
        return Installation(session, self._settings, self._progress)


def _expect_user(kind: ObjectKind) -> None:
    """Raises Rejected for what the abilities lack; the planner does not send it."""
    if kind != "user":
        raise Rejected(f"VMmanager has no {kind}s")


def _expect_grant(kind: LinkKind) -> None:
    """Raises Rejected for links other than roles."""
    if kind != "grant":
        raise Rejected("VMmanager has no groups")
