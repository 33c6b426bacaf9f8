"""The guards as a user meets them: exit code 4, acceptance by a code, a stale plan made anew."""

import json
import os
import pty
import subprocess
from typing import Any

import msgspec
import pytest

from reconcile.applying import dumps, loads
from reconcile.model.change import Acceptance
from reconcile.planning import accepted
from tests.scenarios.shell import RECONCILE, Shell, terminal_output

CODE = "users_lost:main/corp:12"


def people(first: int, last: int) -> dict[str, Any]:
    return {f"uid=p{number:02}": None for number in range(first, last + 1)}


@pytest.fixture
def company(shell: Shell) -> Shell:
    """40 users, of whom the directory has lost 12."""
    shell.company(people(1, 40), safety={"shrink": "none"})
    shell.run("apply", "--yes")
    shell.company(people(1, 28), safety={"shrink": "none"})
    return shell


def active(shell: Shell) -> int:
    return int(shell.sql("select count(*) from users where status = 'active'")[0][0])


def test_a_plan_that_loses_too_much_is_shown_and_written_and_not_applied(company: Shell) -> None:
    out, _ = company.run("plan", "--out", "the.plan", code=4)
    assert "- user p29: block" in out
    assert (
        "Refused by the guards:\n"
        "  ! users_lost:main/corp:12: 12 of 40 users of corp would be lost (12 to block): the limit users_lost is 10%\n"
        "  If this is intended: reconcile plan --accept CODE --out FILE, then reconcile apply FILE\n"
    ) in out
    before = (company.folder / "platform.db").read_bytes()
    told = (
        "error: refused by the guards, nothing was applied:\n"
        f"error:   {CODE}: 12 of 40 users of corp would be lost (12 to block): the limit users_lost is 10%\n"
        f"error: If this is intended: reconcile plan --accept {CODE} --out FILE, then reconcile apply FILE\n"
    )
    assert company.run("apply", "the.plan", "--yes", code=4)[1] == told
    assert company.run("apply", "--yes", code=4)[1] == told
    serve = ("serve", "--schedule", "--once")
    company.desired(safety={"shrink": "none"}, schedule="daily at 01:30")
    assert company.run(*serve, code=4)[1].endswith(told)
    assert company.run("plan", "--check", code=4)[0]
    assert (company.folder / "platform.db").read_bytes() == before


def test_a_total_loss_names_some_of_those_who_lose(company: Shell) -> None:
    company.company({"uid=new": None}, safety={"shrink": "none"})
    out, _ = company.run("plan", code=4)
    lost = "users_lost:main/corp:40:all: all 40 users of corp would be lost (40 to block"
    assert f"{lost}: p01, p02, p03, p04, p05 and 35 more): none would be left" in out


def test_an_accepted_plan_is_applied_and_says_who_accepted_it(
    company: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "anna")
    out, _ = company.run("plan", "--accept", CODE, "--out", "the.plan")
    data = json.loads(company.run("show", "the.plan", "--format", "json")[0])
    when = data["created"]
    assert f"Accepted by anna, {when}:\n  ! {CODE}: 12 of 40 users" in out
    place = {"guard": "users_lost", "workspace": "main", "source": "corp"}
    assert data["accepted"] == [{"code": CODE, "by": "anna", "at": when, **place}]
    assert [(one["code"], one["acceptable"], one["accepted"]) for one in data["violations"]] == [
        (CODE, True, True)
    ]
    assert (data["summary"]["violations"], data["summary"]["refused"]) == (1, 0)
    markdown = company.run("show", "the.plan", "--format", "markdown")[0]
    assert f"### Accepted by anna, {when}\n\n- **users\\_lost:main/corp:12** 12 of 40" in markdown
    company.run("plan", "--accept", CODE, "--check", code=3)
    monkeypatch.setenv("LOGNAME", "otto")
    company.run("apply", "the.plan", "--yes")
    assert active(company) == 28
    company.run("plan", "--check")
    run = json.loads(company.run("history", "--format", "json")[0])[-1]
    assert (run["login"], run["accepted"]) == ("otto", data["accepted"])
    assert run["lost"] == {"users_lost": {"corp": 12}}
    out, _ = company.run("history", run["run"])
    assert f"  accepted by anna, {when}: {CODE}\n  users_lost: 12 of corp\n" in out


