"""A plan and an explanation on a terminal of 80 columns: the terminal breaks no line."""

import re

from tests.scenarios.shell import RECONCILE, Shell, on_terminal

WORDS = {"cn": "Ann", "sn": "Of a rather long family name that nobody can shorten for a table"}


def test_no_line_is_broken_by_the_terminal(shell: Shell) -> None:
    people = {f"uid={name}": WORDS for name in ("ann", "bob", "cid")}
    lifecycle = {"on_missing": {"action": "block", "after": "30d", "then": "erase"}}
    shell.company(people, lifecycle=lifecycle)
    shell.run("apply", "--yes")
    people = {"uid=ann": WORDS | {"sn": f"{WORDS['sn']}, or for a page"}, "uid=dan": WORDS}
    shell.company(people, lifecycle=lifecycle)
    shown = on_terminal([*RECONCILE, "plan"], shell.folder)
    lines = re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines()
    assert max(map(len, lines)) <= 80
    assert any(
        re.match(r" +status  blocked now; erased on \d{4}-\d\d-\d\d un", each) for each in lines
    )
    assert any(line.lstrip().startswith("→ ") for line in lines)
    explained = on_terminal([*RECONCILE, "explain", "ann"], shell.folder)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", explained).splitlines()
    assert max(map(len, plain)) <= 80
