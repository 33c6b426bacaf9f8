"""The example that takes a workspace of ProcessMaker over runs as its README says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.processmaker import dump

TOP = Path(__file__).parents[2]
FOLDER = TOP / "examples" / "processmaker"
pytestmark = pytest.mark.server


def test_the_example_takes_the_workspace_over(tmp_path: Path) -> None:
    if shutil.which("mariadbd", path=os.environ["PATH"] + ":/usr/sbin") is None:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
            "mariadbd is not installed"
        )
    folder = tmp_path / "processmaker"
    shutil.copytree(FOLDER, folder, ignore=shutil.ignore_patterns("server", "*.plan"))
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(TOP),
    }
    done = subprocess.run(
        ["./run"],
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed, 0 skipped" in done.stdout
    assert "No changes." in done.stdout
    assert "+ user" not in done.stdout.replace("+ user ivy", ""), "only Ivy is new"
    assert not (folder / "server" / "pid").exists(), "the server is stopped"


@pytest.mark.full
def test_its_files_are_what_their_script_makes() -> None:
    for name, content in dump.files().items():
        assert (FOLDER / name).read_text(encoding="utf-8") == content, (
            "python -m tests.processmaker.dump examples/processmaker"
        )
