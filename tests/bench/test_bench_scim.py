"""The benchmark of SCIM works, and the requests it counts are as few as promised on any machine."""

import re
import subprocess
import sys

from tests.bench.measuring import ROOT


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
