"""How much is tried: `make test` takes a sample of the large grids, `make test-all` the whole of them."""

from collections.abc import Iterable
from itertools import product
from typing import Any

import pytest
from hypothesis import settings


def sample(kept: Iterable[Any], rest: Iterable[Any]) -> list[Any]:
    """Values to parametrise a test by: those that `make test` keeps, then those that it leaves out."""
    return [*kept, *(pytest.param(value, marks=pytest.mark.full) for value in rest)]


def parts(count: int, kept: int) -> list[Any]:
    """The numbers of so many parts of a large grid; `make test` keeps the first few."""
    return sample(range(kept), range(kept, count))


def diagonal(*axes: Iterable[Any]) -> list[Any]:
    """All combinations of the values of several axes; `make test` keeps so few that each value has one."""
    grid = [list(axis) for axis in axes]
    kept = {tuple(row % len(axis) for axis in grid) for row in range(max(map(len, grid)))}
    return [
        pytest.param(
            *(axis[place] for axis, place in zip(grid, places, strict=True)),
            marks=() if places in kept else pytest.mark.full,
        )
        for places in product(*(range(len(axis)) for axis in grid))
    ]


def turns(*values: Any) -> list[Any]:
    """Values of which `make test` keeps one for each test and each case of it, in turns.

    A test of which each value is the subject has the mark `each`, and keeps all.
    """
    return [
        pytest.param(value, marks=pytest.mark.turn(value))
        if not hasattr(value, "marks")
        else value._replace(marks=[*value.marks, pytest.mark.turn(*value.values)])
        for value in values
    ]


def take_turns(items: Iterable[pytest.Item]) -> None:
    """Marks as `full` what `turns` leaves out."""
    modules: dict[str, dict[str, dict[str, list[pytest.Item]]]] = {}
    for item in items:
        mark = item.get_closest_marker("turn")
        if mark is None or item.get_closest_marker("each") or item.get_closest_marker("full"):
            continue
        case = item.name.replace(str(mark.args[0]), "", 1)
        module, _, name = item.nodeid.partition("[")[0].partition("::")
        modules.setdefault(module, {}).setdefault(name, {}).setdefault(case, []).append(item)
    # From one test to the next another value begins, and from one case of a test to the next.
    for tests in modules.values():
        for number, cases in enumerate(tests.values()):
            for turn, choices in enumerate(cases.values(), number):
                for place, item in enumerate(choices):
                    if place != turn % len(choices):
                        item.add_marker(pytest.mark.full)


def size(least: int, most: int) -> int:
    """How many there are of something: the first number in `make test`, the second in `make test-all`."""
    return most if settings.default.max_examples >= 100 else least


def examples(count: int) -> int:
    """So many random examples of a test, or the part of them that the profile asks for."""
    return count * settings.default.max_examples // 100
