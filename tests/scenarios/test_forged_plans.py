"""Plan files by somebody who can write one and no more: they choose nothing, and what they say is bounded."""

import json
import os
from typing import Any

import msgspec
import pytest

from reconcile.applying import dumps, loads
from reconcile.model.change import Acceptance, Scope, Violation
from reconcile.model.platform import Reading
from tests.scenarios import forging
from tests.scenarios.forging import change
from tests.scenarios.shell import Shell

EVIL = """\
version: 1
platform: {type: sql, url: "sqlite:///platform.db"}
sources:
  - {name: corp, type: ldif, files: [corp.ldif], base_dn: "dc=example,dc=com", note: "{{ command('touch run') }}"}
"""


@pytest.fixture
def planned(shell: Shell) -> Shell:
    shell.company({"uid=ann": None})
    shell.run("plan", "--out", "the.plan")
    return shell


@pytest.mark.parametrize(
    "named",
    [
        ("{evil}",),
        ("evil/reconcile.yml",),
        ("evil",),
        ("../x/reconcile.yml",),
        ("reconcile.yml", "{evil}"),
        ("{evil}", "reconcile.yml"),
        ("evil/../reconcile.yml",),
        ("link.yml",),
        ("/dev/zero",),
        ("reconcile.yml\n",),
        ("a\0b",),
        ("x" * 100_000,),
        tuple(f"{number}.yml" for number in range(10_000)),
        ("",),
        (),
    ],
)
def test_a_plan_does_not_choose_what_is_run(planned: Shell, named: tuple[str, ...]) -> None:
    """The stranger's file is a FIFO: whatever opens it waits for ever."""
    evil = planned.folder / "evil" / "reconcile.yml"
    evil.parent.mkdir()
    os.mkfifo(evil)
    (planned.folder / "link.yml").symlink_to(evil)
    forging.forged(planned.folder / "the.plan", files=tuple(one.format(evil=evil) for one in named))
    for more in ((), ("--force",)):
        _, err = planned.run("apply", "the.plan", "--yes", *more, code=2)
        assert err.startswith("error: the.plan was made from ")
        assert err.endswith("To apply it with another one, give --config PATH\n")
        assert err.count("\n") == 1
        assert len(err) < 1500
    out, _ = planned.run("show", "the.plan")
    assert "configuration: " in out.splitlines()[-2]
    assert not (planned.folder / "platform.db").exists()


def test_a_stranger_s_configuration_is_not_loaded_though_its_digest_is_right(
    planned: Shell,
) -> None:
    path = planned.folder / "evil.yml"
    path.write_text(EVIL.replace("command('touch run')", "'x'"), encoding="utf-8")
    planned.run("plan", "evil.yml", "--out", "evil.plan")
    path.write_text(EVIL, encoding="utf-8")
    for files in (("reconcile.yml",), ("evil.yml",)):
        forging.forged(planned.folder / "evil.plan", files=files)
        planned.run("apply", "evil.plan", "--yes", code=5 if files == ("reconcile.yml",) else 2)
    assert not (planned.folder / "run").exists()


def test_the_operator_s_configuration_is_the_one_that_is_named(planned: Shell) -> None:
    forging.forged(planned.folder / "the.plan", files=("\x1b[2Jsafe.yml",))
    assert r"configuration: \x1b[2Jsafe.yml (sha256 " in planned.run("show", "the.plan")[0]
    out, _ = planned.run("apply", "the.plan", "--yes", "--config", "reconcile.yml")
    assert "\n  configuration: reconcile.yml (sha256 " in out
    assert "safe.yml" not in out
    (run,) = json.loads(planned.run("history", "--format", "json")[0])
    assert run["files"] == ["reconcile.yml"]
    shown, _ = planned.run("history", run["run"])
    assert "\n  configuration: reconcile.yml (sha256 " in shown
    planned.run("history", "--verify")


def test_a_plan_of_next_year_is_judged_with_the_losses_of_this_week(shell: Shell) -> None:
    """`window` adds up what was lost of late, and a plan file says when it was made."""
    people: dict[str, Any] = {f"uid=u{number:02}": None for number in range(40)}
    limits = {
        "safety": {"limits": {"users_lost": "10%"}, "shrink": "none"},
        "lifecycle": {"on_missing": "block"},
    }
    shell.company(people, **limits)
    shell.run("apply", "--yes")
    shell.company(dict(list(people.items())[4:]), **limits)
    shell.run("apply", "--yes")
    shell.company(dict(list(people.items())[7:]), **limits)
    shell.run("plan", "--out", "the.plan", code=4)
    forging.forged(shell.folder / "the.plan", violations=(), created="2999-01-01T00:00:00Z")
    _, err = shell.run("apply", "the.plan", "--yes", code=4)
    assert "users_lost:main/corp:3+4" in err


