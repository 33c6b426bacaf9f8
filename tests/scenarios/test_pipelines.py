"""The examples of pipelines: their jobs are run as they stand, beside stand-ins for GitHub and GitLab."""

import re
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from tests.forge import gitlab
from tests.forge.github import GitHub
from tests.forge.gitlab import GitLab, Job, Runner
from tests.forge.on_github import WORKFLOWS, OnGitHub, python
from tests.forge.programs import Answer, Programs
from tests.forge.repository import Repository
from tests.scenarios.stage import BASE, ldif
from tests.servers.forking import Execute

TOP = Path(__file__).parents[2]
JOBS = TOP / "examples" / "gitops" / "gitlab" / ".gitlab-ci.yml"
STAFF: Final = {
    "uid=ann": {},
    "uid=bob": {},
    "uid=cleo": {},
    "cn=admins": {"member": ["uid=ann"]},
}
ADMINS: Final = {"role": "administrator", "source": "corp", "groups": [f"cn=admins,{BASE}"]}
OPERATORS: Final = {"role": "operator", "default": True}
MARKER: Final = "<!-- reconcile plan: main sha256:"


class Company:
    """A directory, a platform, and a repository with the rules."""

    def __init__(self, folder: Path, execute: Execute) -> None:
        self.folder = folder
        self._execute = execute
        self.repository = Repository(folder)
        (folder / "company.ldif").write_text(ldif(STAFF), encoding="utf-8")
        self.main = self.repository.commit(self.state(OPERATORS), "Everyone is an operator")
        code, _, errors = execute(["apply", "--yes"], self._identity, {}, "")
        assert code == 0, errors

    @property
    def _identity(self) -> Path:
        return self.repository.folder / "identity"

    def state(self, *mappings: Mapping[str, Any], **users: Any) -> dict[str, Any]:
        """A desired state with these role mappings."""
        source = {
            "name": "corp",
            "type": "ldif",
            "files": [str(self.folder / "company.ldif")],
            "base_dn": BASE,
            "users": {"create": "all", **users},
        }
        platform = {"type": "sql", "url": f"sqlite:///{self.folder / 'platform.db'}"}
        roles = {"role_mappings": list(mappings)}
        return {"version": 1, "platform": platform, "sources": [source], **roles}

    def reconcile(
        self, arguments: Sequence[str], folder: Path, environ: Mapping[str, str]
    ) -> Answer:
        """The command, for a step of a pipeline."""
        return self._execute(arguments, folder, environ, "")

    def another_plan(self, sha: str) -> bytes:
        """A sound plan of this commit that nobody has reviewed."""
        arguments = ["plan", "identity", "--target", "user:ann", "--out", "another.plan"]
        folder = self.repository.checkout(sha)
        code, _, errors = self._execute(arguments, folder, {}, "")
        assert code == 0, errors
        return (folder / "another.plan").read_bytes()

    def roles(self) -> dict[str, str]:
        """The role of each user."""
        query = "select username, roles.name from users join grants on user_id = users.id join roles on role_id = roles.id"
        return dict(self.sql(query))

    def sql(self, statement: str) -> list[Any]:
        """Reads or changes the platform by hand."""
        with closing(sqlite3.connect(self.folder / "platform.db")) as connection, connection:
            return connection.execute(statement).fetchall()


@pytest.fixture
def company(tmp_path: Path, quick: Execute) -> Company:
    return Company(tmp_path, quick)


@pytest.fixture
def on_github(company: Company) -> Iterator[OnGitHub]:
    forge = GitHub()
    answers = {"gh": forge.gh, "python": python, "python3": python, "reconcile": company.reconcile}
    with Programs(company.folder / "programs", answers) as programs:
        yield OnGitHub(company.repository, programs, forge, company.folder)


def test_github(on_github: OnGitHub, company: Company) -> None:
    """A pull request from its first plan to its apply, and a night after it."""
    _planned(on_github, company)
    merged = _refused(on_github, company)
    _applied(on_github, company, merged)
    _stale(on_github, company)
    _drift(on_github, company)


