"""The tests' own servers, and what importing the layer costs."""

import subprocess
import sys

import pytest

from tests.servers import slapd


def test_a_server_that_is_not_installed_is_skipped_but_fails_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slapd, "_PATH", "")
    monkeypatch.delenv("CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match="slapd is not installed"):
        slapd.program("slapd")
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="slapd is not installed"):
        slapd.program("slapd")


@pytest.mark.parametrize("module", ["ldap", "ldif", "memory"])
def test_importing_an_adapter_warns_of_nothing(module: str) -> None:
    subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import reconcile.directories.{module}"], check=True, timeout=30
    )
