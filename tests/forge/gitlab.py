"""GitLab: the jobs of a pipeline, and what `curl` asks of its API."""

import argparse
import json
import re
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

import yaml

from tests.forge.programs import Answer, Programs

API: Final = "https://gitlab.example.com/api/v4"
PROJECT: Final = "42"
BOT: Final = 7
TOKEN: Final = "glpat-token"
_PAGE: Final = 4


@dataclass
class Job:
    """A job that ran."""

    number: int
    name: str
    pipeline: int
    code: int
    output: str
    artefacts: dict[str, Path] = field(default_factory=dict)


class GitLab:
    """What the project holds."""

    def __init__(self) -> None:
        self.notes: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.jobs: list[Job] = []
        self.pipelines: list[dict[str, Any]] = []
        self.issues: list[dict[str, Any]] = []
        self._query: dict[str, str] = {}

    def say(self, author: int, body: str) -> None:
        """Somebody writes a note on the merge request."""
        self.notes.append({"id": 500 + len(self.notes), "author": {"id": author}, "body": body})

    def curl(self, arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Answer:
        """The command `curl`."""
        asked = _parser().parse_args(arguments)
        assert asked.header == [f"Authorization: Bearer {TOKEN}"]
        assert asked.fail
        assert asked.show_error
        url = urlsplit(asked.url)
        query = self._query = dict(parse_qsl(url.query))
        sent = dict(_sent(each, folder) for each in asked.data + asked.data_urlencode)
        path = f"{url.scheme}://{url.netloc}{url.path}".removeprefix(f"{API}/")
        path = path.removeprefix(f"projects/{PROJECT}/")
        for method, pattern, answer in self._routes():
            if method == asked.request and (at := re.fullmatch(pattern, path)):
                data = answer(*at.groups(), **(sent if method != "GET" else {}))
                return _answered(data, asked, query, folder)
        return 22, "", f"curl: (22) The requested URL returned error: 404 {asked.request} {path}\n"

    def _routes(self) -> list[tuple[str, str, Callable[..., Any]]]:
        return [
            ("GET", r"user", lambda: {"id": BOT}),
            ("GET", r"merge_requests/5/notes", lambda: self.notes),
            ("POST", r"merge_requests/5/notes", lambda body: self.say(BOT, body)),
            ("PUT", r"merge_requests/5/notes/(\d+)", self._edit_note),
            ("GET", r"repository/commits/([0-9a-f]{40})/merge_requests", lambda _: self.requests),
            ("GET", r"merge_requests/5/pipelines", lambda: self.pipelines),
            ("GET", r"pipelines/(\d+)/jobs", self._jobs),
            ("GET", r"jobs/(\d+)/artifacts/([\w.]+)", self._artefact),
            ("GET", r"issues", self._open_issues),
            ("POST", r"issues", self._open_issue),
            ("PUT", r"issues/(\d+)", self._edit_issue),
        ]

    def _edit_note(self, number: str, body: str) -> None:
        (note,) = (each for each in self.notes if each["id"] == int(number))
        assert note["author"]["id"] == BOT
        note["body"] = body

    def _jobs(self, pipeline: str) -> list[dict[str, Any]]:
        return [
            {"id": each.number, "name": each.name, "status": "failed" if each.code else "success"}
            for each in self.jobs
            if each.pipeline == int(pipeline)
        ]

    def _artefact(self, job: str, name: str) -> Path | None:
        (made,) = (each for each in self.jobs if each.number == int(job))
        return made.artefacts.get(name)

    def _open_issues(self) -> list[dict[str, Any]]:
        labels, state = self._query["labels"], self._query["state"]
        return [each for each in self.issues if labels in each["labels"] and each["state"] == state]

    def _open_issue(self, labels: str, title: str, description: str) -> None:
        issue = {"iid": len(self.issues) + 1, "state": "opened", "labels": [labels]}
        self.issues.append(issue | {"title": title, "description": description})

    def _edit_issue(self, number: str, state_event: str = "", **changed: str) -> None:
        issue = self.issues[int(number) - 1]
        issue |= changed
        if state_event:
            assert state_event == "close"
            issue["state"] = "closed"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(allow_abbrev=False)
    parser.add_argument("url")
    for flag in ("silent", "show-error", "fail", "location", "create-dirs"):
        parser.add_argument(f"--{flag}", action="store_true")
    for option in ("header", "data", "data-urlencode"):
        parser.add_argument(f"--{option}", action="append", default=[])
    for option in ("dump-header", "output"):
        parser.add_argument(f"--{option}")
    parser.add_argument("--request", default="GET")
    return parser


def _sent(text: str, folder: Path) -> tuple[str, str]:
    """A name and its value, or `name@file`."""
    at = re.fullmatch(r"(\w+)([=@])(.*)", text, re.DOTALL)
    assert at, text
    value = at[3] if at[2] == "=" else (folder / at[3]).read_text(encoding="utf-8")
    assert value
    return at[1], value


def _answered(data: Any, asked: argparse.Namespace, query: dict[str, str], folder: Path) -> Answer:
    if data is None and asked.request == "GET":
        return 22, "", "curl: (22) The requested URL returned error: 404\n"
    if isinstance(data, Path):
        target = folder / asked.output
        assert asked.create_dirs
        target.parent.mkdir(exist_ok=True)
        shutil.copy(data, target)
        return 0, "", ""
    headers = ["HTTP/2 200"]
    if "page" in query:
        page = int(query["page"])
        more = len(data) > page * _PAGE
        data = data[(page - 1) * _PAGE : page * _PAGE]
        headers.append(f"x-next-page: {page + 1 if more else ''}")
    if asked.dump_header:
        (folder / asked.dump_header).write_text("\r\n".join([*headers, "", ""]), encoding="utf-8")
    return 0, "" if asked.output == "/dev/null" else json.dumps(data), ""


class Runner:
    """Runs jobs as the runner of GitLab does: all lines of a job in one shell."""

    def __init__(self, gitlab: GitLab, programs: Programs, file: Path, kept: Path) -> None:
        self._gitlab = gitlab
        self._programs = programs
        self._jobs = yaml.safe_load(file.read_text(encoding="utf-8"))
        self._kept = kept

    def run(self, name: str, folder: Path, variables: Mapping[str, str]) -> Job | None:
        """One job in a checkout; None if its rules leave it out."""
        work = self._jobs[name]
        if not _wanted(work["rules"], variables):
            return None
        base = self._jobs[work["extends"]] if "extends" in work else {}
        lines = [*base.get("before_script", []), *work["script"]]
        number = 900 + len(self._gitlab.jobs)
        environ = {
            "CI_API_V4_URL": API,
            "CI_JOB_URL": f"https://gitlab.example.com/acme/identity/-/jobs/{number}",
            "CI_PROJECT_DIR": str(folder),
            "GITLAB_TOKEN": TOKEN,
            **variables,
        }
        done = self._programs.bash("\n".join(lines), folder, environ, "-eo", "pipefail")
        pipeline = int(variables.get("CI_PIPELINE_ID", "0"))
        job = Job(number, name, pipeline, done.code, done.output)
        self._keep(work.get("artifacts", {}), folder, job)
        self._gitlab.jobs.append(job)
        return job

    def _keep(self, asked: dict[str, Any], folder: Path, job: Job) -> None:
        when = asked.get("when", "on_success")
        if when != "always" and (when == "on_success") != (job.code == 0):
            return
        paths = [*asked.get("paths", []), *asked.get("reports", {}).values()]
        assert not asked.get("paths") or asked["expire_in"] == "5 days"
        for path in paths:
            kept = self._kept / str(job.number)
            kept.mkdir(parents=True, exist_ok=True)
            job.artefacts[path] = kept / path
            shutil.copy(folder / path, kept / path)


def _wanted(rules: Sequence[Mapping[str, str]], variables: Mapping[str, str]) -> bool:
    """The first rule that holds decides."""
    for rule in rules:
        if all(_comparison(each, variables) for each in rule["if"].split(" && ")):
            return rule.get("when") != "never"
    return False


def _comparison(text: str, variables: Mapping[str, str]) -> bool:
    at = re.fullmatch(r'\$(\w+) == (?:"(\w+)"|\$(\w+))', text)
    assert at, text
    return variables.get(at[1], "") == (at[2] or variables.get(at[3], ""))
