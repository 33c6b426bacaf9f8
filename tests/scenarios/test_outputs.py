"""What programs and pipelines read: JSON by published schemas, --outputs, step summaries, the commit."""

import hashlib
import json
import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
from jsonschema.validators import Draft202012Validator

from reconcile.cli.formats import REPORTS
from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED

SCHEMAS = Path(__file__).parents[2] / "schemas"
NAMES = ("validate", "test", "preview", "plan", "report", "history", "review", "roles")
SOURCE = DESIRED["sources"][0]
PEOPLE: dict[str, Any] = {
    "ou=sales": None,
    "uid=ann,ou=sales": {"title": "@everyone"},
    "uid=bob,ou=sales": {"manager": "uid=ann,ou=sales"},
    "uid=cem": {"mail": None},
    "cn=team": {"member": ["uid=ann,ou=sales", "uid=gone"]},
    "cn=inner": {"member": ["uid=bob,ou=sales"]},
}
RULES: dict[str, Any] = {
    "groups": [{"source": "corp", "select": ["*", "cn=taem"]}],
    "departments": [{"source": "corp", "select": ["*"]}],
    "role_mappings": [{"groups": ["cn=team"], "role": "clerk"}],
    "sources": [
        SOURCE
        | {"users": {"create": "all", "attributes": [{"field": "job", "value": "{{ title }}"}]}}
    ],
}


def schema(name: str) -> Any:
    return json.loads((SCHEMAS / f"{name}-output.schema.json").read_text(encoding="utf-8"))


def closed(part: Any) -> Any:
    """The same schema where no key is allowed that it does not describe."""
    if isinstance(part, list):
        return list(map(closed, part))
    if not isinstance(part, dict):
        return part
    inner = {key: closed(value) for key, value in part.items()}
    if isinstance(part.get("properties"), dict) and "type" in part:
        inner["additionalProperties"] = False
    return inner


def valid(name: str, text: str) -> Any:
    """The document, which has all the keys of the schema that are required and no others."""
    document = json.loads(text)
    errors = Draft202012Validator(closed(schema(name))).iter_errors(document)
    assert [f"{error.json_path}: {error.message}" for error in errors] == []
    return document


@pytest.mark.parametrize("name", NAMES)
def test_every_key_of_a_schema_is_described(name: str) -> None:
    document = schema(name)
    Draft202012Validator.check_schema(document)
    missing = []

    def look(part: Any, place: str) -> None:
        if isinstance(part, dict):
            for key, value in part.get("properties", {}).items():
                target = value
                if "$ref" in value:
                    target = document["$defs"][value["$ref"].removeprefix("#/$defs/")]
                if "description" not in value and "description" not in target:
                    missing.append(f"{place}.{key}")
            for key, value in part.items():
                look(value, f"{place}.{key}")
        elif isinstance(part, list):
            for value in part:
                look(value, place)

    look(document, name)
    assert missing == []


def test_schemas_share_their_definitions() -> None:
    known: dict[str, Any] = {}
    for name in NAMES:
        for key, definition in schema(name).get("$defs", {}).items():
            assert known.setdefault(key, definition) == definition, (name, key)


