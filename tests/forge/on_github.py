"""A repository on GitHub with one pull request, and the workflows of the examples."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from tests.forge import github
from tests.forge.github import Actions, Ended, GitHub
from tests.forge.programs import Answer, Programs
from tests.forge.repository import Repository

WORKFLOWS: Final = Path(__file__).parents[2] / "examples" / "gitops" / "github"
_PULL: Final = 7


def python(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Answer:
    """Makes environments that have only their own name, and installs nothing."""
    if arguments[:2] == ["-m", "venv"]:
        commands = Path(arguments[2]) / "bin"
        commands.mkdir(parents=True)
        (commands / "python").symlink_to(Path(environ["PATH"].partition(os.pathsep)[0]) / "python3")
        return 0, "", ""
    assert " ".join(arguments) == "-m pip install --quiet --requirement requirements.txt"
    assert (folder / "requirements.txt").exists()
    return 0, "", ""


class OnGitHub:
    """What happens in the repository."""

    def __init__(
        self,
        repository: Repository,
        programs: Programs,
        forge: GitHub,
        folder: Path,
        password: str = "s3cret",
    ) -> None:
        """`folder` is for what runners keep; no job may show the password."""
        self.forge = forge
        self.variables = {"vars.ALLOWED_SIGNERS": "", "vars.SIGNERS": ""}
        self._repository = repository
        self._actions = Actions(forge, programs, folder / "runners")
        self._folder = folder
        self._password = password

    def job(self, name: str, sha: str, job: str = "", **context: str) -> Ended | None:
        """A job of a workflow; None if its condition does not hold."""
        folder = self._repository.checkout(sha)
        values = {"secrets.LDAP_PASSWORD": self._password, **self.variables, **context}
        ended = self._actions.run(WORKFLOWS / f"{name}.yml", job or name, folder, sha, values)
        assert ended is None or self._password not in ended.output + ended.summary
        return ended

    def plan(self, head: str, fork: bool = False, job: str = "plan") -> Ended | None:
        """The pull request has a new head."""
        owner = "mallory/fork" if fork else github.REPOSITORY
        context = {
            "github.event.pull_request.number": str(_PULL),
            "github.event.pull_request.head.repo.full_name": owner,
            "event": github.event(self._folder / "event.json", head),
        }
        return self.job("plan", head, job, **context)

    def say(self, login: str, body: str) -> None:
        """Somebody comments on the pull request."""
        self.forge.say(_PULL, login, body)

    def comment(self) -> str:
        """The comment of the workflow, which is one."""
        (comment,) = (each for each in self.forge.comments if each.login == github.BOT)
        return comment.body

    def merge(self, head: str, state: dict[str, Any]) -> str:
        """Squashes the pull request; returns the new commit of main."""
        merged = self._repository.commit(state, "Squashed")
        self.forge.pulls.append(
            {"number": _PULL, "head": {"sha": head}, "merge_commit_sha": merged}
        )
        return merged
