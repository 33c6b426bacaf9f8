"""The benchmark of SCIM works, and the requests it counts are as few as promised on any machine."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from reconcile.testing.scim import ScimStandIn, scim_service
from tests.bench.measuring import ROOT
from tests.bench.scim import write
from tests.scenarios.shell import Shell


def test_requests_are_few(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shell = Shell(tmp_path, capsys, monkeypatch)

    def requests(service: ScimStandIn, *command: str) -> int:
        service.requests.clear()
        shell.run(*command)
        return len(service.requests)

    with scim_service() as service:
        write(tmp_path, service.url, 40)
        assert 40 <= requests(service, "apply", "--yes") <= 48
        assert requests(service, "plan", "--check") == 2
        write(tmp_path, service.url, 40, "example.net")
        assert 40 <= requests(service, "apply", "--yes") <= 48


@pytest.mark.full
def test_every_work_is_measured_with_its_requests() -> None:
    command = [sys.executable, "-m", "tests.bench.scim"]
    command += ["--runs", "1", "--new", "30", "--known", "40"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = re.findall(r"^(\w+) +(\d+) users:.* (\d+) requests", done.stdout, re.MULTILINE)
    requests = {name: (int(users), int(count)) for name, users, count in found}
    assert requests["nothing"] == (40, 2)
    for name in ("new", "changed"):
        users, count = requests[name]
        assert users <= count <= users * 1.2
