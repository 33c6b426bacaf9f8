"""Habits of the command line: on a terminal, in pipes, and of people who come from other tools."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from reconcile.cli.guide import man
from tests.scenarios.shell import RECONCILE, Shell, on_terminal

MAN = Path(__file__).parents[2] / "docs" / "man"
LONG = {"cn": "Ann Lee", "sn": "Lee", "mail": "a.very.long.mail.address.of.ann@example.com"}
PEOPLE = {
    "uid=ann": LONG,
    "uid=bob": {"mail": "bob@example.com"},
    "cn=a-group-with-a-long-name": {"member": ["uid=ann", "uid=bob"]},
}


@pytest.fixture
def company(shell: Shell) -> Shell:
    """Two users and a group on the platform."""
    shell.company(PEOPLE, groups=[{"source": "corp", "select": ["cn=*"]}])
    shell.run("apply", "--yes")
    return shell


# Tables


def test_a_table_fits_the_terminal(company: Shell) -> None:
    shown = on_terminal([*RECONCILE, "users"], company.folder)
    lines = [line for line in shown.splitlines() if line.startswith(("USERNAME", "ann", "bob"))]
    assert len(lines) == 3, shown
    assert max(map(len, lines)) <= 80
    assert "…" in lines[1]
    wide = on_terminal([*RECONCILE, "users", "--wide"], company.folder)
    assert LONG["mail"] in wide
    assert "DEPARTMENT" in wide


def test_in_a_pipe_a_table_is_whole(company: Shell) -> None:
    out, _ = company.run("users")
    assert LONG["mail"] in out
    assert out.startswith("WORKSPACE  USERNAME  FIRST NAME")


def test_columns_are_chosen_and_sorted_by_the_first(company: Shell) -> None:
    out, _ = company.run("users", "--columns", "email,username")
    assert out.splitlines()[0].split() == ["EMAIL", "USERNAME"]
    assert [line.split()[1] for line in out.splitlines()[1:]] == ["ann", "bob"]
    out, _ = company.run("users", "--columns", "username", "--format", "csv")
    assert out.split() == ["username", "ann", "bob"]
    out, _ = company.run("users", "--columns", "username", "--format", "json")
    assert '"email"' not in out
    _, err = company.run("users", "--columns", "user_name", code=2)
    assert "no column is called 'user_name'. Did you mean 'username'?" in err


# Pager


def test_a_pager_gets_long_output_on_a_terminal_alone(company: Shell) -> None:
    paged = {"RECONCILE_PAGER": "sed s/^/paged:/"}
    assert "paged:USERNAME" in on_terminal([*RECONCILE, "users"], company.folder, paged)
    for pager in ("", "cat", "no-such-pager"):
        shown = on_terminal([*RECONCILE, "users"], company.folder, {"RECONCILE_PAGER": pager})
        assert "USERNAME" in shown
        assert "paged:" not in shown
    piped = subprocess.run(
        [*RECONCILE, "users"],
        cwd=company.folder, env={**os.environ, **paged}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "paged:" not in piped.stdout


# Colours


@pytest.mark.parametrize(
    ("options", "environment", "coloured"),
    [
        ((), {}, False),
        (("--color", "always"), {}, True),
        ((), {"FORCE_COLOR": "1"}, True),
        ((), {"FORCE_COLOR": "0"}, False),
        ((), {"FORCE_COLOR": "1", "NO_COLOR": "1"}, False),
        (("--color", "never"), {"FORCE_COLOR": "1"}, False),
        (("--no-color",), {"FORCE_COLOR": "1"}, False),
        (("--no-color", "--color", "always"), {}, False),
    ],
)
def test_colours(
    options: tuple[str, ...],
    environment: dict[str, str],
    coloured: bool,
    company: Shell,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    out, _ = company.run("plan", *options)
    assert ("\x1b[" in out) == coloured


# Options and hints


def test_options_may_come_before_the_command(company: Shell) -> None:
    out, _ = company.run("--format", "csv", "--columns=username", "users")
    assert out.split() == ["username", "ann", "bob"]
    _, err = company.run("-v", "--log-format", "json", "validate")
    assert '"level": "info"' in err
    _, err = company.run("--nonsense", "users", code=2)
    assert "No such option '--nonsense'" in err


def test_short_forms(company: Shell) -> None:
    assert company.run("-V")[0] == company.run("--version")[0]
    company.run("plan", "-o", "the.plan")
    company.run("apply", "-y", "the.plan")
    assert (company.folder / "the.plan").exists()


def test_quiet_says_only_what_needs_attention(company: Shell) -> None:
    for command in (["plan"], ["apply", "-y"], ["validate"], ["test"]):
        assert company.run(*command, "-q") == ("", ""), command
    company.company({"uid=ann": LONG}, groups=[{"source": "corp", "select": ["cn=*"]}])
    assert company.run("plan", "-q", "--check", code=4)[0] != ""


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (["apply", "--dry-run"], "`reconcile plan` shows what apply would change."),
        (["apply", "--check"], "`reconcile plan --check`"),
        (["plan", "--dry-run"], "A plan never writes: leave it out."),
        (["plan", "--yes"], "A plan never asks"),
        (["--dry-run", "apply"], "`reconcile plan` shows what apply would change."),
    ],
)
def test_what_was_meant_is_named(arguments: list[str], hint: str, company: Shell) -> None:
    assert hint in company.run(*arguments, code=2)[1]


def test_variables_of_a_file_and_an_overlay(company: Shell) -> None:
    company.desired(
        groups=[{"source": "corp", "select": ["cn=*"]}],
        vars={"who": "nobody"},
        role_mappings=[{"role": "{{ who }}", "default": True}],
    )
    (company.folder / "prod.vars.yml").write_text("who: boss\n")
    (company.folder / "prod.yml").write_text("overlay: true\nsafety: {limits: {updates: none}}\n")
    paths = ("reconcile.yml", "prod.yml")
    out, _ = company.run("validate", "--effective", *paths, "--var-file", "prod.vars.yml")
    assert re.search(r"who: boss +# prod\.vars\.yml:1\n", out), out
    assert re.search(r"updates: none +# prod\.yml:2\n", out), out
    company.run("plan", "-o", "the.plan", *paths, "--var-file", "prod.vars.yml")
    options = ("--config", "reconcile.yml", "--config", "prod.yml")
    _, err = company.run("apply", "-y", "the.plan", *options, code=5)
    assert "who" in err
    company.run("apply", "-y", "the.plan", *options, "--var-file", "prod.vars.yml")
    assert company.run("plan", *paths, "--var", "who=boss", "--check")[0].startswith("No changes")
    _, err = company.run("plan", "--var-file", "no.yml", code=2)
    assert "no.yml: no such file, which --var-file names" in err


# Help, schemas, completion, man pages


def test_help_of_a_command(shell: Shell) -> None:
    assert shell.run("help", "plan") == shell.run("plan", "--help")
    assert "Usage: reconcile connection export" in shell.run("help", "connection", "export")[0]
    out, _ = shell.run("help")
    assert "Look:" in out
    assert "no command is called 'pla'" in shell.run("help", "pla", code=2)[1]


def test_the_schemas_are_printed_as_they_are_published(shell: Shell) -> None:
    names = shell.run("schema")[0].split()
    assert {"config", "plan"} <= set(names)
    for name in names:
        published = MAN.parents[1] / "schemas" / f"{name}.schema.json"
        assert shell.run("schema", name)[0] == published.read_text()
    assert "no schema is called 'x'" in shell.run("schema", "x", code=2)[1]


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("plan --source ", ["corp"]),
        ("users --workspace M", ["main"]),
        ("explain ", ["ann", "bob"]),
        ("plan --target user:b", ["user:bob"]),
        ("plan --target g", ["group:"]),
        ("search c", ["corp"]),
        ("plan --source nobody", []),
    ],
)
def test_the_tab_key_offers_names(
    line: str, offered: list[str], company: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = f"reconcile {line}".split(" ")
    monkeypatch.setenv("_RECONCILE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", " ".join(words))
    monkeypatch.setenv("COMP_CWORD", str(len(words) - 1))
    out, err = company.run()
    names = [each.removeprefix("plain,") for each in out.split("\n") if each]
    assert names == offered
    assert err == ""


def test_the_tab_key_offers_runs_and_nothing_where_nothing_can_be_read(
    company: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_RECONCILE_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "reconcile history ")
    monkeypatch.setenv("COMP_CWORD", "2")
    (offered,) = company.run()[0].split()
    assert company.sql("SELECT run FROM history_runs") == [(offered.removeprefix("plain,"),)]
    (company.folder / "reconcile.yml").write_text("version: [")
    assert company.run() == ("\n", "")


def test_the_man_pages_are_those_of_the_commands() -> None:
    written = {path.name: path.read_text() for path in MAN.glob("*.1")}
    assert written == man.pages(), "run `make man`"


@pytest.mark.skipif(shutil.which("groff") is None, reason="needs groff")
def test_the_man_pages_are_sound() -> None:
    pages = [str(path) for path in sorted(MAN.glob("*.1"))]
    checked = subprocess.run(
        ["groff", "-man", "-ww", "-z", *pages], capture_output=True, text=True, check=True
    )
    assert checked.stderr == ""
