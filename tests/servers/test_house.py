"""The tests' own servers, and what importing the layer costs."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.servers import ds389, samba, slapd


@pytest.mark.parametrize(
    ("start", "name"), [(slapd.slapd, "slapd"), (samba.samba, "samba"), (ds389.ds389, "ns-slapd")]
)
def test_a_server_that_is_not_installed_is_skipped_but_fails_in_ci(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, start: Callable[..., Any], name: str
) -> None:
    monkeypatch.setattr(slapd, "_PATH", "")
    monkeypatch.delenv("CI", raising=False)
    said = rf"{name} is not installed \(Debian: apt-get install "
    with pytest.raises(pytest.skip.Exception, match=said), start(tmp_path / "a", ""):
        pass
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match=said), start(tmp_path / "b", ""):
        pass


@pytest.mark.parametrize("module", ["ldap.adapter", "ldif.adapter", "ldif.memory"])
def test_importing_an_adapter_warns_of_nothing(module: str) -> None:
    subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import reconcile.directories.{module}"],
        check=True,
        timeout=30,
    )