def test_what_is_accepted_and_what_is_left_are_told_together(shell: Shell) -> None:
    shell.company(people(1, 40))
    shell.run("apply", "--yes")
    shell.company(people(1, 28))
    shrink = "shrink:main/corp/persons:12"
    shell.run("plan", "--accept", CODE, "--out", "the.plan", code=4)
    _, err = shell.run("apply", "the.plan", "--yes", code=4)
    told = f"  {shrink}: corp has 28 persons, 40 at its last good read: the limit shrink is 20%\n"
    options = f"--accept {CODE} --accept {shrink}"
    assert err.endswith(
        f"{told}error: If this is intended: reconcile plan {options} --out FILE, then reconcile apply FILE\n"
    )
    shell.run("plan", *options.split(), "--out", "the.plan")
    shell.run("apply", "the.plan", "--yes")


def test_small_losses_of_a_service_add_up_until_somebody_accepts(shell: Shell) -> None:
    shell.company(people(1, 100), schedule="hourly")
    serve = ("serve", "--schedule", "--once")
    shell.run(*serve)
    shell.company(people(1, 91), schedule="hourly")
    shell.run(*serve)
    shell.company(people(1, 83), schedule="hourly")
    code = "users_lost:main/corp:8+9"
    _, err = shell.run(*serve, code=4)
    told = "8 of 91 users of corp would be lost (8 to block), after 9 within 7 days: 17 of 100 together"
    assert f"{code}: {told}, the limit users_lost is 10%" in err
    assert active(shell) == 91
    shell.run("plan", "--accept", code, "--out", "the.plan")
    shell.run("apply", "the.plan", "--yes")
    shell.company(people(1, 80), schedule="hourly")
    shell.run(*serve)
    assert active(shell) == 80


def test_what_was_undone_is_not_lost(shell: Shell) -> None:
    shell.company(people(1, 100))
    shell.run("apply", "--yes")
    shell.company(people(1, 92))
    shell.run("apply", "--yes")
    run = json.loads(shell.run("history", "--format", "json")[0])[-1]["run"]
    shell.run("plan", "--undo", run, "--out", "undo.plan")
    shell.run("apply", "undo.plan", "--yes")
    shell.run("apply", "--yes")
    assert active(shell) == 92


def test_a_plan_within_the_limit_when_it_was_made_is_refused_when_others_lost_more_since(
    shell: Shell,
) -> None:
    shell.company(people(1, 100))
    shell.run("apply", "--yes")
    shell.company(people(1, 95))
    shell.run("plan", "--out", "five.plan")
    shell.company({name: one for name, one in people(1, 100).items() if name not in people(88, 95)})
    shell.run("apply", "--yes")
    _, err = shell.run("apply", "five.plan", "--yes", code=4)
    assert "users_lost:main/corp:5+8" in err
    assert active(shell) == 92


def test_twelve_are_not_thirteen(company: Shell) -> None:
    company.run("plan", "--accept", CODE, "--out", "the.plan")
    company.company(people(1, 27), safety={"shrink": "none"})
    _, err = company.run("plan", "--accept", CODE, "--out", "more.plan", code=2)
    assert err == (
        "error: no violation of this plan has the code 'users_lost:main/corp:12'. "
        "Accept one of: users_lost:main/corp:13\n"
    )
    assert not (company.folder / "more.plan").exists()
    company.run("plan", "--accept", "users_lost:main/corp:13", "--accept", CODE, code=2)
    path = company.folder / "the.plan"
    company.run("plan", "--out", "more.plan", code=4)
    made = loads((company.folder / "more.plan").read_bytes(), "more.plan")
    path.write_bytes(
        dumps(msgspec.structs.replace(made, accepted=(Acceptance(CODE, "mallory", ""),)))
    )
    assert (
        "it accepts users_lost:main/corp:12, which is not a violation"
        in company.run("show", "the.plan", code=2)[1]
    )
    silent = msgspec.structs.replace(made, violations=())
    path.write_bytes(dumps(silent))
    assert "users_lost:main/corp:13" in company.run("apply", "the.plan", "--yes", code=4)[1], (
        "found under the lock"
    )
    (violation,) = made.violations
    twelve = msgspec.structs.replace(violation, number=12)
    assert twelve.code == CODE
    path.write_bytes(
        dumps(accepted(msgspec.structs.replace(made, violations=(twelve,)), [CODE], "m"))
    )
    assert "users_lost:main/corp:13" in company.run("apply", "the.plan", "--yes", code=4)[1]
    assert active(company) == 40


