"""Assertions as a user meets them: in a plan, at apply whatever a plan file says, and alone."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reconcile.app import adapters, inputs, plan_files, run
from reconcile.model.change import Scope
from reconcile.planning.guards.assertions.records import records
from reconcile.planning.guards.assertions.resulting_state import ResultingState
from reconcile.ports import no_progress
from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED, ldif

PEOPLE: dict[str, Any] = {
    "uid=ann": None,
    "uid=bob": None,
    "cn=staff": {"member": ["uid=ann", "uid=bob"]},
    "cn=contractors": {"member": "uid=bob"},
}
RULES: dict[str, Any] = {
    "groups": [{"source": "corp", "select": ["cn=staff", "cn=contractors"]}],
    "role_mappings": [{"source": "corp", "groups": ["cn=staff"], "role": "administrator"}],
}
NO_CONTRACTOR: dict[str, Any] = {
    "name": "no contractor administers",
    "for": "users",
    "where": "user is in_group('contractors')",
    "assert": "user is not with_role('administrator')",
    "message": "{{ user.username }} would be an administrator and a contractor",
}
CODE = "assertion:main/no contractor administers:1"


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    return Shell(tmp_path, capsys, monkeypatch)


def company(shell: Shell, *assertions: dict[str, Any], **more: Any) -> None:
    shell.company(PEOPLE, **RULES | more, assertions=list(assertions))


def test_a_plan_that_breaks_an_assertion_is_refused_before_anything_is_written(
    shell: Shell,
) -> None:
    company(shell, NO_CONTRACTOR)
    out, _ = shell.run("plan", code=4)
    assert f"! {CODE}: bob would be an administrator and a contractor" in out
    _, err = shell.run("apply", "--yes", code=4)
    assert CODE in err
    assert "bob" not in shell.run("users")[0]


def test_a_plan_file_cannot_leave_an_assertion_out(shell: Shell) -> None:
    company(shell, NO_CONTRACTOR)
    shell.run("plan", "--out", "the.plan", code=4)
    made = plan_files.read(Path("the.plan"))
    plan_files.write(Path("the.plan"), msgspec.structs.replace(made, violations=()))
    _, err = shell.run("apply", "the.plan", "--yes", code=4)
    assert CODE in err


def test_one_that_is_acceptable_is_accepted_like_any_violation(shell: Shell) -> None:
    company(shell, NO_CONTRACTOR)
    _, err = shell.run("plan", "--accept", CODE, code=2)
    assert "cannot be accepted" in err
    company(shell, NO_CONTRACTOR | {"acceptable": True})
    shell.run("plan", "--accept", CODE, "--out", "the.plan")
    shell.run("apply", "the.plan", "--yes")
    shell.run("plan", code=4)  # what stands may still be wrong


def test_assert_shows_each_and_ends_with_4(shell: Shell) -> None:
    two = {"name": "two people", "for": "state", "assert": "users | active | list | length >= 2"}
    nobody = {"name": "quiet", "for": "users", "where": "user.email == ''", "assert": "false"}
    company(shell, NO_CONTRACTOR, two, nobody)
    out, err = shell.run("assert", code=4)
    broken = "bob would be an administrator and a contractor"
    assert out.splitlines() == [
        f"FAIL  main: no contractor administers (1 checked): {broken}",
        "ok    main: two people (1 checked)",
        "ok    main: quiet (0 checked)",
    ]
    assert "Traceback" not in err
    verdicts = json.loads(shell.run("assert", "--format", "json", code=4)[0])["verdicts"]
    assert [each["code"] for each in verdicts] == [CODE, "", ""]
    _, err = shell.run("plan", code=4)
    assert "assertions[2].where: `where` of the assertion 'quiet' finds none of the users" in err
    company(shell, two)
    shell.run("assert")
    company(shell)
    assert "no `assertions` to judge" in shell.run("assert", code=2)[1]


def test_a_misspelt_group_is_an_error_with_its_place(shell: Shell) -> None:
    company(shell, NO_CONTRACTOR | {"where": "user is in_group('contarctors')"})
    _, err = shell.run("plan", code=2)
    assert "reconcile.yml:" in err
    assert "assertions[0]: the platform has no group 'contarctors'; did you mean" in err


def test_all_that_is_wrong_in_the_file_is_said_at_once(shell: Shell) -> None:
    company(
        shell,
        NO_CONTRACTOR | {"assert": "usr.username == ''"},
        NO_CONTRACTOR | {"severity": "fatal"},
        {"name": "x", "for": "user", "assert": "true"},
    )
    out, _ = shell.run("validate", code=2)
    assert "assertions[0].assert: unknown name `usr`; did you mean `user`?" in out
    assert "assertions[1].name: already given at" in out
    assert "assertions[1].severity: expected error or warning" in out
    assert "assertions[2].for: expected users, groups" in out


def test_an_undo_is_judged_too(shell: Shell) -> None:
    company(shell)
    shell.run("apply", "--yes")
    company(shell, {"name": "bob stays", "for": "state",
                    "assert": "'bob' in (users | map(attribute='username') | list)"})  # fmt: skip
    run = json.loads(shell.run("history", "--format", "json")[0])
    last = run["runs"][-1] if isinstance(run, dict) else run[-1]
    out, _ = shell.run("plan", "--undo", str(last.get("id") or last.get("run")), code=4)
    assert "assertion:main/bob stays:1" in out


BEFORE: dict[str, Any] = {
    "ou=Sales": {"entryUUID": "o1"},
    "ou=EMEA,ou=Sales": {"entryUUID": "o2"},
    "uid=ann,ou=EMEA,ou=Sales": {"entryUUID": "1"},
    "uid=bob": {"entryUUID": "2", "manager": "uid=ann,ou=EMEA,ou=Sales"},
    "uid=eve": {"entryUUID": "3"},
    "cn=inner": {"entryUUID": "g1", "member": ["uid=bob"]},
    "cn=outer": {"entryUUID": "g2", "member": ["cn=inner", "uid=eve"]},
}
AFTER: dict[str, Any] = {
    "ou=Trade": {"entryUUID": "o1"},
    "ou=EMEA,ou=Trade": {"entryUUID": "o2"},
    "uid=anne,ou=EMEA,ou=Trade": {"entryUUID": "1"},
    "uid=bob,ou=Trade": {"entryUUID": "2", "manager": "uid=anne,ou=EMEA,ou=Trade"},
    "uid=zoe": {"entryUUID": "4"},
    "cn=core": {"entryUUID": "g1", "member": ["uid=zoe"]},
    "cn=outer": {"entryUUID": "g2", "member": ["uid=bob,ou=Trade"]},
    "cn=new": {"entryUUID": "g3", "member": ["cn=core"]},
}


def test_assert_reads_a_capture_in_place_of_the_directory(shell: Shell) -> None:
    company(shell, NO_CONTRACTOR)
    shell.run("capture", "corp", "--out", "corp.capture")
    (shell.folder / "corp.ldif").unlink()
    assert "corp.ldif" in shell.run("assert", code=7)[1]
    out, _ = shell.run("assert", "--capture", "corp.capture", code=4)
    assert out.startswith("FAIL  main: no contractor administers (1 checked): ")
    _, err = shell.run("assert", "--capture", "no.capture", code=2)
    assert "no.capture" in err


def test_what_assertions_see_is_what_apply_makes(shell: Shell) -> None:
    rules = {
        "groups": [{"source": "corp", "select": ["cn=*"], "nested": "keep"}],
        "departments": [{"source": "corp", "select": ["ou=*"]}],
        "role_mappings": [{"source": "corp", "groups": ["cn=outer"], "role": "operator"}],
        "safety": {"limits": dict.fromkeys(("users_lost", "memberships_lost"), "none")},
        "lifecycle": {"on_missing": "erase"},
    }
    more = {"users": {"create": "all", "manager_attribute": "manager"}}
    source = {**DESIRED["sources"][0], **more}
    shell.company(BEFORE, **rules, sources=[source])
    shell.run("apply", "--yes")
    (shell.folder / "corp.ldif").write_text(ldif(AFTER), "utf-8")
    expected, before = _records(plans=True)
    assert expected != before
    shell.run("apply", "--yes")
    assert _records(plans=False)[0] == expected


def _records(*, plans: bool) -> tuple[Any, Any]:
    """The records of the state that a plan leads to, or of what there is; and of what there is."""
    loaded = inputs.configuration((), {})
    with closing(adapters.platform(loaded.desired.platform, no_progress)) as target:
        state = target.read("main")
    made = run.make_plan(loaded, Scope(), {}, no_progress)[0] if plans else None
    changes = made.changes if made is not None else ()
    return records(ResultingState(state, changes)), records(ResultingState(state))
