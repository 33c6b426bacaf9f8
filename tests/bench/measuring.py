"""What one process costs: wall time, CPU time, peak memory."""

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Self

import msgspec

ROOT = Path(__file__).parents[2]
_CHILD = Path(__file__).with_name("child.py")
_ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}
"""What is installed has been compiled: no run is to pay for that."""


class WrongExit(Exception):
    """A measured command ended otherwise than it must for its cost to mean anything."""


class Cost(msgspec.Struct, frozen=True):
    """Of one process from its start to its end; CPU is user and system time, without the server's."""

    wall: float
    cpu: float
    mib: float

    @classmethod
    def typical(cls, costs: Sequence[Self]) -> Self:
        """The median of each part."""
        return cls(
            *(median(getattr(cost, part) for cost in costs) for part in cls.__struct_fields__)
        )


class _Report(Cost, frozen=True):
    code: int


def measure(command: Sequence[str | Path], folder: Path, *, expected: int = 0) -> Cost:
    """Runs a command, its output thrown away, and says what it cost. Raises WrongExit if it ends with another code."""
    report, errors = folder / "cost.json", folder / "errors.txt"
    # -I -S: see child.py.
    starter = [sys.executable, "-I", "-S", _CHILD, report, *command]
    with errors.open("wb") as stderr:
        subprocess.run(
            starter,
            cwd=ROOT,
            env=_ENVIRONMENT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            check=True,
        )
    cost = msgspec.json.decode(report.read_bytes(), type=_Report)
    if cost.code != expected:
        line = " ".join(map(str, command))
        raise WrongExit(
            f"{line}\nended with {cost.code}, not {expected}:\n{errors.read_text(errors='replace')}"
        )
    return Cost(cost.wall, cost.cpu, cost.mib)
