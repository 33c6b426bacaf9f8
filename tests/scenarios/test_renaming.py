"""A source that is called otherwise in the files: its users stay its users."""

import json
from typing import Any

import pytest

from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED, ldif

PEOPLE: dict[str, Any] = {"uid=ann": None, "uid=bob": None, "cn=team": {"member": ["uid=ann"]}}


def company(shell: Shell, name: str, people: dict[str, Any] | None = None, **more: Any) -> None:
    """The company's directory under the name of its source."""
    (source,) = DESIRED["sources"]
    groups = [{"source": name, "select": ["cn=team"]}]
    roles = [{"role": "operator", "default": True}]
    shell.company(
        people or PEOPLE,
        sources=[source | {"name": name}],
        groups=groups,
        role_mappings=roles,
        **more,
    )


def loss(shell: Shell) -> None:
    """Applies what guards object to."""
    told = json.loads(shell.run("plan", "--format", "json", code=4)[0])
    shell.run(
        "plan",
        "--out",
        "p",
        *(part for one in told["violations"] for part in ("--accept", one["code"])),
    )
    shell.run("apply", "p", "--yes")


def test_the_plan_tells_and_the_command_keeps_everything(shell: Shell) -> None:
    company(shell, "corp", platform=DESIRED["platform"] | {"workspaces": ["main", "side"]})
    shell.run("apply", "--yes")
    held = "SELECT id, username, status FROM users ORDER BY id"
    before = shell.sql(held)
    company(shell, "head office", platform=DESIRED["platform"] | {"workspaces": ["main", "side"]})
    out, err = shell.run("plan", code=4)
    assert "users_lost" in out
    assert "`reconcile rename-source corp 'head office'` keeps its users" in err
    out, _ = shell.run("rename-source", "corp", "head office", "--plan")
    assert '~ source corp  # declared under another name\n      name  "corp" → "head office"' in out
    assert "users_lost" in shell.run("plan", code=4)[0], "--plan only shows"
    out, _ = shell.run("rename-source", "corp", "head office", "--yes")
    assert "Done: 2 applied, 0 failed, 0 skipped." in out
    assert shell.run("plan", "--check")[0].startswith("No changes.")
    assert shell.sql(held) == before
    company(
        shell, "head office", {"uid=bob": None, "cn=team": None}, lifecycle={"on_missing": "block"}
    )
    out, err = shell.run("plan", "--workspace", "main", code=4)
    assert "- membership" not in out
    assert "- user ann: block  # no longer in head office" in out
    assert "rename-source" not in err


def test_a_rename_is_in_the_history_and_takes_another_one_to_undo(shell: Shell) -> None:
    company(shell, "corp")
    shell.run("apply", "--yes")
    company(shell, "hq")
    shell.run("rename-source", "corp", "hq", "--yes")
    first, run = (one["run"] for one in json.loads(shell.run("history", "--format", "json")[0]))
    out, _ = shell.run("plan", "--undo", run)
    assert "use `reconcile rename-source` to give a source its former name back" in out
    out, _ = shell.run("plan", "--undo", first)
    assert "Nothing is left to undo" in out, (
        "what is of another name by now is not what that run left"
    )
    company(shell, "corp")
    shell.run("rename-source", "hq", "corp", "--yes")
    assert shell.run("plan", "--check")[0].startswith("No changes.")


def test_after_an_apply_that_took_it_for_two_they_become_one(shell: Shell) -> None:
    company(shell, "corp")
    shell.run("apply", "--yes")
    company(shell, "hq", PEOPLE | {"uid=new": None})
    loss(shell)
    assert shell.sql("SELECT username, status FROM users ORDER BY id") == [
        ("ann", "blocked"),
        ("bob", "blocked"),
        ("new", "active"),
    ]
    shell.run("rename-source", "corp", "hq", "--yes")
    shell.run("apply", "--yes")
    assert shell.sql(
        "SELECT u.username, u.status, s.name FROM users u JOIN sources s ON s.id = source_id"
    ) == [
        ("ann", "active", "hq"),
        ("bob", "active", "hq"),
        ("new", "active", "hq"),
    ]
    assert shell.run("plan", "--check")[0].startswith("No changes.")


def test_another_case_is_no_other_source(shell: Shell) -> None:
    company(shell, "corp")
    shell.run("apply", "--yes")
    company(shell, "Corp")
    for command in (["plan"], ["preview"], ["apply", "--yes"], ["explain", "ann"]):
        assert "knows the source Corp as corp" in shell.run(*command, code=2)[1]
    assert "`reconcile rename-source corp Corp` renames it" in shell.run("plan", code=2)[1]
    shell.run("rename-source", "corp", "Corp", "--yes")
    assert shell.run("plan", "--check")[0].startswith("No changes.")


def test_two_accounts_of_one_entry_are_named(shell: Shell) -> None:
    (source,) = DESIRED["sources"]
    company(shell, "corp")
    shell.run("apply", "--yes")
    users = {"create": "all", "fields": {"username": "{{ identifier }}@{{ domain }}"}}
    shell.company(PEOPLE, sources=[source | {"name": "hq", "users": users}])
    loss(shell)
    _, err = shell.run("rename-source", "corp", "hq", "--yes", code=2)
    assert "main: user ann of corp and user ann@example.com of hq" in err
    assert shell.sql("SELECT name FROM sources ORDER BY id") == [("corp",), ("hq",)]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["corp", "corp"],
            "'corp' is still declared: rename the source to 'corp' in the files first",
        ),
        (["corp", "hq"], "'corp' is still declared: rename the source to 'hq' in the files first"),
        (["gone", "hq"], "no source 'hq' is declared; declared are: corp"),
        (["gone", "corp"], "the platform knows no source 'gone'; it knows: corp"),
        (["gone", "corp", "--plan", "--yes"], "--plan only shows"),
    ],
)
def test_mistakes(shell: Shell, arguments: list[str], told: str) -> None:
    company(shell, "corp")
    shell.run("apply", "--yes")
    assert told in shell.run("rename-source", *arguments, code=2)[1]


def test_without_a_terminal_nothing_is_asked_and_nothing_done(shell: Shell) -> None:
    company(shell, "corp")
    shell.run("apply", "--yes")
    company(shell, "hq")
    assert "use --yes" in shell.run("rename-source", "corp", "hq", code=2)[1]
    assert shell.sql("SELECT name FROM sources") == [("corp",)]


def test_another_directory_of_another_base_is_no_rename(shell: Shell) -> None:
    (source,) = DESIRED["sources"]
    company(shell, "corp")
    shell.run("apply", "--yes")
    other = source | {"name": "branch", "files": ["branch.ldif"], "base_dn": "dc=branch,dc=com"}
    (shell.folder / "branch.ldif").write_text(
        ldif({"uid=zoe": None}, "dc=branch,dc=com"), encoding="utf-8"
    )
    shell.desired(sources=[other])
    assert "rename-source" not in shell.run("plan", code=4)[1]