def _planned(at: OnGitHub, company: Company) -> None:
    """A fork is validated only. The first plan is a new comment, the second one updates it."""
    at.say("mallory", f"{MARKER}{'0' * 64} commit:{'0' * 40} -->\nhello")
    at.say("mallory", "hello again")
    first = company.repository.commit(company.state(ADMINS, OPERATORS), "Administrators")
    assert at.plan(first, fork=True) is None
    assert at.plan(first, fork=True, job="validate").code == 0

    ended = at.plan(first)
    assert (ended.code, list(ended.run.artefacts)) == (0, ["plan"]), ended.output
    assert at.comment().startswith(MARKER)
    assert f"commit:{first} -->" in at.comment()
    assert "Plan: " in ended.summary

    # What a guard refuses is commented and not kept, so nothing can apply it.
    nobody = company.state(ADMINS, OPERATORS, exclude=["uid=*"])
    second = company.repository.commit(nobody, "Nobody")
    ended = at.plan(second)
    assert (ended.code, ended.run.artefacts) == (4, {}), ended.output
    assert "would be lost" in at.comment()
    assert f"commit:{second} -->" in at.comment()
    ended = at.job("apply", at.merge(second, nobody))
    assert (ended.code, f"has not succeeded for {second}. Re-run" in ended.output) == (1, True)

    # Files that are not valid are no plan, and no comment.
    typo = company.repository.commit({"version": 1, "sauces": []}, "Typo")
    assert (at.plan(typo).code, f"commit:{second} -->" in at.comment()) == (2, True)
    ended = at.plan(typo, job="validate")
    assert (ended.code, "::error file=identity/reconcile.yml" in ended.output) == (2, True)


def _refused(at: OnGitHub, company: Company) -> str:
    """Only the reviewed plan of the merged commit is applied. Returns that commit."""
    wanted = company.state(ADMINS, OPERATORS)
    head = company.repository.commit(wanted, "Administrators and operators")
    merged = at.merge(head, wanted)
    ended = at.job("apply", merged)
    assert (ended.code, f"No comment has the plan of {head}" in ended.output) == (1, True)

    run = at.plan(head).run
    ended = at.job("apply", company.repository.commit(wanted, "Pushed without a pull request"))
    assert (ended.code, "nobody has reviewed a plan" in ended.output) == (1, True)

    plan = run.artefacts["plan"]
    original = plan.read_bytes()
    plan.write_bytes(company.another_plan(head))
    ended = at.job("apply", merged)
    assert (ended.code, "is not the plan file that was expected" in ended.output) == (2, True)
    plan.write_bytes(original)

    del run.artefacts["plan"]
    ended = at.job("apply", merged)
    assert (ended.code, "it may have expired. Re-run" in ended.output) == (1, True)
    run.artefacts["plan"] = plan

    at.variables["vars.ALLOWED_SIGNERS"] = "ann@example.com ssh-ed25519 AAAA"
    ended = at.job("apply", merged)
    assert (ended.code, "has to be signed by 1 person" in ended.output) == (2, True)
    at.variables["vars.ALLOWED_SIGNERS"] = ""
    assert set(company.roles().values()) == {"operator"}
    return merged


def _applied(at: OnGitHub, company: Company, merged: str) -> None:
    """The plan is applied once; a job that is started again does no harm."""
    reviewed = at.comment()
    ended = at.job("apply", merged)
    assert (ended.code, "Done: " in ended.summary) == (0, True), ended.output
    assert company.roles() == {"ann": "administrator", "bob": "operator", "cleo": "operator"}
    ended = at.job("apply", merged)
    assert (ended.code, "already applied" in ended.output + ended.summary) == (0, True)
    assert at.comment() == reviewed


def _stale(at: OnGitHub, company: Company) -> None:
    """A plan that the platform has overtaken is not applied."""
    wanted = company.state(ADMINS, OPERATORS, exclude=["uid=cleo"])
    head = company.repository.commit(wanted, "Without cleo")
    assert at.plan(head).code == 0
    company.sql("update users set status = 'blocked', status_origin = null where username = 'cleo'")
    ended = at.job("apply", at.merge(head, wanted))
    assert (ended.code, "::error::The plan is stale. Re-run the workflow plan" in ended.output) == (
        5,
        True,
    )