def test_real_outputs_match_their_schemas(shell: Shell) -> None:
    shell.company(PEOPLE, **RULES)
    valid("validate", shell.run("validate", "--format", "json")[0])
    tested = valid("test", shell.run("test", "--format", "json")[0])
    assert tested["ok"] is True
    found = {rule["pattern"]: rule["number"] for rule in tested["rules"]}
    assert (found["cn=taem"], found["cn=team"]) == (0, 1)
    valid("preview", shell.run("preview", "--format", "json")[0])
    for arguments in (["plan"], ["plan", "--redact"], ["plan", "--out", "the.plan"]):
        made = valid("plan", shell.run(*arguments, "--format", "json")[0])
        assert made["summary"]["changes"] > 8
        assert made["skips"]
        assert made["notices"]
        assert made["readings"]
    valid("plan", shell.run("show", "the.plan", "--format", "json")[0])
    report = valid("report", shell.run("apply", "the.plan", "--yes", "--format", "json")[0])
    assert report["summary"]["applied"] == made["summary"]["changes"]
    # People leave: more than the guards allow.
    safety = {"limits": {"users_lost": "10%"}, "at_least": 1}
    shell.company({"uid=cem": None}, **RULES, safety=safety)
    refused = valid("plan", shell.run("plan", "--format", "json", code=4)[0])
    codes = [violation["code"] for violation in refused["violations"]]
    accept = [option for code in codes for option in ("--accept", code)]
    made = valid("plan", shell.run("plan", *accept, "--out", "b.plan", "--format", "json")[0])
    assert made["accepted"]
    valid("report", shell.run("apply", "b.plan", "--yes", "--format", "json")[0])
    runs = valid("history", shell.run("history", "--format", "json")[0])
    assert [bool(run["accepted"]) for run in runs] == [False, True]
    assert runs[1]["lost"]
    for arguments in ([runs[1]["run"]], ["--user", "ann"], ["--verify"]):
        assert valid("history", shell.run("history", *arguments, "--format", "json")[0])


def test_failures_match_their_schemas(shell: Shell) -> None:
    shell.company(PEOPLE, **RULES)
    (shell.folder / "corp.ldif").unlink()
    tested = valid("test", shell.run("test", "--format", "json", code=7)[0])
    assert tested["ok"] is False
    assert next(check["ok"] for check in tested["checks"]) is False
    (shell.folder / "reconcile.yml").write_text("version: 1\nx: [\n", encoding="utf-8")
    problems = valid("validate", shell.run("validate", "--format", "json", code=2)[0])
    assert problems["valid"] is False


