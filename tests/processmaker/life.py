"""`tests.servers.life.Life`, with a workspace of ProcessMaker as the platform."""

from pathlib import Path
from typing import Any

from tests.processmaker.tables import ENVIRONMENT, Workspace, declared
from tests.servers.forking import Execute
from tests.servers.life import Life
from tests.servers.samba import Samba
from tests.servers.slapd import Slapd


class ProcessMakerLife(Life):
    """A part of a real directory and a workspace that one test has to itself, and the commands."""

    def __init__(self, folder: Path, server: Slapd | Samba, url: str, execute: Execute) -> None:
        super().__init__(folder, server, "processmaker", execute)
        self.url = url
        self.db = Workspace(url)
        self.environment = dict(ENVIRONMENT)

    def write(self, source: dict[str, Any], **more: Any) -> None:
        """The workspace is the platform, with more of its settings under `platform`.

        Everybody is an operator: without a role nobody can be a user of the product.
        """
        more = {"role_mappings": [{"role": "operator", "default": True}]} | more
        super().write(source, **more | {"platform": declared(self.url) | more.get("platform", {})})

    @property
    def platform(self) -> bytes:
        """All rows of the product's tables."""
        return repr(self.db.everything()).encode()

    def close(self) -> None:
        self.db.connection.close()