def _drift(at: OnGitHub, company: Company) -> None:
    """One issue for as long as there is drift."""
    issues = at.forge.issues
    main = company.repository.commit(company.state(ADMINS, OPERATORS), "As it was")
    assert at.job("drift", main).code == 0
    assert issues == {}

    for night in ("First", "Second"):
        company.sql(f"update users set first_name = '{night}' where username = 'bob'")
        ended = at.job("drift", main)
        assert ended.code == 3, ended.output
        (issue,) = issues.values()
        assert issue.title == "The platform is not as it should be"
        assert "0 to add, 1 to change, 0 to remove" in issue.body
        assert f"actions/runs/{ended.run.number}, for 5 days" in issue.body
        assert "bob" not in issue.body
        assert "bob" in ended.run.artefacts["drift"].read_text(encoding="utf-8")

    company.sql("update users set first_name = 'The' where username = 'bob'")
    assert at.job("drift", main).code == 0
    assert (issue.state, len(issues), len(issue.comments)) == ("closed", 1, 1)
    (company.folder / "company.ldif").unlink()
    assert at.job("drift", main).code == 7
    assert len(issues) == 1


class OnGitLab:
    """What happens in the repository on GitLab."""

    def __init__(self, company: Company, programs: Programs, forge: GitLab) -> None:
        self.company = company
        self.forge = forge
        self._runner = Runner(forge, programs, JOBS, company.folder / "artefacts")

    def plan(self, head: str, job: str = "plan", **variables: str) -> Job | None:
        """Merge request 5 has a new head, and a pipeline runs for it."""
        number = len(self.forge.pipelines) + 1
        self.forge.pipelines.insert(0, {"id": number, "source": "merge_request_event"})
        merge_request = {
            "CI_COMMIT_SHA": head,
            "CI_MERGE_REQUEST_IID": "5",
            "CI_MERGE_REQUEST_PROJECT_ID": gitlab.PROJECT,
            "CI_MERGE_REQUEST_SOURCE_PROJECT_ID": gitlab.PROJECT,
            "CI_PIPELINE_ID": str(number),
            "CI_PIPELINE_SOURCE": "merge_request_event",
            "CI_PROJECT_ID": gitlab.PROJECT,
        }
        return self._run(job, head, {**merge_request, **variables})

    def apply(self, sha: str, **variables: str) -> Job:
        """Main has a new commit."""
        branch = {
            "CI_COMMIT_BRANCH": "main",
            "CI_COMMIT_SHA": sha,
            "CI_DEFAULT_BRANCH": "main",
            "CI_PIPELINE_SOURCE": "push",
            "CI_PROJECT_ID": gitlab.PROJECT,
        }
        return self._run("apply", sha, {**branch, **variables})

    def drift(self, sha: str) -> Job:
        """A night."""
        night = {"CI_PIPELINE_SOURCE": "schedule", "CI_PROJECT_ID": gitlab.PROJECT}
        return self._run("drift", sha, night)

    def _run(self, job: str, sha: str, variables: Mapping[str, str]) -> Job | None:
        return self._runner.run(job, self.company.repository.checkout(sha), variables)

    def note(self) -> str:
        """The note of the job, which is one."""
        (note,) = (each for each in self.forge.notes if each["author"]["id"] == gitlab.BOT)
        return note["body"]

    def merge(self, head: str, state: dict[str, Any]) -> str:
        """Merges the request by a new commit; returns it."""
        merged = self.company.repository.commit(state, "Merged")
        request = {"iid": 5, "state": "merged", "sha": head, "merge_commit_sha": merged}
        self.forge.requests.append({**request, "squash_commit_sha": None})
        return merged


@pytest.fixture
def on_gitlab(company: Company) -> Iterator[OnGitLab]:
    forge = GitLab()
    answers = {"curl": forge.curl, "reconcile": company.reconcile}
    with Programs(company.folder / "programs", answers) as programs:
        yield OnGitLab(company, programs, forge)


