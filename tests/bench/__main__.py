"""`make bench`: a table of what each work costs, as multiples of the floor, beside the goals."""

import argparse
import os
import platform
import pstats
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from math import inf
from pathlib import Path

import msgspec
import pytest

from tests.bench.measuring import ROOT, Cost, WrongExit, measure
from tests.bench.population import GROUP_COUNT, GROUP_SIZE
from tests.bench.scenarios import RECONCILE, WORKS, Goal, one_run, setting

HELP_GOAL = 0.10
WARM_UP = 200

Costs = Mapping[str, Sequence[Cost]]


def main() -> int:
    """Runs what the command line asks for; 1 where a command fails, whether or not the goals are met."""
    arguments = _arguments()
    try:
        with tempfile.TemporaryDirectory(prefix="reconcile-bench-") as folder:
            if arguments.profile:
                _profile(Path(folder), arguments.persons[-1], arguments.profile)
            else:
                _measure(Path(folder), arguments)
    except WrongExit as error:
        _say(str(error))
        return 1
    except (pytest.skip.Exception, pytest.fail.Exception) as error:
        _say(str(error))  # how the tests' servers say that slapd is missing
        return 1
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument(
        "--persons",
        type=int,
        nargs="+",
        default=[2_000, 20_000],
        help="sizes of the directory; goals are set for 20000, 200000 and 1000000",
    )
    parser.add_argument("--runs", type=int, default=3, help="how often; the median counts")
    parser.add_argument(
        "--json", type=Path, metavar="FILE", help="write every single measurement there"
    )
    works = [work.name for work in WORKS if work.goals and work.name != "read"]
    parser.add_argument(
        "--profile", choices=works, help="only this, in cProfile: the top 25 by own time"
    )
    return parser.parse_args()


def _measure(folder: Path, arguments: argparse.Namespace) -> None:
    _say(
        f"Python {platform.python_version()}, ldap3 {version('ldap3')}, {os.cpu_count()} CPUs, ",
        end="",
    )
    # On a busy machine wall times say little; CPU times suffer less.
    _say(f"load {os.getloadavg()[0]:.1f}; median of {arguments.runs}, whole processes")
    # Compiles what Python has not compiled yet, and fails early where something is wrong.
    if max(arguments.persons) > WARM_UP:
        with setting(folder / "warm-up", WARM_UP) as made:
            one_run(made)

    help_costs = [measure([RECONCILE, "--help"], folder) for _ in range(max(arguments.runs, 5))]
    measured: dict[str, Costs] = {"help": {"help": help_costs}}
    for persons in arguments.persons:
        with setting(folder / str(persons), persons) as made:
            runs = [one_run(made) for _ in range(arguments.runs)]
        measured[str(persons)] = {name: [run[name] for run in runs] for name in runs[0]}
        _table(persons, measured[str(persons)])

    helped = Cost.typical(help_costs)
    verdict = _verdict(helped.cpu, HELP_GOAL, " s of CPU")
    _say(
        f"\nreconcile --help: {helped.wall:.2f} s, {helped.cpu:.3f} s of CPU, {helped.mib:.0f} MiB; {verdict}"
    )
    if arguments.json:
        about = {
            "python": platform.python_version(),
            "cpus": os.cpu_count(),
            "runs": arguments.runs,
        }
        arguments.json.write_bytes(
            msgspec.json.format(msgspec.json.encode({**about, "measured": measured}))
        )


def _table(persons: int, costs: Costs) -> None:
    _say(f"\n{persons:,} persons, {GROUP_COUNT} groups of {GROUP_SIZE}")
    _say(f"  {'':34}{'wall s':>8}{'× floor':>9}{'CPU s':>8}{'× floor':>9}{'MiB':>6}")
    for work in WORKS:
        if work.name in costs:
            cost, against = Cost.typical(costs[work.name]), Cost.typical(costs[work.against])
            wall, cpu = cost.wall / against.wall, cost.cpu / against.cpu
            line = f"  {work.title:34}{cost.wall:8.2f}{wall:9.2f}{cost.cpu:8.2f}{cpu:9.2f}{cost.mib:6.0f}"
            _say(f"{line}  {_goals(work.goals.get(persons), cpu, cost.mib)}".rstrip())


def _goals(goal: Goal | None, ratio: float, mib: float) -> str:
    """CPU time has to keep to the goal: wall time contains what the server takes."""
    if goal is None:
        return ""
    memory = "" if goal.mib == inf else f"; {_verdict(mib, goal.mib, ' MiB')}"
    return _verdict(ratio, goal.ratio, " ×") + memory


def _verdict(value: float, goal: float, unit: str) -> str:
    if value <= goal:
        return f"≤ {goal:g}{unit} met"
    return f"≤ {goal:g}{unit} MISSED by {value - goal:.2g}"


def _profile(folder: Path, persons: int, name: str) -> None:
    """Does the works before the one that is asked for, and then that one in the profiler."""
    file = folder / "profile"
    with setting(folder / str(persons), persons) as made:
        for earlier, command in made.commands().items():
            if earlier == name:
                profiled = [sys.executable, "-m", "cProfile", "-o", file, *command]
                if code := subprocess.run(
                    profiled, cwd=ROOT, stdout=subprocess.DEVNULL, check=False
                ).returncode:
                    raise WrongExit(f"{name} ended with {code} in the profiler")
                break
            measure(command, made.folder)
    pstats.Stats(str(file)).sort_stats("tottime").print_stats(25)


def _say(text: str, end: str = "\n") -> None:
    sys.stdout.write(text + end)
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
