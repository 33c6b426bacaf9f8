"""`ssh-keygen -Y`: OpenSSH makes and verifies the signatures, none of that is done here."""

import os
import re
import subprocess
from typing import Final, NamedTuple

from reconcile.errors import UsageError
from reconcile.model.text.printing import quoted

NAMESPACE: Final = "plan@reconcile"
"""What a plan file is signed for: a signature of a Git commit or of a mail is none of a plan."""
VERIFYING: Final = 60.0
"""Seconds."""
SIGNING: Final = 300.0
"""Seconds; a person may have to type a passphrase or touch a key."""
_NEEDED: Final = "ssh-keygen of OpenSSH 8.9 or newer (on Debian: the package openssh-client)"
_TOO_OLD: Final = re.compile(
    r"^(usage: |.*(unknown|illegal|unsupported) (option|operation))", re.IGNORECASE
)


class Answer(NamedTuple):
    """How a call ended; `says` is its standard error, a line each, without empty lines."""

    code: int
    output: bytes
    says: tuple[str, ...]

    @property
    def last(self) -> str:
        """The last line, fit to be shown."""
        return quoted(self.says[-1]) if self.says else f"it ended with exit code {self.code}"

    def mentions(self, text: str) -> bool:
        """Whether a line of standard error contains a text."""
        return any(text in line for line in self.says)


def call(action: str, *arguments: str, data: bytes, seconds: float = VERIFYING) -> Answer:
    """`ssh-keygen -Y ACTION …` with data on standard input.

    Raises UsageError if ssh-keygen is missing, too old, or takes too long.
    """
    command = ["ssh-keygen", "-Y", action, *arguments]
    try:
        done = subprocess.run(  # noqa: S603 - no shell; paths are values of options
            command,
            input=data,
            capture_output=True,
            timeout=seconds,
            check=False,
            env=os.environ | {"LC_ALL": "C"},
        )
    except FileNotFoundError as error:
        raise UsageError(f"signatures need {_NEEDED}, which is not installed here") from error
    except subprocess.TimeoutExpired as error:
        raise UsageError(f"ssh-keygen -Y {action} did not end within {seconds:.0f} s") from error
    except OSError as error:
        raise UsageError(f"ssh-keygen cannot be run: {error.strerror}") from error
    lines = done.stderr.decode(errors="replace").splitlines()
    says = tuple(line.strip() for line in lines if line.strip())
    if done.returncode and any(map(_TOO_OLD.match, says)):
        raise UsageError(f"signatures need {_NEEDED}; the one here says: {quoted(says[0])}")
    return Answer(done.returncode, done.stdout, says)