def test_gitlab(on_gitlab: OnGitLab) -> None:
    """A merge request from its first plan to its apply, and a night after it."""
    at, company = on_gitlab, on_gitlab.company
    for number in range(4):
        at.forge.say(666, f"{MARKER}{number:064} commit:{'0' * 40} -->\nhello")

    # A fork is validated only, in its own project and in this one. A merge train plans nothing again.
    wanted = company.state(ADMINS, OPERATORS)
    head = company.repository.commit(wanted, "Administrators")
    for project in ("99", gitlab.PROJECT):
        fork = {"CI_MERGE_REQUEST_SOURCE_PROJECT_ID": "99", "CI_PROJECT_ID": project}
        assert at.plan(head, **fork) is None
    assert at.plan(head, CI_MERGE_REQUEST_EVENT_TYPE="merge_train") is None
    job = at.plan(head, "validate", **fork)
    assert (job.code, job.artefacts["gl-code-quality-report.json"].read_text()) == (0, "[]\n")

    # What a guard refuses is noted and not kept. The next plan updates the note.
    nobody = company.state(ADMINS, OPERATORS, exclude=["uid=*"])
    refused = company.repository.commit(nobody, "Nobody")
    job = at.plan(refused)
    assert (job.code, job.artefacts, "would be lost" in at.note()) == (4, {}, True), job.output
    typo = company.repository.commit({"version": 1, "sauces": []}, "Typo")
    assert (at.plan(typo).code, f"commit:{refused} -->" in at.note()) == (2, True)
    job = at.plan(typo, "validate")
    assert (job.code, "sauces: unknown key" in job.output) == (2, True)
    assert '"identity/reconcile.yml"' in job.artefacts["gl-code-quality-report.json"].read_text()
    job = at.apply(at.merge(refused, nobody))
    assert (job.code, f"has not succeeded for {refused}. Run" in job.output) == (1, True)

    _applied_on_gitlab(at, head, wanted)
    _stale_on_gitlab(at)
    _drift_on_gitlab(at, company.repository.commit(company.state(ADMINS, OPERATORS), "As it was"))


def _applied_on_gitlab(at: OnGitLab, head: str, wanted: dict[str, Any]) -> None:
    """Only the reviewed plan of the merged commit is applied."""
    company = at.company
    job = at.plan(head)
    assert (job.code, sorted(job.artefacts)) == (0, ["plan.env", "the.plan"]), job.output
    assert (at.note().startswith(MARKER), f"commit:{head} -->" in at.note()) == (True, True)
    assert "changes=true\n" in job.artefacts["plan.env"].read_text(encoding="utf-8")
    merged = at.merge(head, wanted)
    other = company.repository.commit(wanted, "Pushed without a merge request")
    ended = at.apply(other)
    assert (ended.code, "nobody has reviewed a plan" in ended.output) == (1, True)
    original = job.artefacts["the.plan"].read_bytes()
    job.artefacts["the.plan"].write_bytes(company.another_plan(head))
    ended = at.apply(merged)
    assert (ended.code, "is not the plan file that was expected" in ended.output) == (2, True)
    job.artefacts["the.plan"].write_bytes(original)
    signers = company.folder / "signers"
    signers.write_text("ann@example.com ssh-ed25519 AAAA\n", encoding="utf-8")
    signers.chmod(0o666)  # as a runner may create it
    ended = at.apply(merged, ALLOWED_SIGNERS=str(signers))
    assert (ended.code, "has to be signed by 1 person" in ended.output) == (2, True)
    assert set(company.roles().values()) == {"operator"}
    ended = at.apply(merged)
    assert (ended.code, "Done: " in ended.output) == (0, True), ended.output
    assert company.roles() == {"ann": "administrator", "bob": "operator", "cleo": "operator"}


def _stale_on_gitlab(at: OnGitLab) -> None:
    """The platform overtakes a plan, and its artefact expires."""
    company = at.company
    wanted = company.state(ADMINS, OPERATORS, exclude=["uid=cleo"])
    head = company.repository.commit(wanted, "Without cleo")
    job = at.plan(head)
    merged = at.merge(head, wanted)
    company.sql("update users set status = 'blocked', status_origin = null where username = 'cleo'")
    ended = at.apply(merged)
    assert (ended.code, "The plan is stale. Run the job plan" in ended.output) == (5, True)
    del job.artefacts["the.plan"]
    ended = at.apply(merged)
    assert (ended.code, "it may have expired. Run" in ended.output) == (1, True)


