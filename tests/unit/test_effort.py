"""What `make test` keeps of the large grids: of each value something, of each test something."""

from typing import Any

import pytest

from tests.effort import diagonal, take_turns, turns


class Case:
    """As much of a collected test as `take_turns` looks at."""

    def __init__(self, test: str, value: Any, rest: str = "", *marks: pytest.MarkDecorator) -> None:
        (parameter,) = turns(value)
        self.name = f"{test}[{value}{rest}]"
        self.nodeid = f"tests/test_a.py::{self.name}"
        self.marks = {mark.name: mark for mark in (*parameter.marks, *marks)}

    def get_closest_marker(self, name: str) -> Any:
        return self.marks.get(name)

    def add_marker(self, mark: pytest.MarkDecorator) -> None:
        self.marks[mark.name] = mark


def kept(*cases: Case) -> list[str]:
    take_turns(cases)  # type: ignore[arg-type] # as much of them as it looks at
    return [case.name for case in cases if "full" not in case.marks]


def test_one_value_of_each_test_is_kept_and_the_next_test_keeps_the_next() -> None:
    cases = [Case(test, value) for test in ("a", "b", "c") for value in ("x", "y")]
    assert kept(*cases) == ["a[x]", "b[y]", "c[x]"]


def test_the_other_parameters_keep_all_their_values() -> None:
    cases = [Case("a", value, rest) for rest in ("-1", "-2", "-3") for value in ("x", "y")]
    assert kept(*cases) == ["a[x-1]", "a[y-2]", "a[x-3]"]


def test_where_the_values_are_the_subject_all_are_kept() -> None:
    cases = [Case("a", value, "", pytest.mark.each) for value in ("x", "y")]
    assert kept(*cases) == ["a[x]", "a[y]"]


def test_a_diagonal_has_each_value_once_and_the_whole_has_every_pair() -> None:
    grid = diagonal("ab", [1, 2, 3])
    assert len(grid) == 6
    short = [row.values for row in grid if pytest.mark.full not in row.marks]
    assert short == [("a", 1), ("a", 3), ("b", 2)]
