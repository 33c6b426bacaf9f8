"""A folder with a desired state, and the command run in it as a person would."""

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.servers.forking import Execute
from tests.servers.slapd import PASSWORD, SUFFIX

_ROOT = Path(__file__).parents[2]


def execute(
    arguments: Sequence[str],
    folder: Path,
    environ: Mapping[str, str],
    given: str,
    *,
    terminal: str = "",
) -> tuple[int, str, str]:
    """Exit code, standard output and standard error of a command, which is not on a terminal."""
    assert not terminal
    command = [sys.executable, "-m", "reconcile", *arguments]
    pipes: dict[str, Any] = {"input": given, "capture_output": True, "text": True}
    done = subprocess.run(command, cwd=folder, env=dict(environ), check=False, timeout=120, **pipes)
    return done.returncode, done.stdout, done.stderr


class Site:
    """Files, a platform in SQLite, and the commands."""

    execute: Execute = staticmethod(execute)
    """How commands are carried out."""

    def __init__(
        self, folder: Path, password: str = PASSWORD, execute: Execute | None = None
    ) -> None:
        """`password` is what CORP_PASSWORD holds; no command may ever show it. `execute` carries out commands."""
        if execute is not None:
            self.execute = execute
        self.folder = folder
        self.password = password
        self.environment: dict[str, str] = {}
        """What commands find there beside it."""

    def write(self, source: dict[str, Any], **more: Any) -> None:
        """One source, and what stands beside it."""
        state = {
            "version": 1,
            "platform": {"type": "sql", "url": "sqlite:///platform.db"},
            "sources": [source],
        } | more
        (self.folder / "reconcile.yml").write_text(
            yaml.safe_dump(state, allow_unicode=True), encoding="utf-8"
        )

    def desired(self, url: str, **changes: Any) -> None:
        """A source on an OpenLDAP server, in clear text, which makes a user of everybody, unless changed."""
        source = {
            "name": "corp",
            "type": "openldap",
            "servers": [url],
            "tls": {"mode": "none"},
            "bind": {"dn": f"cn=admin,{SUFFIX}", "password": "{{ env('CORP_PASSWORD') }}"},
            "base_dn": SUFFIX,
            "page_size": 3,
            "timeout": {"connect": "2s", "read": "2s"},
            "users": {"create": "all"},
        }
        self.write(source | changes)

    def add(self, **more: Any) -> None:
        """Rules beside the source."""
        file = self.folder / "reconcile.yml"
        state = yaml.safe_load(file.read_text(encoding="utf-8")) | more
        file.write_text(yaml.safe_dump(state, allow_unicode=True), encoding="utf-8")

    def run(
        self, *arguments: str, code: int | tuple[int, ...] = 0, password: str = "", given: str = ""
    ) -> tuple[str, str]:
        """Standard output and standard error of a command that ends with (one of) this code; `given` is its input."""
        environment = {
            "CORP_PASSWORD": password or self.password,
            "PATH": os.defpath,
            "PYTHONPATH": str(_ROOT),
            "PYTHONUTF8": "1",
        } | self.environment
        ended, out, err = self.execute(arguments, self.folder, environment, given)
        assert ended in ((code,) if isinstance(code, int) else code), out + err
        assert "Traceback" not in err
        assert self.password not in out + err
        return out, err

    @property
    def platform(self) -> bytes:
        """The platform, to the byte."""
        return (self.folder / "platform.db").read_bytes()

    def refuses(self, *words: str, password: str = "") -> None:
        """Neither plan nor apply gets anywhere, and the message has these words."""
        before = self.platform
        for command in (["plan"], ["apply", "--yes"]):
            out, err = self.run(*command, code=7, password=password)
            assert out == ""
            for word in words:
                assert word in err, err
        assert self.platform == before