def _drift_on_gitlab(at: OnGitLab, main: str) -> None:
    """One issue for as long as there is drift."""
    company, issues = at.company, at.forge.issues
    assert (at.drift(main).code, issues) == (0, [])
    for night in ("First", "Second"):
        company.sql(f"update users set first_name = '{night}' where username = 'bob'")
        job = at.drift(main)
        assert job.code == 3, job.output
        (issue,) = issues
        assert (issue["labels"], issue["state"]) == (["reconcile-drift"], "opened")
        assert "0 to add, 1 to change, 0 to remove" in issue["description"]
        assert f"jobs/{job.number}, for 5 days" in issue["description"]
        assert "bob" not in issue["description"]
        assert "bob" in job.artefacts["drift.html"].read_text(encoding="utf-8")
    company.sql("update users set first_name = 'The' where username = 'bob'")
    assert (at.drift(main).code, issue["state"], len(issues)) == (0, "closed", 1)


def lint(*command: str) -> None:
    """A linter of this environment finds nothing."""
    done = subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        cwd=TOP,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


WORKFLOW_FILES: Final = [str(file) for file in sorted(WORKFLOWS.glob("*.yml"))]
YAMLLINT: Final = """
extends: default
rules:
  braces: {max-spaces-inside: 1}
  comments: {min-spaces-from-content: 1}
  document-start: disable
  line-length: disable
  truthy: {check-keys: false}
"""


@pytest.mark.parametrize(
    "command",
    [
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOW_FILES],
        [
            "check-jsonschema",
            *("--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci", str(JOBS)),
        ],
        ["zizmor", "--offline", "--quiet", "--persona", "auditor", *WORKFLOW_FILES],
        ["yamllint", "--strict", "-d", YAMLLINT, "examples/gitops", ".pre-commit-hooks.yaml"],
        ["pre-commit", "validate-manifest", ".pre-commit-hooks.yaml"],
    ],
    ids=lambda command: f"{command[0]} {Path(command[-1]).name}",
)
def test_linters_find_nothing(command: list[str]) -> None:
    lint(*command)


def test_the_hooks_run_this_command() -> None:
    hooks = yaml.safe_load((TOP / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))
    assert {hook["entry"] for hook in hooks} == {"reconcile validate"}
    assert not any(hook["pass_filenames"] for hook in hooks)


def test_the_image_runs_without_root() -> None:
    lines = [
        line.split()
        for line in (TOP / "Containerfile").read_text(encoding="utf-8").splitlines()
        if line and not line.startswith(("#", " "))
    ]
    bases = [words[1] for words in lines if words[0] == "FROM"]
    assert len(set(bases)) == 1
    assert all(base.count(":") == 1 and not base.endswith(":latest") for base in bases)
    users = [words[1] for words in lines if words[0] == "USER"]
    assert users
    assert all(user.isdigit() and int(user) >= 1000 for user in users), "Kubernetes checks numbers"
    assert lines[-2:] == [["ENTRYPOINT", '["reconcile"]'], ["CMD", '["--help"]']]
    needed = {"curl", "git", "jq", "openssh-client"}
    text = (TOP / "Containerfile").read_text(encoding="utf-8")
    assert needed <= set(text.partition("--no-install-recommends ")[2].split("\\")[0].split())


def test_the_page_explains_the_messages_of_the_pipelines() -> None:
    """What a job says when it applies nothing is in the table of the page, as it says it."""
    page = (TOP / "docs" / "gitops.md").read_text(encoding="utf-8")
    explained = re.findall(r"^\| `([^`…]+)", page.partition("## What goes wrong")[2], re.MULTILINE)
    said = re.findall(r"::error::(\D[^$]+)", (WORKFLOWS / "apply.yml").read_text(encoding="utf-8"))
    assert len(said) == 5
    for message in said:
        if not message.startswith("The plan is stale"):
            assert any(message.startswith(start.strip()) for start in explained), message
