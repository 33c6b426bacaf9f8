"""GitHub: its workflows, and what `gh` asks of it."""

import argparse
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

from tests.forge.programs import Answer, Programs, jq

REPOSITORY: Final = "acme/identity"
BOT: Final = "github-actions[bot]"
TOKEN: Final = "ghs_token"
_PAGE: Final = 2
_LONGEST: Final = 65_536


@dataclass
class Run:
    """One run of a workflow."""

    number: int
    sha: str
    succeeded: bool = False
    artefacts: dict[str, Path] = field(default_factory=dict)


@dataclass
class Comment:
    """A comment on a pull request."""

    number: int
    pull: int
    login: str
    body: str


@dataclass
class Issue:
    """An issue."""

    title: str
    body: str
    labels: list[str]
    state: str = "open"
    comments: list[str] = field(default_factory=list)


class GitHub:
    """What the repository holds."""

    def __init__(self) -> None:
        self.comments: list[Comment] = []
        self.pulls: list[dict[str, Any]] = []
        self.runs: list[Run] = []
        self.issues: dict[int, Issue] = {}
        self.labels: set[str] = set()

    def gh(self, arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Answer:
        """The command `gh`."""
        assert environ["GH_TOKEN"] == TOKEN
        if arguments[0] == "api":
            return self._api(_api_parser().parse_args(arguments[1:]), folder)
        assert environ["GH_REPO"] == REPOSITORY
        command = getattr(self, f"_{arguments[0]}_{arguments[1]}")
        return command(_options(arguments[2:]), folder)

    def _api(self, asked: argparse.Namespace, folder: Path) -> Answer:
        fields = dict(each.split("=", 1) for each in asked.field)
        body = fields.get("body", "")
        if body.startswith("@"):
            body = (folder / body[1:]).read_text(encoding="utf-8")
        if asked.method != "GET" and not 0 < len(body) <= _LONGEST:
            return 1, "", "gh: Body is too long (maximum is 65536 characters) (HTTP 422)\n"
        path = asked.path.removeprefix(f"repos/{REPOSITORY}/")
        for method, pattern, answer in self._routes():
            if method == asked.method and (at := re.fullmatch(pattern, path)):
                data = answer(*at.groups(), *([body] if method != "GET" else []))
                return 0, "" if asked.silent else _shown(data, asked), ""
        return 1, "", f"gh: Not Found (HTTP 404): {asked.method} {path}\n"

    def _routes(self) -> list[tuple[str, str, Callable[..., Any]]]:
        return [
            ("GET", r"issues/(\d+)/comments", self._comments),
            ("POST", r"issues/(\d+)/comments", self._comment),
            ("PATCH", r"issues/comments/(\d+)", self._edit),
            ("GET", r"commits/([0-9a-f]{40})/pulls", self._pulls),
        ]

    def _comments(self, pull: str) -> list[dict[str, Any]]:
        return [
            {"id": each.number, "body": each.body, "user": {"login": each.login}}
            for each in self.comments
            if each.pull == int(pull)
        ]

    def _comment(self, pull: str, body: str) -> None:
        self.say(int(pull), BOT, body)

    def say(self, pull: int, login: str, body: str) -> None:
        """Somebody comments on a pull request."""
        self.comments.append(Comment(1000 + len(self.comments), pull, login, body))

    def _edit(self, number: str, body: str) -> None:
        (comment,) = (each for each in self.comments if each.number == int(number))
        assert comment.login == BOT
        comment.body = body

    def _pulls(self, sha: str) -> list[dict[str, Any]]:
        # A commit is also in pull requests that are still open.
        return [{"number": 1, "head": {"sha": "0" * 40}, "merge_commit_sha": "1" * 40}] + [
            each for each in self.pulls if each["merge_commit_sha"] == sha
        ]

    def _run_list(self, options: dict[str, str], _: Path) -> Answer:
        assert (options["workflow"], options["event"]) == ("plan.yml", "pull_request")
        assert (options["status"], options["limit"], options["json"]) == (
            "success",
            "1",
            "databaseId",
        )
        runs = [each for each in self.runs if each.sha == options["commit"] and each.succeeded]
        return 0, jq(options["jq"], [{"databaseId": each.number} for each in runs[-1:]]), ""

    def _run_download(self, options: dict[str, str], folder: Path) -> Answer:
        (run,) = (each for each in self.runs if each.number == int(options["0"]))
        if options["name"] not in run.artefacts:
            return 1, "", "no valid artifacts found to download\n"
        source = run.artefacts[options["name"]]
        (folder / options["dir"]).mkdir()
        shutil.copy(source, folder / options["dir"] / source.name)
        return 0, "", ""

    def _issue_list(self, options: dict[str, str], _: Path) -> Answer:
        assert (options["state"], options["json"]) == ("open", "number")
        open_ones = [
            {"number": number}
            for number, each in self.issues.items()
            if each.state == "open" and options["label"] in each.labels
        ]
        return 0, jq(options["jq"], open_ones[: int(options["limit"])]), ""

    def _issue_close(self, options: dict[str, str], _: Path) -> Answer:
        issue = self.issues[int(options["0"])]
        issue.state = "closed"
        issue.comments.append(options["comment"])
        return 0, "", ""

    def _issue_edit(self, options: dict[str, str], folder: Path) -> Answer:
        body = (folder / options["body-file"]).read_text(encoding="utf-8")
        assert 0 < len(body) <= _LONGEST
        self.issues[int(options["0"])].body = body
        return 0, "", ""

    def _issue_create(self, options: dict[str, str], folder: Path) -> Answer:
        if options["label"] not in self.labels:
            return 1, "", f"could not add label: '{options['label']}' not found\n"
        body = (folder / options["body-file"]).read_text(encoding="utf-8")
        assert 0 < len(body) <= _LONGEST
        self.issues[len(self.issues) + 1] = Issue(options["title"], body, [options["label"]])
        return 0, "", ""

    def _label_create(self, options: dict[str, str], _: Path) -> Answer:
        if options["0"] in self.labels and "force" not in options:
            return 1, "", "label already exists\n"
        self.labels.add(options["0"])
        return 0, "", ""


def _api_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("path")
    parser.add_argument("--method", default="GET")
    parser.add_argument("--jq", default=".")
    parser.add_argument("--paginate", action="store_true")
    parser.add_argument("--silent", action="store_true")
    parser.add_argument("-F", dest="field", action="append", default=[])
    return parser


def _shown(data: list[Any], asked: argparse.Namespace) -> str:
    """Page by page, as `gh api` applies a query; the first page alone without --paginate."""
    pages = [data[start : start + _PAGE] for start in range(0, len(data), _PAGE)] or [[]]
    return "".join(jq(asked.jq, page) for page in (pages if asked.paginate else pages[:1]))


def _options(arguments: Sequence[str]) -> dict[str, str]:
    """Options by name, arguments by number."""
    options: dict[str, str] = {}
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            options[word[2:]] = "" if word == "--force" else rest.pop(0)
        else:
            options[str(sum(name.isdigit() for name in options))] = word
    return options


@dataclass(frozen=True)
class Ended:
    """How a job ended."""

    code: int
    output: str
    run: Run
    summary: str


class Actions:
    """Runs the jobs of workflows, one step after another, until one fails."""

    def __init__(self, github: GitHub, programs: Programs, temporary: Path) -> None:
        self._github = github
        self._programs = programs
        self._temporary = temporary
        self._installed: set[str] = set()

    def run(
        self, workflow: Path, job: str, folder: Path, sha: str, context: Mapping[str, str]
    ) -> Ended | None:
        """One job in a checkout; None if its condition does not hold.

        `context` holds the value of each expression, such as `secrets.PASSWORD`.
        """
        loaded = yaml.safe_load(workflow.read_text(encoding="utf-8"))
        work = loaded["jobs"][job]
        values = {"github.token": TOKEN, "github.repository": REPOSITORY, **context}
        if "if" in work and not _holds(work["if"], values):
            return None
        record = Run(100 + len(self._github.runs), sha)
        self._github.runs.append(record)
        temporary = self._temporary / str(record.number)
        temporary.mkdir(parents=True)
        state = _State(self._programs, folder, temporary, values, record, loaded["defaults"])
        for step in work["steps"]:
            # The first job of a workflow installs for all: it costs more than the rest.
            if step.get("name") != "Install" or str(workflow) not in self._installed:
                state.take(step)
        self._installed.add(str(workflow))
        record.succeeded = state.code == 0
        summary = temporary / "summary"
        text = summary.read_text(encoding="utf-8") if summary.exists() else ""
        return Ended(state.code, state.output, record, text)


@dataclass
class _State:
    """A job that runs."""

    programs: Programs
    folder: Path
    temporary: Path
    values: dict[str, str]
    record: Run
    defaults: dict[str, Any]
    code: int = 0
    output: str = ""

    def take(self, step: dict[str, Any]) -> None:
        """Runs a step, unless its condition or an earlier failure forbids it."""
        condition = step.get("if", "")
        if self.code and "cancelled()" not in condition:
            return
        if condition and not _holds(condition, self.values):
            return
        if "run" in step:
            self._shell(step)
        elif step["uses"].startswith("actions/upload-artifact@"):
            self._upload(step["with"])
        else:
            assert step["uses"].startswith("actions/checkout@")

    def _shell(self, step: dict[str, Any]) -> None:
        assert self.defaults == {"run": {"shell": "bash"}}
        outputs, path = self.temporary / "outputs", self.temporary / "path"
        for file in (outputs, path):
            file.write_text("", encoding="utf-8")
        environ = {
            "GITHUB_EVENT_PATH": self.values.get("event", ""),
            "GITHUB_OUTPUT": str(outputs),
            "GITHUB_PATH": str(path),
            "GITHUB_REPOSITORY": REPOSITORY,
            "GITHUB_RUN_ID": str(self.record.number),
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_SHA": self.record.sha,
            "GITHUB_STEP_SUMMARY": str(self.temporary / "summary"),
            "RUNNER_TEMP": str(self.temporary),
        }
        environ |= {
            name: _filled(value, self.values) for name, value in step.get("env", {}).items()
        }
        assert "${{" not in step["run"], "an expression in a script can inject commands"
        done = self.programs.bash(step["run"], self.folder, environ, "-eo", "pipefail")
        self.code = self.code or done.code
        self.output += done.output
        for line in path.read_text(encoding="utf-8").splitlines():
            assert (Path(line) / "python").exists(), "the environment that this job made"
        for line in outputs.read_text(encoding="utf-8").splitlines():
            name, value = line.split("=", 1)
            self.values[f"steps.{step['id']}.outputs.{name}"] = value

    def _upload(self, asked: dict[str, Any]) -> None:
        assert 1 <= asked["retention-days"] <= 5
        assert (asked["if-no-files-found"], asked["overwrite"]) == ("error", True)
        kept = self.temporary / asked["path"]
        shutil.copy(self.folder / asked["path"], kept)
        self.record.artefacts[asked["name"]] = kept


def _filled(text: str, values: Mapping[str, str]) -> str:
    """A text with its expressions evaluated. An output that no step has set is empty."""

    def value(at: re.Match[str]) -> str:
        name = at[1]
        return values.get(name, "") if name.startswith("steps.") else values[name]

    return re.sub(r"\$\{\{ ([\w.]+) \}\}", value, text)


def _holds(condition: str, values: Mapping[str, str]) -> bool:
    """Comparisons joined by `&&`; all jobs of a test run to their end, so none is cancelled."""
    text = condition.removeprefix("${{ ").removesuffix(" }}")
    return all(_comparison(each, values) for each in text.split(" && "))


def _comparison(text: str, values: Mapping[str, str]) -> bool:
    if text == "!cancelled()":
        return True
    at = re.fullmatch(r"([\w.]+) (==|!=) ([\w.]+|'\w*')", text)
    assert at, text
    left, right = (
        each[1:-1] if each.startswith("'") else _filled(f"${{{{ {each} }}}}", values)
        for each in (at[1], at[3])
    )
    return (left == right) == (at[2] == "==")


def event(file: Path, head: str) -> str:
    """The path of the event file of a pull request."""
    file.write_text(json.dumps({"pull_request": {"head": {"sha": head}}}), encoding="utf-8")
    return str(file)
