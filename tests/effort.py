"""How much is tried: `make test` takes a sample of the large grids, `make test-all` the whole of them."""

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import settings


def sample(kept: Iterable[Any], rest: Iterable[Any]) -> list[Any]:
    """Values to parametrise a test by: those that `make test` keeps, then those that it leaves out."""
    return [*kept, *(pytest.param(value, marks=pytest.mark.full) for value in rest)]


def parts(count: int, kept: int) -> list[Any]:
    """The numbers of so many parts of a large grid; `make test` keeps the first few."""
    return sample(range(kept), range(kept, count))


def size(least: int, most: int) -> int:
    """How many there are of something: the first number in `make test`, the second in `make test-all`."""
    return most if settings.default.max_examples >= 100 else least


def examples(count: int) -> int:
    """So many random examples of a test, or the part of them that the profile asks for."""
    return count * settings.default.max_examples // 100