def test_what_there_is_not_cannot_be_accepted(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    _, err = shell.run("plan", "--accept", "users_lost:main/corp:1", code=2)
    assert err.endswith("there is none to accept\n")
    shell.run("apply", "--yes")
    shell.company({}, safety={"protect": {"users": ["ann"]}})
    for form in ("text", "markdown"):
        assert "Some of this cannot be accepted" in shell.run("plan", "--format", form, code=4)[0]
    _, err = shell.run("plan", "--accept", "protected_user:main/ann:1", code=2)
    assert err.partition("\n")[2] == (
        "error: protected_user:main/ann:1 cannot be accepted: "
        "ann would be blocked, but it is protected. If this is intended, change `safety.protect.users`\n"
    )
    _, err = shell.run("apply", "--yes", code=4)
    assert "If this is intended: reconcile plan --accept" not in err
    _, err = shell.run("plan", "--accept-all", code=2)
    assert "No such option" in err


def test_how_much_was_read_is_kept_even_where_nothing_changes(shell: Shell) -> None:
    rules = {"lifecycle": {"on_missing": "keep"}}
    shell.company(people(1, 10), **rules)
    shell.run("apply", "--yes")
    shell.company(people(1, 9), **rules)
    assert shell.run("apply", "--yes")[0].startswith("No changes.")
    assert shell.sql("select persons, groups, units, members from readings") == [
        (9, None, None, None)
    ]
    shell.run("apply", "--yes")  # leaves what makes the next run a quiet one
    before = (shell.folder / "platform.db").read_bytes()
    shell.run("apply", "--yes")
    assert (shell.folder / "platform.db").read_bytes() == before, "a quiet run changes not a byte"
    shell.company({}, **rules)
    _, err = shell.run("apply", "--yes", code=4)
    assert (
        "shrink:main/corp/persons:9:all: corp has no person, 9 at its last good read: none are left"
        in err
    )
    shell.run(
        "plan",
        "--target",
        "user:p01",
        "--accept",
        "shrink:main/corp/persons:9:all",
        "--out",
        "one.plan",
    )
    shell.run("apply", "one.plan", "--yes")
    assert shell.sql("select persons from readings") == [(9,)], "a narrowed plan is no measure"
    shell.run("plan", "--accept", "shrink:main/corp/persons:9:all", "--out", "the.plan")
    shell.run("apply", "the.plan", "--yes")
    assert shell.sql("select persons from readings") == [(0,)]
    shell.run("apply", "--yes")


def test_refresh_needs_somebody_who_looks(company: Shell) -> None:
    company.run("plan", "--accept", CODE, "--out", "the.plan")
    for arguments, message in (
        (("the.plan", "--refresh", "--yes"), "leave out --yes"),
        (("the.plan", "--refresh"), "there is no terminal to ask on"),
        (("--refresh",), "--refresh needs a plan file"),
    ):
        assert message in company.run("apply", *arguments, code=2)[1]
    assert active(company) == 40


@pytest.mark.parametrize(("answer", "code"), [(b"n\n", 1), (b"y\n", 0)])
def test_a_stale_plan_is_made_anew_and_asked_about(shell: Shell, answer: bytes, code: int) -> None:
    shell.company(people(1, 30))
    shell.run("apply", "--yes")
    shell.company(people(1, 28) | {"uid=new": None})
    shell.run("plan", "--out", "the.plan")
    shell.sql("update users set status = 'blocked' where username = 'p30'")
    shell.sql("update users set status = 'inactive' where username in ('p01', 'p02')")
    ours, theirs = pty.openpty()
    command = [*RECONCILE, "apply", "the.plan", "--refresh"]
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    seen = b""
    for asked, say in ((1, b"y\n"), (2, answer)):
        while seen.count(b"[y/N]") < asked:
            seen += os.read(ours, 4096)
        os.write(ours, say)
    while chunk := terminal_output(ours):
        seen += chunk
    os.close(ours)
    assert child.wait() == code, seen
    assert b"The plan is stale. What has changed since it was made:" in seen
    assert b"user p30: status was 'active', is 'blocked'" in seen
    assert shell.sql("select count(*) from users where username = 'new'") == [(int(code == 0),)]


def test_a_stale_plan_made_anew_accepts_nothing(company: Shell) -> None:
    company.run("plan", "--accept", CODE, "--out", "the.plan")
    company.desired(safety={"shrink": "none", "limits": {"updates": "none"}})
    ours, theirs = pty.openpty()
    command = [*RECONCILE, "apply", "the.plan", "--refresh"]
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    seen = b""
    while chunk := terminal_output(ours):
        seen += chunk
    os.close(ours)
    assert child.wait() == 4, seen
    assert b"Acceptances recorded in the old plan no longer apply: users_lost:main/corp:12" in seen
    assert b"[y/N]" not in seen
    assert active(company) == 40


def test_a_stale_undo_is_not_made_anew_by_the_rules(shell: Shell) -> None:
    shell.company(people(1, 3))
    shell.run("apply", "--yes")
    (run,) = shell.sql("select run from history_runs")[0]
    shell.run("plan", "--undo", run, "--accept", "users_lost:main/corp:3:all", "--out", "undo.plan")
    shell.sql("update users set last_name = 'Moved' where username = 'p01'")
    ours, theirs = pty.openpty()
    command = [*RECONCILE, "apply", "undo.plan", "--refresh"]
    child = subprocess.Popen(command, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True)
    os.close(theirs)
    seen, answered = b"", False
    while chunk := terminal_output(ours):
        seen += chunk
        if b"[y/N]" in seen and not answered:
            answered = bool(os.write(ours, b"y\n"))
    os.close(ours)
    assert child.wait() == 2, seen
    assert b"make a new one with `reconcile plan --undo`" in seen


def test_usernames_move_to_another_scheme_whatever_the_limit_of_updates(shell: Shell) -> None:
    shell.company(people(1, 10))
    shell.run("apply", "--yes")
    source = {
        "name": "corp",
        "type": "ldif",
        "files": ["corp.ldif"],
        "base_dn": "dc=example,dc=com",
    }
    renaming = {"create": "all", "fields": {"username": "{{ identifier }}.corp"}}
    shell.desired(sources=[source | {"users": renaming}], safety={"protect": {"users": ["p01"]}})
    shell.run("plan", code=4)
    _, err = shell.run("migrate-usernames", "--yes", code=4)
    assert "p01 would be renamed to p01.corp, but it is protected" in err
    assert "updates:" not in err
    shell.desired(sources=[source | {"users": renaming, "expect": {"persons": ["canary"]}}])
    assert "corp has no person canary" in shell.run("migrate-usernames", "--yes", code=4)[1]
    shell.desired(sources=[source | {"users": renaming}])
    shell.run("migrate-usernames", "--yes")
    assert shell.sql("select count(*) from users where username like '%.corp'") == [(10,)]


def test_one_workspace_that_loses_too_much_stops_all(shell: Shell) -> None:
    two = {
        "platform": {"type": "sql", "url": "sqlite:///platform.db", "workspaces": ["one", "two"]}
    }
    shell.company({"uid=ann": None, "uid=bob": None}, **two)
    shell.run("apply", "--yes")
    shell.sql("update users set status = 'blocked' where workspace_id = 1 and username = 'bob'")
    shell.company({"uid=bob": None}, **two)
    _, err = shell.run("apply", "--yes", code=4)
    assert "users_lost:one/corp:1" in err
    assert "two" not in err
    assert shell.sql("select count(*) from users where status = 'active'") == [(3,)]


def test_an_account_without_a_name_is_known_by_its_number(
    company: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in a container that is run under any number."""

    def nameless(number: int) -> None:
        raise KeyError(number)

    monkeypatch.setattr("pwd.getpwuid", nameless)
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    whom = f"uid {os.getuid()}"
    assert f"Accepted by {whom}, " in company.run("plan", "--accept", CODE, "--out", "the.plan")[0]
    company.run("apply", "the.plan", "--yes")
    assert f"{whom} on " in company.run("history")[0]
