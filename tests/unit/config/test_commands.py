"""Commands that give secrets are bounded in time and output, with all that they start."""

import os
import sys
import time
from pathlib import Path

import pytest

from reconcile.config.secrets import command

MOST = 100_000


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def run(code: str, seconds: float = 20) -> command.Done:
    return command.run(python(code), seconds=seconds, most=MOST)


def is_gone(process: int) -> bool:
    """Whether a process has ended, within a few seconds."""
    for _ in range(200):
        try:
            state = (
                Path(f"/proc/{process}/stat")
                .read_text(encoding="utf-8")
                .rpartition(")")[2]
                .split()[0]
            )
        except FileNotFoundError:
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False


def test_output_and_exit_code() -> None:
    assert run("print('a' * 90_000, end='')") == (0, b"a" * 90_000)
    assert run("import sys; print('x'); sys.exit(3)") == (3, b"x\n")
    assert run("import sys; sys.stderr.write('e' * 10**6)") == (0, b"")
    assert run("print(input())").code == 1


def test_endless_output_ends_at_the_limit() -> None:
    done = run("import os\nwhile True: os.write(1, b'x' * 65536)")
    assert len(done.output) == MOST + 1


@pytest.mark.parametrize(
    "code",
    [
        "import time; time.sleep(60)",
        "import os, time; os.close(1); time.sleep(60)",
        "import os, time\nwhile True: os.write(1, b'.'); time.sleep(.01)",
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)",
    ],
)
def test_a_slow_command_is_killed(code: str) -> None:
    with pytest.raises(command.TooSlow):
        run(code, seconds=0.5)


def test_what_a_slow_command_started_is_killed_too(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    code = f"import os, time\nif os.fork() == 0: open({str(noted)!r}, 'w').write(str(os.getpid()))\ntime.sleep(60)"
    with pytest.raises(command.TooSlow):
        run(code, seconds=2)
    assert is_gone(int(noted.read_text(encoding="utf-8")))


def test_what_a_command_leaves_behind_is_not_waited_for(tmp_path: Path) -> None:
    noted = tmp_path / "pid"
    code = f"""
import os, time
child = os.fork()
if child == 0:
    time.sleep(60)
open({str(noted)!r}, 'w').write(str(child))
os.write(1, b'secret')
os._exit(0)
"""
    try:
        assert run(code, seconds=30) == (0, b"secret")
        assert Path(f"/proc/{noted.read_text(encoding='utf-8')}").exists()
    finally:
        os.kill(int(noted.read_text(encoding="utf-8")), 9)


def test_what_is_no_command() -> None:
    with pytest.raises(OSError, match="No such file"):
        command.run(["/nonexistent/x"], seconds=1, most=MOST)
    with pytest.raises(ValueError, match="null byte"):
        command.run(["a\0b"], seconds=1, most=MOST)
