"""A workspace of ProcessMaker that reconcile keeps, by the commands a person types.

made = Installation(folder, url, execute)
made.directory(COMPANY)             # an LDIF file; a source of LDAP is given as `source=…`
made.rules(takeover=True)
made.apply("--yes")
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.processmaker.filler import BASE, DEPARTMENTS, GROUPS, Entries, directory
from tests.processmaker.tables import ENVIRONMENT, Workspace, declared
from tests.servers.forking import Execute
from tests.servers.site import Site

ATTRIBUTES = [
    {"field": "phone", "value": "{{ telephoneNumber }}"},
    {"field": "badge", "value": "{{ title }}"},
]
"""What the filler's source has as matched attributes."""
SOURCE: dict[str, Any] = {
    "name": "corp",
    "type": "ldif",
    "files": ["corp.ldif"],
    "base_dn": BASE,
    "users": {"create": "mapped", "attributes": ATTRIBUTES, "inactive_ous": ["Retired"]},
}
"""The filler's source, read from a file."""
RULES: dict[str, Any] = {
    "role_mappings": [{"role": "operator", "default": True}],
    "groups": [{"source": "corp", "select": [f"cn={title}" for title in GROUPS]}],
    "departments": [{"source": "corp", "select": list(DEPARTMENTS.values()), "role": "operator"}],
}
"""What the filler's administrators ticked."""


class Installation(Site):
    """Files, a workspace and the commands."""

    def __init__(self, folder: Path, url: str, execute: Execute) -> None:
        super().__init__(folder, execute=execute)
        self.url = url
        self.environment = dict(ENVIRONMENT)

    def db(self) -> Workspace:
        """The workspace as the product and its administrators see it."""
        return Workspace(self.url)

    def directory(self, entries: Entries, file: str = "corp.ldif") -> None:
        """Writes the directory of the source."""
        (self.folder / file).write_text(directory(entries)[0], encoding="utf-8")

    def rules(
        self, source: Mapping[str, Any] = SOURCE, platform: Mapping[str, Any] = {}, **more: Any
    ) -> None:
        """Writes the desired state; `platform` has settings of the platform beside its type and url."""
        made = declared(self.url) | dict(platform)
        self.write(dict(source), preset="processmaker", platform=made, **RULES | more)

    def json(self, *arguments: str, code: int | tuple[int, ...] = 0) -> Any:
        return json.loads(self.run(*arguments, "--format", "json", code=code)[0])

    def plan(self) -> list[str]:
        """What would change, as `kind key action`, whatever guards say."""
        changes = self.json("plan", code=(0, 4))["changes"]
        return [f"{change['kind']} {change['key']} {change['action']}" for change in changes]

    def skips(self) -> dict[str, str]:
        """What the plan leaves out: key → code."""
        return {skip["key"]: skip["code"] for skip in self.json("plan", code=(0, 4))["skips"]}

    def apply(self, *options: str) -> str:
        """Applies, whatever guards object to, and has nothing left to do."""
        told = self.json("plan", code=(0, 4))
        accepted = [part for one in told["violations"] for part in ("--accept", one["code"])]
        self.run("plan", "--out", "next.plan", *accepted)
        out, _ = self.run("apply", "next.plan", "--yes", *options)
        (self.folder / "next.plan").unlink()
        self.run("plan", "--check")
        return out