def test_validate_for_pipelines(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.company({})
    assert json.loads(shell.run("validate", "--format", "gitlab")[0]) == []
    assert 'tests="1" failures="0"' in shell.run("validate", "--format", "junit")[0]
    assert shell.run("validate", "--format", "github")[0] == ""
    monkeypatch.setenv("CI_PROJECT_DIR", str(shell.folder.parent))
    (shell.folder / "reconcile.yml").write_text("version: 1\nplatfrom: {}\n", encoding="utf-8")
    report = json.loads(shell.run("validate", "--format", "gitlab", code=2)[0])
    places = {entry["location"]["path"] for entry in report}
    assert places == {f"{shell.folder.name}/reconcile.yml"}
    assert 'failures="3"' in shell.run("validate", "--format", "junit", code=2)[0]


def test_outputs_for_the_next_step(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.company(PEOPLE, **RULES)
    github = shell.folder / "github"
    github.write_text("other=1\n", encoding="utf-8")
    monkeypatch.setenv("GITHUB_OUTPUT", str(github))
    shell.run("plan", "--outputs", "plan.env", "--outputs", str(github), "--out", "the.plan")
    lines = (shell.folder / "plan.env").read_text(encoding="utf-8")
    assert github.read_text(encoding="utf-8") == f"other=1\n{lines}"
    outputs = dict(line.split("=") for line in lines.splitlines())
    assert outputs["changes"] == "true"
    assert int(outputs["to_add"]) > 8
    assert outputs["skips"] == "1"
    assert all(re.fullmatch(r"[\w:]+", value) for value in outputs.values())
    shown = shell.run("show", "the.plan", "--format", "markdown")[0].splitlines()[0]
    assert outputs["digest"] in shown, "the same digest everywhere"
    data = (shell.folder / "the.plan").read_bytes()
    assert outputs["digest"] == f"sha256:{hashlib.sha256(data).hexdigest()}"
    shell.run("apply", "the.plan", "--yes")
    shell.run("plan", "--outputs", "plan.env")
    assert (shell.folder / "plan.env").read_text(encoding="utf-8").startswith("changes=false\n")
    # A failure leaves nothing that an earlier plan wrote, and no other file is overwritten.
    _, err = shell.run("plan", "--outputs", "reconcile.yml", code=2)
    assert "it is not overwritten" in err
    (shell.folder / "corp.ldif").unlink()
    shell.run("plan", "--outputs", "plan.env", code=7)
    assert not (shell.folder / "plan.env").exists()
    shell.company(PEOPLE, **RULES)
    _, err = shell.run("plan", "--outputs", "no/such/folder", code=1)
    assert "no/such/folder cannot be written: No such file or directory" in err
    _, err = shell.run("plan", "--outputs", ".", code=2)


def test_a_step_summary_is_added_to(shell: Shell) -> None:
    shell.company(PEOPLE, **RULES)
    summary = shell.folder / "summary.md"
    summary.write_text("# Earlier\n", encoding="utf-8")
    shell.run("plan", "--summary", "summary.md", "--redact")
    text = summary.read_text(encoding="utf-8")
    assert text.startswith("# Earlier\n<!-- reconcile plan: main sha256:")
    assert "ann" not in text
    summary.write_text("x" * 999_900, encoding="utf-8")
    _, err = shell.run("plan", "--summary", "summary.md")
    assert "summary.md is full: the plan was not added to it" in err
    assert summary.stat().st_size == 999_900


def test_redacted_output_and_log_name_nobody(shell: Shell) -> None:
    shell.company(PEOPLE, **RULES)
    shell.run("plan", "--out", "the.plan")
    for form in ("text", "json", "markdown", "html"):
        for arguments in (["plan"], ["show", "the.plan"]):
            out, err = shell.run(*arguments, "--redact", "--format", form)
            assert not re.search(r"\b(ann|bob|cem|team|sales|taem|everyone)\b", out + err)
    assert "notice finds_nothing: -v logs the rest" in shell.run("plan", "--redact")[1]
    assert "taem" in shell.run("plan")[1], "only for the one command"
    _, err = shell.run("plan", "--redact", "-v", code=2)
    assert "--redact cannot be combined with -v" in err


NAME = re.compile(r"\b(ann|bob|cem|team|sales|taem|everyone)\b")


@pytest.mark.parametrize("form", REPORTS)
def test_a_redacted_report_names_nobody(shell: Shell, form: str) -> None:
    shell.company(PEOPLE, **RULES)
    out, err = shell.run("apply", "--yes", "--redact", "--format", form)
    assert not NAME.search(out + err)
    assert "3" in out  # the counts stay
    _, err = shell.run("apply", "--redact", code=2)
    assert "--redact hides what you would be asked about: use --yes, too" in err
    _, err = shell.run("apply", "--yes", "--redact", "-v", code=2)
    assert "--redact cannot be combined with -v" in err


COMMIT = "1" * 40


def test_the_commit_of_the_marker(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("GITHUB_EVENT_PATH", "GITHUB_SHA", "CI_COMMIT_SHA"):
        monkeypatch.delenv(name, raising=False)

    def commit(*arguments: str) -> str:
        out, _ = shell.run("plan", "--format", "markdown", *arguments)
        return out.splitlines()[0].removesuffix(" -->").partition(" commit:")[2]

    shell.company(PEOPLE)
    assert commit() == "", "nothing is known"
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com", "-C", str(shell.folder)]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    assert commit() == head.stdout.strip()
    monkeypatch.setenv("CI_COMMIT_SHA", "2" * 40)
    assert commit() == "2" * 40
    event = shell.folder / "event.json"
    monkeypatch.setenv("GITHUB_EVENT_PATH", str(event))
    for text in ("", "[]", '{"pull_request": {"head": {"sha": "--><b>"}}}', '{"pull_request": 1}'):
        event.write_text(text, encoding="utf-8")
        assert commit() == "2" * 40
    event.write_text(json.dumps({"pull_request": {"head": {"sha": COMMIT}}}), encoding="utf-8")
    assert commit() == COMMIT
    assert commit("--commit", "abcdef0") == "abcdef0"
    _, err = shell.run("plan", "--commit", "HEAD", code=2)
    assert "is not a Git commit" in err
