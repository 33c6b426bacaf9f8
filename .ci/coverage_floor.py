"""Fails where too few branches of a package were taken.

coverage json -o - | coverage_floor.py PERCENT PACKAGE...
"""

import json
import sys
from typing import Any


def taken(report: dict[str, Any], package: str) -> tuple[int, int]:
    """How many branches of a package were taken, and how many there are."""
    summaries = [
        file["summary"] for name, file in report["files"].items() if name.startswith(f"{package}/")
    ]
    return sum(s["covered_branches"] for s in summaries), sum(s["num_branches"] for s in summaries)


def missing(report: dict[str, Any], package: str) -> list[str]:
    """The branches that were not taken, one line a file, as `from→to` in lines.

    A negative line is the way out.
    """
    return [
        f"  {name}: {', '.join(f'{start}→{end}' for start, end in file['missing_branches'])}"
        for name, file in sorted(report["files"].items())
        if name.startswith(f"{package}/") and file["missing_branches"]
    ]


def main(floor: float, packages: list[str]) -> int:
    """One line a package; 1 if one of them is below the floor.

    A package without any branch counts as below it: only a typo can mean that.
    """
    report = json.load(sys.stdin)
    low = False
    for package in packages:
        count, total = taken(report, package)
        percent = 100 * count / total if total else 0.0
        print(
            f"{package}: {count} of {total} branches taken, {percent:.1f} % (at least {floor:g} %)"
        )
        if percent < floor:
            low = True
            print("\n".join(missing(report, package)))
    return int(low)


if __name__ == "__main__":
    sys.exit(main(float(sys.argv[1]), sys.argv[2:]))
