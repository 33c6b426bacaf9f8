"""Problems of desired-state files for pipelines."""

import json
from pathlib import PurePath
from xml.etree import ElementTree as ET

from reconcile.errors import Problem
from reconcile.render import problems as rendering

EVIL = 'x"<>&\x1b[2J\n::error::y ##[command] \ufffe'


def many(number: int) -> list[Problem]:
    return [Problem("a.yml", line, 1, "x", f"problem {line}") for line in range(1, number + 1)]


def test_github_shows_ten_and_counts_the_rest() -> None:
    assert rendering.github([]) == ""
    assert rendering.github(many(10)).count("::error file=a.yml") == 10
    lines = rendering.github(many(25)).splitlines()
    assert [line.startswith("::error") for line in lines] == [True] * 10 + [False] * 25
    assert lines[9] == "::error::and 16 more problems: the log of this step has all of them"
    assert lines[-1] == "- a.yml:25:1: x: problem 25"


def test_no_problem_is_a_command_of_github() -> None:
    evil = [Problem(EVIL, 1, 1, EVIL, EVIL)] * 11
    lines = rendering.github(evil).splitlines()
    assert len(lines) == 10 + 11
    for line in lines[10:]:
        assert line.startswith("- ")
        assert "##[" not in line
    for line in lines[:9]:
        assert line.startswith('::error file=x"<>&\x1b[2J%0A%3A%3Aerror%3A%3Ay ##[command] ')


def test_gitlab_names_files_by_the_repository_and_problems_without_lines() -> None:
    root, folder = PurePath("/repository"), PurePath("/repository/identity")
    same = Problem("./rules/../a.yml", 3, 1, "x", "wrong")
    whole = Problem("../b.yml", 0, 0, "", EVIL)
    outside = Problem("/etc/a.yml", 1, 1, "x", "wrong")
    found = [same, whole, outside, same._replace(line=9)]
    report = json.loads(rendering.gitlab(found, root, folder))
    assert [entry["location"] for entry in report] == [
        {"path": "identity/a.yml", "lines": {"begin": 3}},
        {"path": "b.yml", "lines": {"begin": 1}},
        {"path": "/etc/a.yml", "lines": {"begin": 1}},
        {"path": "identity/a.yml", "lines": {"begin": 9}},
    ]
    assert len({entry["fingerprint"] for entry in report}) == 4
    moved = [problem._replace(line=problem.line + 5) for problem in found]
    again = json.loads(rendering.gitlab(moved, root, folder))
    assert [entry["fingerprint"] for entry in again] == [entry["fingerprint"] for entry in report]
    assert report[1]["severity"] == "critical"
    assert json.loads(rendering.gitlab([], root, folder)) == []


def test_junit_is_xml_whatever_the_text() -> None:
    found = [Problem(EVIL, 1, 1, EVIL, EVIL), Problem("a.yml", 0, 0, "", "empty")]
    suites = ET.fromstring(rendering.junit(found, ()))
    assert (suites.get("tests"), suites.get("failures")) == ("2", "2")
    cases = list(suites.iter("testcase"))
    assert cases[1].get("name") == "desired state: empty"
    assert cases[1].findtext("failure") == "a.yml: empty"
    assert "::error::y" in (cases[0].findtext("failure") or "")
    valid = ET.fromstring(rendering.junit([], ("a.yml", "b.yml")))
    assert [case.get("classname") for case in valid.iter("testcase")] == ["a.yml", "b.yml"]
    assert list(valid.iter("failure")) == []
