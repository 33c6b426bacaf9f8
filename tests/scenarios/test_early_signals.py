"""A signal before a command has read its options: it is said like any other error, and nothing is begun."""

import subprocess
import sys

EARLY = """
import os, signal, sys, time
from reconcile import cli
genuine = cli.cli.make_context
def interrupted(*given, **named):
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)
    return genuine(*given, **named)
cli.cli.make_context = interrupted
sys.argv = ["reconcile", "users"]
cli.main()
"""


def test_a_signal_before_the_options_are_read_is_said() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", EARLY], capture_output=True, check=False, text=True, timeout=60
    )
    assert ended.returncode == 143
    assert "error: interrupted by SIGTERM: nothing was written to the platform" in ended.stderr
    assert ended.stdout == ""
