"""A scratch Git repository with a desired state, in which pipelines run."""

import os
import subprocess
from pathlib import Path
from typing import Any, Final

import yaml

from tests.servers.slapd import program

_AUTHOR: Final = {
    "GIT_AUTHOR_NAME": "Ann",
    "GIT_AUTHOR_EMAIL": "ann@example.com",
    "GIT_COMMITTER_NAME": "Ann",
    "GIT_COMMITTER_EMAIL": "ann@example.com",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


class Repository:
    """The repository, and a checkout of it for each job."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "repository"
        self._checkouts = folder / "checkouts"
        self._checkouts.mkdir()
        (self.folder / "identity").mkdir(parents=True)
        (self.folder / "requirements.txt").write_text("reconcile-identity\n", encoding="utf-8")
        self._git("init", "--quiet", "--initial-branch=main")

    def _git(self, *arguments: str) -> str:
        done = subprocess.run(
            [program("git", "git"), *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], **_AUTHOR},
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.strip()

    def commit(self, state: dict[str, Any], message: str) -> str:
        """Commits a desired state; returns the SHA."""
        text = yaml.safe_dump(state, allow_unicode=True, sort_keys=False)
        (self.folder / "identity" / "reconcile.yml").write_text(text, encoding="utf-8")
        self._git("add", "--all")
        self._git("commit", "--quiet", "--allow-empty", "--message", message)
        return self._git("rev-parse", "HEAD")

    def checkout(self, sha: str) -> Path:
        """A fresh checkout of a commit."""
        folder = self._checkouts / f"{len(list(self._checkouts.iterdir()))}"
        self._git("worktree", "add", "--quiet", "--detach", str(folder), sha)
        return folder
