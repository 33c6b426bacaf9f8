"""The example of an adapter, as a stranger uses it: found by its entry point, over a service of its own."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED

COMPANY = {
    "uid=ann": None,
    "uid=bob": {"manager": "uid=ann"},
    "cn=staff": {"member": ["uid=ann", "uid=bob"]},
}
RULES = {"groups": [{"source": "corp", "select": ["cn=staff"]}]}


@pytest.fixture
def address() -> Iterator[str]:
    command = [sys.executable, "-m", "people_service.service", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as service:
        assert service.stdout is not None
        yield service.stdout.readline().strip()
        service.terminate()


def test_from_nothing_to_a_second_run_that_changes_nothing(shell: Shell, address: str) -> None:
    platform = {"type": "people_service", "address": address}
    shell.company(COMPANY, **RULES, platform=platform)
    shell.run("validate")
    out, _ = shell.run("test")
    assert f"the service at {address} answers" in out
    assert "will be created on the first apply" in out
    out, _ = shell.run("apply", "--yes")
    assert "applied" in out
    state = shell.folder / ".reconcile" / "state.db"
    assert state.stat().st_mode & 0o777 == 0o600
    assert state.parent.stat().st_mode & 0o777 == 0o700
    shell.run("plan", "--check")
    out, _ = shell.run("users")
    assert "ann" in out
    assert "bob" in out
    out, _ = shell.run("history")
    assert "applied" in out


def test_a_service_that_is_not_there_is_said(shell: Shell) -> None:
    shell.company(COMPANY, platform={"type": "people_service", "address": "http://127.0.0.1:9"})
    _, err = shell.run("plan", code=7)
    assert "the service at http://127.0.0.1:9 cannot be used" in err


def test_settings_are_checked_by_the_adapter(shell: Shell) -> None:
    shell.company(COMPANY, platform={"type": "people_service", "adress": "x"})
    out, _ = shell.run("validate", code=2)
    assert "platform.address" in out
    assert "adress" in out


def test_the_sql_platform_has_no_state_elsewhere(shell: Shell) -> None:
    shell.company(COMPANY, state="sqlite:///x.db", platform=DESIRED["platform"])
    out, _ = shell.run("validate", code=2)
    assert "keeps its state in its own database: remove this key" in out
