"""The platform over a workspace, with what hinders it, for contract tests and others."""

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from functools import cache
from typing import Any, ClassVar

from reconcile.model import desired
from reconcile.model.book import Call
from reconcile.platforms.managed import managed
from reconcile.platforms.processmaker.platform import ProcessMaker
from reconcile.ports import ManagedPlatform, Rejected, no_progress
from tests.processmaker.tables import (
    Workspace,
    admin_url,
    create_site,
    seed,
    seeded,
    sql_mode,
    uid,
)
from tests.servers.mariadb import MariaDB


class Text:
    """A secret that is none."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text


class Refusing(ProcessMaker):
    """Refuses users of some names, as no rule of the product's own does."""

    refused: ClassVar[set[str]] = set()

    def make(self, workspace: str, calls: Sequence[Call], connection: Any) -> list[str | Rejected]:
        kept = [call for call in calls if call.fields.get("username") not in self.refused]
        answers = iter(super().make(workspace, kept, connection))
        return [
            next(answers)
            if call.fields.get("username") not in self.refused
            else Rejected("the application says no")
            for call in calls
        ]


def refusing() -> type[Refusing]:
    """A class of its own, so that nothing one test refuses is refused in another."""
    return type("Refusing", (Refusing,), {"refused": set()})


def settings(url: str, state: str = "", **options: Any) -> desired.Platform:
    known = {name: options.pop(name) for name in ("workspaces", "sources") if name in options}
    return desired.Platform(
        "processmaker",
        Text(url),
        options=options,
        state=Text(state) if state else None,
        **known,
    )


def platform(
    url: str, kind: type[ProcessMaker] = ProcessMaker, state: str = "", **options: Any
) -> ManagedPlatform:
    made = settings(url, state, **options)
    return managed(kind(made), made, no_progress)


def add_roles(workspace: Workspace, *codes: str) -> None:
    """Roles that an administrator has made."""
    for code in codes:
        workspace.insert(
            "RBAC_ROLES", ROL_UID=uid("role", code), ROL_SYSTEM=seeded(2), ROL_CODE=code
        )


SUITE = ("main", "other", "side", "third")
"""The workspaces of the contract suites."""


@cache
def suite_url(admin: str) -> str:
    """The url, with a place for the workspace, of sites that tests of one process share."""
    urls = [create_site(admin, f"suite_{workspace}") for workspace in SUITE]
    for url in urls:
        emptied(url)
    return urls[0].removesuffix("main?ssl_disabled=true") + "{workspace}?ssl_disabled=true"


def emptied(url: str) -> None:
    """A fresh installation again, whose ledger has tables without rows."""
    with Workspace(url) as workspace:
        workspace.sql("SET FOREIGN_KEY_CHECKS = 0")
        for row in workspace.sql("SHOW TABLES"):
            (name,) = row.values()
            if name != "RECONCILE_LEDGER_REVISION":
                workspace.sql(f"DELETE FROM `{name}`")
        seed(workspace)
        add_roles(workspace, "r", "x/y", "x", "clerk")


def _is_used(url: str) -> bool:
    """Whether a run has written anything since the workspace was emptied."""
    with Workspace(url) as workspace:
        ledger = workspace.sql("SHOW TABLES LIKE 'RECONCILE_WORKSPACES'")
        return bool(ledger) and workspace.count("RECONCILE_WORKSPACES") > 0


@contextmanager
def case(
    server: MariaDB, kind: type[ProcessMaker], state: str = "", mode: str = ""
) -> Iterator[ManagedPlatform]:
    """The platform over emptied workspaces, with roles for the suites."""
    url = suite_url(admin_url(server))
    for workspace in SUITE:
        own = url.replace("{workspace}", workspace)
        if workspace == "main" or _is_used(own):
            emptied(own)
    with sql_mode(admin_url(server), mode), closing(platform(url, kind, state)) as made:
        yield made


def forgotten(url: str) -> None:
    """Has reconcile forget all it knows."""
    with Workspace(url) as workspace:
        workspace.sql("SET FOREIGN_KEY_CHECKS = 0")
        for row in workspace.sql("SHOW TABLES LIKE 'RECONCILE%'"):
            (name,) = row.values()
            workspace.sql(f"DROP TABLE `{name}`")
