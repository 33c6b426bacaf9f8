"""Notices as a user sees them: with their place in the files, in every form of output; and `--strict`."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED

SOURCE = DESIRED["sources"][0]
HEAD = "version: 1\nplatform: {type: sql, url: 'sqlite:///platform.db'}\n"
CORP = "- {name: corp, type: ldif, files: [corp.ldif], base_dn: 'dc=example,dc=com', users: {create: all}}\n"
PEOPLE: dict[str, Any] = {"uid=ann": None, "cn=team": {"member": "uid=ann"}}


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    return Shell(tmp_path, capsys, monkeypatch)


def users(**more: Any) -> list[Any]:
    return [SOURCE | {"users": SOURCE["users"] | more}]


def notices(shell: Shell, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(shell.run("plan", "--format", "json", *arguments)[0])[
        "notices"
    ]
    return found


def test_the_place_is_that_of_the_very_pattern_in_its_own_file(shell: Shell) -> None:
    shell.company(PEOPLE)
    folder = shell.folder / "rules"
    folder.mkdir()
    (shell.folder / "corp.ldif").rename(folder / "corp.ldif")
    (folder / "a.yml").write_text(
        f"{HEAD}sources:\n{CORP}groups:\n- {{source: corp, select: [cn=team]}}\n", "utf-8"
    )
    (folder / "b.yml").write_text(
        "version: 1\nvars: {team: cn=taem}\ngroups:\n- source: corp\n  select:\n  - cn=team\n  - '{{ team }}'\n",
        "utf-8",
    )
    _, err = shell.run("plan", "rules")
    assert err == (
        "warning: rules/b.yml:7:5: groups[0].select[1]: source corp has no group 'cn=taem'; did you mean 'cn=team'?\n"
    )
    assert notices(shell, "rules") == [
        {
            "code": "finds_nothing",
            "text": "source corp has no group 'cn=taem'; did you mean 'cn=team'?",
            "path": "groups[0].select[1]",
            "place": "rules/b.yml:7:5",
            "pattern": "cn=taem",
            "sources": ["corp"],
            "nearest": ["cn=team"],
        }
    ]


def test_what_a_preset_says_is_placed_at_the_preset_and_a_default_above_it(shell: Shell) -> None:
    ad = {"name": "ad", "type": "ldif", "files": ["corp.ldif"], "base_dn": "dc=example,dc=com"}
    shell.company(
        PEOPLE, preset="processmaker", sources=[ad], role_mappings=[{"role": "x", "default": True}]
    )
    (waits,) = notices(shell)
    assert (waits["code"], waits["path"]) == ("nobody_selected", "sources[0].users.create")
    line = (shell.folder / "reconcile.yml").read_text("utf-8").splitlines().index(
        "- base_dn: dc=example,dc=com"
    ) + 1
    assert waits["place"] == f"reconcile.yml:{line}:3"


def test_rules_that_cannot_be_followed_are_faults_of_the_file(shell: Shell) -> None:
    rule = {"source": "corp", "select": ["ou=x", "ou=north,ou=sales,dc=example,dc=com"]}
    shell.company({"ou=sales": None, "ou=north,ou=sales": None}, departments=[rule])
    text = (shell.folder / "reconcile.yml").read_text("utf-8")
    line = next(at for at, line in enumerate(text.splitlines(), start=1) if "ou=north" in line)
    wrong = f"reconcile.yml:{line}:5: departments[0].select[1]: 'ou=north,ou=sales,dc=example,dc=com' is selected but"
    for command in (
        ["plan"],
        ["preview"],
        ["test"],
        ["tree", "corp"],
        ["search", "corp", "x"],
        ["explain", "ann"],
    ):
        _, err = shell.run(*command, code=2)
        assert f"error: {wrong}" in err, command


def test_one_notice_however_many_workspaces(shell: Shell) -> None:
    platform = DESIRED["platform"] | {"workspaces": ["one", "two"]}
    safety = {"protect": {"users": ["ann", "an"]}}
    shell.company(
        PEOPLE, platform=platform, groups=[{"source": "corp", "select": ["cn=x"]}], safety=safety
    )
    paths = ["groups[0].select[0]", "safety.protect.users[1]"]
    assert [one["path"] for one in notices(shell)] == paths
    # What one workspace does not have, another that was not read may have.
    assert [one["path"] for one in notices(shell, "--workspace", "one")] == paths[:1]


def test_what_was_not_read_may_have_it(shell: Shell) -> None:
    shell.company(
        PEOPLE,
        sources=[SOURCE, SOURCE | {"name": "lab"}],
        role_mappings=[{"role": "x", "groups": ["cn=x"]}],
    )
    assert [one["sources"] for one in notices(shell)] == [["corp", "lab"]]
    assert notices(shell, "--source", "lab") == []
    out, _ = shell.run("test", "--source", "lab", "--strict")
    assert "role_mappings[0].groups[0]: 'cn=x': 0 groups" in out
    assert "NONE" not in out


def test_every_form_of_a_plan_has_them(shell: Shell) -> None:
    exclude = [f"left{number:02}" for number in range(25)]
    shell.company(PEOPLE, sources=users(exclude=exclude))
    _, err = shell.run("plan", "--out", "the.plan")
    assert err.count("has no person") == 20
    assert err.endswith("warning: 5 more notices: --format json has all of them\n")
    assert len(notices(shell)) == 25
    markdown, _ = shell.run("plan", "--format", "markdown")
    section = markdown.partition("<summary>Notices: 25 finds_nothing</summary>")[2]
    assert section.count("- **finds\\_nothing** reconcile.yml:") == 25
    assert shell.run("show", "the.plan")[0].count("  ! finds_nothing: reconcile.yml:") == 25
    data = json.loads(shell.run("show", "the.plan", "--format", "json")[0])
    assert (len(data["notices"]), data["summary"]["notices"]) == (25, 25)
    assert len(json.loads(shell.run("preview", "--format", "json")[0])["notices"]) == 25
    out, err = shell.run("apply", "the.plan", "--yes", "--format", "json")
    assert len(json.loads(out)["notices"]) == 25
    assert err.count("has no person") == 20


def test_hostile_names_are_written_out_and_long_ones_are_not_suggested(shell: Shell) -> None:
    shell.company({"uid=ann": None, "cn=te\x1b[2Jam": None, f"cn=team{'m' * 5000}": None})
    shell.desired(groups=[{"source": "corp", "select": ["cn=te [2Jam", "cn=teammm"]}])
    out, err = shell.run("plan", "--format", "json")
    assert "\x1b" not in out + err
    assert "did you mean 'cn=te\\x1b[2Jam'?" in err.replace("\\\\", "\\")
    assert len(err) < 1000


def test_a_line_for_each_rule(shell: Shell) -> None:
    shell.company(
        PEOPLE | {"uid=bob": None, "ou=Sales": None},
        sources=users(exclude=["b*", "bop"], require_groups=["cn=team"]),
        departments=[{"source": "corp", "select": ["ou=Sales"]}],
        role_mappings=[{"role": "x", "groups": ["cn=team", "cn=*"]}],
        safety={"protect": {"users": ["ann", "zoe"]}},
    )
    lines = [
        line.split(maxsplit=4) for line in shell.run("test")[0].splitlines() if "  rule  " in line
    ]
    found = {
        text.partition(": ")[0]: (name, mark, text.partition(": ")[2])
        for name, mark, _, _, text in lines
    }
    assert found == {
        "sources[0].users.exclude[0]": ("corp", "ok", "'b*': 1 person"),
        "sources[0].users.exclude[1]": ("corp", "NONE", "'bop': 0 persons; did you mean 'bob'?"),
        "sources[0].users.require_groups[0]": ("corp", "ok", "'cn=team': 1 group"),
        "role_mappings[0].groups[0]": ("corp", "ok", "'cn=team': 1 group"),
        "role_mappings[0].groups[1]": ("corp", "ok", "'cn=*': 1 group"),
        "departments[0].select[0]": ("corp", "ok", "'ou=Sales': 1 OU"),
        "safety.protect.users[0]": ("platform", "ok", "'ann': 1 user"),
        "safety.protect.users[1]": ("platform", "NONE", "'zoe': 0 users"),
    }
    places = [
        line.partition(" rule ")[2].split()[0]
        for line in shell.run("test")[0].splitlines()
        if "  rule  " in line
    ]
    assert all(place.startswith("reconcile.yml:") for place in places)


def test_rules_on_what_cannot_be_read_are_left_out(shell: Shell) -> None:
    groups = [{"source": name, "select": ["cn=x"]} for name in ("corp", "lab")]
    lab = SOURCE | {"name": "lab", "files": ["none.ldif"]}
    shell.company(
        PEOPLE, sources=[SOURCE, lab], groups=groups, safety={"protect": {"users": ["zoe"]}}
    )
    out, _ = shell.run("test", "--strict", code=7)
    assert "groups[0].select[0]" in out
    assert "groups[1].select[0]" not in out
    (shell.folder / "platform.db").write_bytes(b"SQLite format 4" + bytes(5000))
    out, _ = shell.run("test", "--source", "corp", code=7)
    assert "groups[0].select[0]" in out
    assert "safety.protect" not in out


def held(shell: Shell) -> None:
    """Ann and Bob are users; a newcomer and Bob, as he is now, cannot be synchronised."""
    shell.company({"uid=ann": None, "uid=bob": None}, sources=users(require=["email"]))
    shell.run("apply", "--yes")
    shell.company(
        {"uid=ann": None, "uid=bob": {"mail": None}, "uid=new": {"mail": None}},
        sources=users(require=["email"]),
    )


def test_a_skip_says_whether_there_is_a_user(shell: Shell) -> None:
    held(shell)
    data = json.loads(shell.run("plan", "--format", "json", "--out", "the.plan")[0])
    assert {skip["username"]: skip["exists"] for skip in data["skips"]} == {
        "bob": True,
        "new": False,
    }
    reason = "not clean: 1 existing user is skipped; --strict ends with exit code 9"
    for command in (
        ["plan"],
        ["plan", "--check"],
        ["preview"],
        ["apply", "--yes"],
        ["apply", "the.plan", "--yes"],
    ):
        _, err = shell.run(*command, "--strict", code=9)
        assert err == f"warning: {reason}\n" or command[0] == "preview", command
        assert reason in err, command
    shell.company(
        {"uid=ann": None, "uid=bob": None, "uid=new": {"mail": None}},
        sources=users(require=["email"]),
    )
    shell.run("plan", "--strict")


def test_a_name_that_another_keeps_holds_a_user_back(shell: Shell) -> None:
    fields = {"fields": {"username": "{{ employeeNumber | default(identifier) }}"}}
    shell.company({"uid=ann": None, "uid=bob": None}, sources=users(**fields))
    shell.run("apply", "--yes")
    people = {
        "uid=ann": None,
        "uid=bob": {"employeeNumber": "ann"},
        "uid=cid": {"employeeNumber": "ann"},
    }
    shell.company(people, sources=users(**fields))
    skips = json.loads(shell.run("plan", "--format", "json", "--strict", code=9)[0])["skips"]
    assert {skip["dn"][:7]: skip["exists"] for skip in skips} == {"uid=bob": True, "uid=cid": False}
    previewed = json.loads(shell.run("preview", "--format", "json")[0])["skips"]
    assert {skip["dn"][:7]: skip["exists"] for skip in previewed} == {
        "uid=bob": True,
        "uid=cid": False,
    }


def test_an_undo_that_leaves_something_is_not_clean(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    shell.run("apply", "--yes")
    shell.company({"uid=ann": {"sn": "New"}})
    shell.run("apply", "--yes")
    runs = json.loads(shell.run("history", "--format", "json")[0])
    run = next(one["run"] for one in runs if one["applied"] == 1)
    shell.run("plan", "--undo", run, "--strict")
    shell.sql("UPDATE users SET last_name = 'Other' WHERE username = 'ann'")
    _, err = shell.run("plan", "--undo", run, "--strict", code=9)
    assert "not clean: 1 change is not undone" in err


def test_a_plan_file_of_the_format_before_is_refused(shell: Shell) -> None:
    shell.company(PEOPLE)
    shell.run("plan", "--out", "the.plan", "--strict")
    data = (shell.folder / "the.plan").read_bytes()
    (shell.folder / "old.plan").write_bytes(data.replace(b'"format":2', b'"format":1'))
    for strict in ((), ("--strict",)):
        _, err = shell.run("apply", "old.plan", "--yes", *strict, code=2)
        assert "the plan file has format 1" in err
        assert err.endswith("Make a new plan\n")
