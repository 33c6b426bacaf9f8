"""What the scenarios share."""

from pathlib import Path

import pytest

from tests import ready_statements, ready_tables
from tests.scenarios.shell import Shell

ready_statements.install()
ready_tables.install()


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    return Shell(tmp_path, capsys, monkeypatch)