def test_only_the_very_undo_of_a_run_may_put_back_what_no_rule_says(shell: Shell) -> None:
    shell.company({"uid=ann": None, "uid=bob": None})
    shell.run("apply", "--yes")
    run = shell.sql("select run from history_runs")[0][0]
    shell.run(
        "plan",
        "--undo",
        run,
        "--out",
        "undo.plan",
        "--accept",
        "users_lost:main/corp:2:all",
        code=0,
    )
    path = shell.folder / "undo.plan"
    made = loads(path.read_bytes(), "undo.plan")
    local = {"source": "corp", "external_id": "id-ann", "dn": "uid=ann,dc=example,dc=com"}
    to_nobody = change("user", "update", "ann", local, dict.fromkeys(local), source="")
    for changes in ((*made.changes, to_nobody), (to_nobody,), made.changes[:1]):
        path.write_bytes(dumps(msgspec.structs.replace(made, changes=changes)))
        assert "are not those that undo run" in shell.run("apply", "undo.plan", "--yes", code=5)[1]
    path.write_bytes(
        dumps(msgspec.structs.replace(made, scope=Scope(undo="20200101T000000Z-000000")))
    )
    assert "are not those that undo run" in shell.run("apply", "undo.plan", "--yes", code=5)[1]
    path.write_bytes(dumps(made))
    shell.run("apply", "undo.plan", "--yes")
    assert shell.sql("select count(*) from users") == [(0,)]


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ({"created": "0001-01-01T00:00:00Z"}, "0001-01-01T00:00:00Z is not a time"),
        ({"created": "2026-01-01T00:00:00+23:59"}, "is not a time"),
        (
            {"scope": Scope(workspaces=("a\nerror: all is well",))},
            r"a\nerror: all is well is not a name",
        ),
        ({"scope": Scope(undo="x" * 100_000)}, "(100000 characters) is not a name"),
        ({"tool": "\x1b[2J"}, r"\x1b[2J is not a name"),
        ({"readings": (Reading("corp", 2**80),)}, f"{2**80} is not a count"),
        ({"readings": (Reading("corp", members=-1),)}, "-1 is not a count"),
        (
            {"readings": (Reading("corp", 1), Reading("corp", 2))},
            "it says twice how much a source held",
        ),
        ({"readings": (Reading("ghost", 1),)}, "there is no source 'ghost'"),
        ({"to_remember": ("ghost",)}, "there is no workspace 'ghost'"),
    ],
)
def test_a_header_that_no_plan_has_is_refused_in_one_short_line(
    planned: Shell, header: dict[str, Any], said: str
) -> None:
    forging.forged(planned.folder / "the.plan", **header)
    _, err = planned.run("apply", "the.plan", "--yes", code=2)
    assert said in err
    assert err.count("\n") == 1
    assert len(err) < 1000
    assert not (planned.folder / "platform.db").exists()


def test_a_plan_s_text_is_one_short_line_of_a_message(planned: Shell) -> None:
    path = planned.folder / "the.plan"
    made = loads(path.read_bytes(), "the.plan")
    (_, user) = made.changes
    violation = Violation("main", "users_lost", "", "x" * 100_000, 1, "d\nerror: all is well")
    for forged in (
        {"changes": (msgspec.structs.replace(user, workspace="w\n" * 50_000),)},
        {
            "changes": (
                msgspec.structs.replace(user, after=(user.after or {}) | {"f\n" * 50_000: "1"}),
            )
        },
        {"violations": (violation,)},
        {"accepted": (Acceptance("c\n" * 50_000, "root", made.created),)},
    ):
        path.write_bytes(dumps(msgspec.structs.replace(made, **forged)))
        _, err = planned.run("apply", "the.plan", "--yes", code=4 if "violations" in forged else 2)
        assert "\nerror: all is well" not in err
        assert len(err) < 10_000
        assert err.count("\n") <= 3


def test_an_over_long_value_is_refused_before_anything_is_written(planned: Shell) -> None:
    path = planned.folder / "the.plan"
    made = loads(path.read_bytes(), "the.plan")
    *first, user = made.changes
    assert user.after is not None
    long = msgspec.structs.replace(user, after=user.after | {"email": "x" * 5000})
    path.write_bytes(dumps(msgspec.structs.replace(made, changes=(*first, long))))
    _, err = planned.run("apply", "the.plan", "--yes", code=2)
    assert (
        "no plan contains such a change: create user ann: email has 5000 characters, the platform takes "
        in err
    )
    assert (
        not planned.sql("select 1 from users")
        if (planned.folder / "platform.db").exists()
        else True
    )
