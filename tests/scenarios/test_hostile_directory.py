"""What stands in a directory commands no terminal, no page and no spreadsheet; files with people are private."""

import os
import re
import stat
from pathlib import Path
from typing import Any

import pytest

from reconcile.cli.logs import end_log_file
from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED

EVIL = "\x07\x1b[2J\x9b31m\r\u202eevil\u2066\u200b\x85\x7f"
COMMANDING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]")
"""Everything but tab and line end; a carriage return as well."""
PEOPLE: dict[str, Any] = {
    "uid=ann": {"sn": f"Ann{EVIL}", "givenName": "=HYPERLINK(0)", "title": f"Boss{EVIL}"},
    f"uid=bad{EVIL}": {},
    "uid=eve": {"mail": f"eve{EVIL}@example.com", "sn": "@SUM(A1)", "givenName": "+1"},
    "uid=fin": {"givenName": "=HYPERLINK(0)", "sn": "@SUM(A1)"},
    "uid=sue,ou=Sales": {"description": EVIL},
    "ou=Sales": {"ou": f"Sales{EVIL}"},
    "cn=team": {"cn": f"team{EVIL}", "member": ["uid=ann"]},
}
TEXT = [
    ["plan"],
    ["plan", "--format", "json"],
    ["plan", "--format", "markdown"],
    ["plan", "--format", "html"],
    ["test", "--format", "json"],
    ["preview"],
    ["preview", "--format", "csv"],
    ["preview", "--format", "json"],
    ["search", "corp", "ann"],
    ["search", "corp", f"ann{EVIL}"],
    ["search", "corp", "*", "--format", "json"],
    ["tree", "corp"],
    ["tree", "corp", "--format", "json"],
    ["plan", "--out", "the.plan"],
    ["show", "the.plan"],
    ["show", "the.plan", "--format", "json"],
    ["show", "the.plan", "--format", "markdown"],
    ["apply", "the.plan", "--yes", "--format", "json"],
    ["apply", "--yes"],
    *(
        [listing, "--format", form]
        for listing in ("users", "groups", "departments")
        for form in ("table", "csv", "json")
    ),
    ["plan", "--target", f"user:{EVIL}"],
    ["plan", f"{EVIL}.yml"],
]


@pytest.mark.parametrize("form", ["text", "json"])
def test_no_output_commands_a_terminal(shell: Shell, form: str) -> None:
    source = DESIRED["sources"][0] | {
        "users": {"create": "all", "attributes": [{"field": "title", "value": "{{ title }}"}]},
    }
    shell.company(
        PEOPLE,
        sources=[source],
        groups=[{"source": "corp", "select": ["cn=team"]}],
        departments=[{"source": "corp", "select": ["ou=*"]}],
    )
    for arguments in TEXT:
        code = 2 if EVIL in arguments[-1] and arguments[0] == "plan" else 0
        out, err = shell.run(
            *arguments, "-vv", "--log-format", form, "--log-file", f"{form}.log", code=code
        )
        for text in (out, err):
            found = COMMANDING.search(text)
            assert found is None, (arguments, text[max(0, found.start() - 60) : found.end() + 20])
    end_log_file()
    assert COMMANDING.search((shell.folder / f"{form}.log").read_text(encoding="utf-8")) is None
    for listing in ("users", "preview"):
        out, _ = shell.run(listing, "--format", "csv")
        assert "'=HYPERLINK(0)" in out
        assert "'@SUM(A1)" in out


def test_files_with_people_are_for_their_owner_alone(shell: Shell) -> None:
    shell.company({"uid=ann": {}})
    before = os.umask(0)
    try:
        wide = shell.folder / "wide.plan"
        shell.run("plan", "--out", "wide.plan", "--log-file", "the.log", "-v")
        wide.chmod(0o666)
        shell.run("plan", "--out", "wide.plan")
        shell.run("apply", "wide.plan", "--yes")
        shell.run("apply", "--yes")
    finally:
        os.umask(before)
    for name in ("wide.plan", "the.log", "platform.db"):
        assert mode(shell.folder / name) == 0o600, name


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
