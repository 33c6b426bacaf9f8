"""A plan file that was made on another host, by somebody else, for another platform or workspace."""

import re
import socket

import pytest

from reconcile.cli.account import account
from tests.scenarios.shell import Shell

PEOPLE = {"uid=ann": None, "uid=bob": None, "uid=cid": None}


@pytest.fixture
def planned(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """A folder with a plan of anna on a laptop, that changes what exists."""
    shell.company(PEOPLE)
    shell.run("apply", "--yes")
    shell.company({name: {"sn": "Other"} for name in PEOPLE})
    with monkeypatch.context() as elsewhere:
        elsewhere.setattr(socket, "gethostname", lambda: "laptop")
        elsewhere.setenv("LOGNAME", "anna")
        shell.run("plan", "--out", "the.plan")
    return shell


def here() -> str:
    return f"{account()} on {socket.gethostname()}"


def test_a_plan_says_who_made_it(planned: Shell) -> None:
    out, _ = planned.run("show", "the.plan")
    assert re.search(r"^  made by anna on laptop, \d{4}-\d\d-\d\dT[\d:]+Z$", out, re.MULTILINE)
    assert "anna" not in planned.run("show", "the.plan", "--redact")[0]
    assert "by anna on laptop" in planned.run("show", "the.plan", "--format", "html")[0]


def test_another_configuration(planned: Shell) -> None:
    planned.desired(lifecycle={"on_missing": "keep"})
    _, err = planned.run("apply", "the.plan", "--yes", code=5)
    assert "the desired state in reconcile.yml is not the one the plan was made from\n" in err
    made = r"It was made by anna on laptop, \S+Z; this is " + re.escape(here())
    assert re.search(made, err)


def test_another_file_and_another_workspace(planned: Shell) -> None:
    settings = {"type": "sql", "url": "sqlite:///platform.db", "workspaces": ["two", "three"]}
    planned.desired(platform=settings)
    (planned.folder / "reconcile.yml").rename(planned.folder / "other.yml")
    _, err = planned.run("apply", "the.plan", "--config", "other.yml", "--yes", code=5)
    assert "the desired state in other.yml is not the one" in err
    assert "which was reconcile.yml" in err
    assert "the plan is for workspace main, and here there are two, three" in err


def test_another_platform(planned: Shell) -> None:
    (planned.folder / "platform.db").unlink()
    _, err = planned.run("apply", "the.plan", "--yes", code=5)
    assert "user ann no longer exists" in err
    assert "Was it made for another platform? Make a new plan." in err
    assert "by anna on laptop" in err


def test_what_one_person_deleted_is_no_other_platform(planned: Shell) -> None:
    planned.sql("DELETE FROM grants")
    planned.sql("DELETE FROM users WHERE username = 'ann'")
    _, err = planned.run("apply", "the.plan", "--yes", code=5)
    assert "user ann no longer exists" in err
    assert "another platform" not in err


def test_applied_already(planned: Shell) -> None:
    planned.run("apply", "the.plan", "--yes")
    out, _ = planned.run("apply", "the.plan", "--yes")
    assert "This plan file was already applied by run" in out
    # The same changes by another plan: the file is stale, and the message says how it came to that.
    planned.company({"uid=dan": None, **{name: {"sn": "Other"} for name in PEOPLE}})
    planned.run("plan", "--out", "first.plan")
    planned.run("apply", "--yes")
    _, err = planned.run("apply", "first.plan", "--yes", code=5)
    assert "already exists" in err
    assert "Was it applied already? Make a new plan." in err
