"""A workspace of ProcessMaker that reconcile keeps, planned and applied in this process, on any day.

made = SiteStage(folder, url)
made.rules(takeover=True)
made.day(COMPANY, "2026-01-05")     # plans, applies and has nothing left to do
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import yaml

from reconcile.app import adapters
from reconcile.config import Loaded, load
from reconcile.directories.ldif.adapter import LdifDirectory
from reconcile.model.change import Plan, Skip
from reconcile.ports import ManagedPlatform, no_progress
from tests.processmaker.filler import Entries
from tests.processmaker.installation import RULES, SOURCE
from tests.processmaker.tables import Workspace, name, template
from tests.scenarios.stage import Stage, ldif, told

DAY = "2026-01-05"


class SiteStage(Stage):
    """Files, a workspace, and the platform that is opened for both."""

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        self.url = url
        self.desired: dict[str, Any] = {}
        self.rules()
        self._open: ManagedPlatform | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the platform, as the end of a run does."""
        if self._open is not None:
            self._open.close()
            self._open = None

    def db(self) -> Workspace:
        """The workspace as the product and its administrators see it."""
        return Workspace(self.url)

    def rules(
        self,
        users: Mapping[str, Any] = {},
        platform: Mapping[str, Any] = {},
        source: Mapping[str, Any] = {},
        **more: Any,
    ) -> None:
        """The desired state: the filler's site, with these keys instead of its own."""
        made = {"type": "processmaker", "url": template(self.url), "workspaces": [name(self.url)]}
        declared = SOURCE | dict(source)
        self.desired = {
            "version": 1,
            "preset": "processmaker",
            "platform": made | dict(platform),
            "sources": [declared | {"users": declared["users"] | dict(users)}],
            **RULES,
            **more,
        }
        self.close_if_open()

    def close_if_open(self) -> None:
        """Settings of the platform take effect when it is opened anew."""
        if getattr(self, "_open", None) is not None:
            self.close()

    def loaded(self) -> Loaded:
        text = (self.folder / "reconcile.yml").read_bytes()
        if self._loaded is None or self._loaded[0] != text:
            made = load(
                [self.folder / "reconcile.yml"],
                environ={},
                sources={"ldif": LdifDirectory.problems},
                platforms=adapters.checkers(adapters.PLATFORMS),
            )
            self._loaded = text, made
        return self._loaded[1]

    @contextmanager
    def platform(self, settings: Any) -> Iterator[ManagedPlatform]:
        """The platform of the files, which stays open."""
        if self._open is None:
            self._open = adapters.platform(settings or self.settings(), no_progress)
        yield self._open

    def directory(self, entries: Entries) -> None:
        """Writes the desired state and the directory."""
        (self.folder / "reconcile.yml").write_text(
            yaml.safe_dump(self.desired, sort_keys=False), encoding="utf-8"
        )
        (self.folder / "reconcile.yml").chmod(0o600)
        (self.folder / "corp.ldif").write_text(ldif(entries), encoding="utf-8")

    def planned(self, entries: Entries, day: str = DAY) -> Plan:
        """The plan of a day, with whatever guards object to accepted."""
        self.directory(entries)
        return self.plan(at=f"{day}T03:00:00Z")[0]

    def day(self, entries: Entries, day: str = DAY) -> list[str]:
        """Plans, applies, and has nothing left to do; the changes, in words."""
        plan = self.planned(entries, day)
        report = self.apply(plan)
        failed = [
            (told(one.change), one.detail) for one in report.outcomes if one.result != "applied"
        ]
        assert failed == [], failed
        again = self.planned(entries, day)
        assert [told(change) for change in again.changes] == []
        return [told(change) for change in plan.changes]


def skips(plan: Plan) -> dict[str, str]:
    """`kind name` → code of what a plan leaves out."""
    return {f"{skip.kind} {_of(skip)}": skip.code for skip in plan.skips}


def _of(skip: Skip) -> str:
    return skip.username or skip.subject or skip.dn
