"""Of a file that is no desired state nothing is shown; of one that is, no more than the place of the fault."""

from pathlib import Path

import pytest

from reconcile.config.secrets import secret
from reconcile.errors import PROBLEMS_SHOWN, ConfigError, Problem
from tests.unit.config.reading import HEAD, said

KEY = "bm90YXNlY3JldGtleQ"
SECRET = "hunter2"
FOREIGN = {
    "shadow": "root:$6$hunter2$abc:20228:0:99999:7:::\ndaemon:*hunter2:20228:0:99999:7:::\n",
    "passwd as a mapping": "root: hunter2\ndaemon: hunter2\n",
    "an alias": "a: *hunter2\n",
    "an anchor within itself": "a: &hunter2 [*hunter2]\n",
    "a tag": "a: !hunter2 x\nb: [\n",
    "twice": "hunter2: x\nhunter2: y\nb: {\n",
    "a private key": f"-----BEGIN PRIVATE KEY-----\n{KEY}\n-----END PRIVATE KEY-----\n",
    "a private key with headers": f"-----BEGIN RSA KEY-----\nProc-Type: 4,{SECRET}\n\n{KEY}\n-----END RSA KEY-----\n",
    "an environment file": "PASSWORD=hunter2\nexport OTHER='hunter2'\n",
    "an ini file": "[client]\npassword = hunter2\n",
    "JSON": '{"password": "hunter2", "password": "hunter2"}',
    "a script": "#!/bin/sh\ncurl -u joe:hunter2 http://x/%hunter2\n",
    "a template": "{{ hunter2 }}\n",
    "a list": "- hunter2\n- hunter2: x\n",
    "an unknown escape": 'a: "\\hunter2"\n',
}


@pytest.mark.parametrize("content", FOREIGN.values(), ids=FOREIGN)
def test_nothing_of_another_file_is_shown(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.yml").write_text(content, encoding="utf-8")
    told = said(tmp_path / "a.yml")
    assert told
    for line in told:
        assert SECRET not in line
        assert KEY not in line
        assert line.startswith("a.yml")
    assert len(told) <= 4


def test_beside_a_desired_state_nothing_of_it_is_shown_either(tmp_path: Path) -> None:
    (tmp_path / "a.yml").write_text(HEAD, encoding="utf-8")
    (tmp_path / "b.yml").write_text("root: hunter2\n", encoding="utf-8")
    assert "hunter2" not in "".join(said(tmp_path))


@pytest.mark.parametrize(
    "fault",
    [
        "sources: [",
        "colour: hunter2",
        "version: 1",
        "safety: {at_least: hunter2}",
        "vars: {a: '{{ 1 + }}'}",
    ],
)
def test_of_a_desired_state_only_the_place_is_shown(tmp_path: Path, fault: str) -> None:
    (tmp_path / "a.yml").write_text(f"{HEAD}{fault}\n", encoding="utf-8")
    told = "\n".join(said(tmp_path / "a.yml"))
    assert "a.yml:" in told
    assert "example.com" not in told
    assert "hunter2" not in told


def test_of_very_many_problems_the_first_are_told() -> None:
    many = [Problem("a.yml", line, 1, "", "wrong") for line in range(1, PROBLEMS_SHOWN + 6)]
    lines = str(ConfigError(many)).splitlines()
    assert len(lines) == PROBLEMS_SHOWN + 1
    assert lines[-1] == "… and 5 more"
    assert len(str(ConfigError(many[:PROBLEMS_SHOWN])).splitlines()) == PROBLEMS_SHOWN


@pytest.mark.parametrize("digits", ["9" * 400, "9" * 5000])
def test_numbers_of_any_length_are_told_in_one_line(tmp_path: Path, digits: str) -> None:
    for line in (
        f"lifecycle: {{on_missing: {{action: block, after: {digits}d, then: erase}}}}",
        f"safety: {{window: {digits}d}}",
        f"safety: {{at_least: {digits}}}",
        f"safety: {{limits: {{users_lost: {digits}%}}}}",
        f"schedule: '{digits} * * * *'",
        f"schedule: daily at {digits}:00",
    ):
        (tmp_path / "a.yml").write_text(f"{HEAD}{line}\n", encoding="utf-8")
        told = said(tmp_path / "a.yml")
        assert told.pop(0).endswith("the key `sources` is missing")
        assert len(told) <= 1, line[:30]
        assert len("".join(told)) < 300


@pytest.mark.parametrize(
    "text", ["://:" * 15_000, "?pwd=" * 10_000, "x://" + ":" * 60_000, "{{" * 30_000]
)
def test_a_url_that_is_too_long_is_hidden_as_a_whole(text: str) -> None:
    assert secret.masked(text) == "***"
    assert secret.password_expressions(text) is None
