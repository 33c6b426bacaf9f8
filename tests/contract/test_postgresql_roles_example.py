"""The example of the page runs as its README says."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.contract.platforms import Servers
from tests.servers.roles import site

TOP = Path(__file__).parents[2]
pytestmark = pytest.mark.server


def test_the_example_runs_again_and_again(tmp_path: Path, servers: Servers) -> None:
    shutil.copytree(
        TOP / "examples", tmp_path / "examples", ignore=shutil.ignore_patterns("*.db", "server")
    )
    with site(servers("postgresql")) as made:
        made.by_hand(f"GRANT pg_monitor TO {made.account} WITH ADMIN OPTION")
        environment = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(TOP),
            "ROLES_URL": made.url,
        }
        for _ in range(2):
            done = subprocess.run(
                ["./run"],
                cwd=tmp_path / "examples" / "postgresql_roles",
                env=environment,
                check=False,
                capture_output=True,
                text=True,
                timeout=240,
            )
            assert done.returncode == 0, done.stdout + done.stderr
            assert "No changes." in done.stdout
            assert "0 failed" in done.stdout or "No changes." in done.stdout
        assert len(made.roles()) > 150
