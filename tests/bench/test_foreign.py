"""Foreign text takes no function more than linear time."""

import pytest

from tests.bench.foreign import FEWER, FUNCTIONS, LONGEST, TEXTS, Timed, measured
from tests.effort import size


@pytest.mark.parametrize("function", FUNCTIONS)
def test_eight_times_the_text_takes_no_more_than_a_few_times_as_long_again(function: str) -> None:
    """Quadratic work takes sixty-four times as long; half of that is far from both, on a busy machine too."""
    begin = list(FUNCTIONS).index(function) % 2
    for text in list(TEXTS)[size(begin, 0) :: size(2, 1)]:
        timed = measured(function, text)
        if timed.grows_too_fast:
            timed = measured(function, text, repeated=5)
        assert not timed.grows_too_fast, timed


def test_quadratic_work_is_noticed() -> None:
    assert Timed("f", "t", LONGEST, 64 * LONGEST).grows_too_fast
    assert not Timed("f", "t", LONGEST, 8 * LONGEST).grows_too_fast
    assert not Timed("f", "t", LONGEST / 64, LONGEST).grows_too_fast, "too short to be sure"
    assert all(len(make(FEWER)) >= FEWER - 1 for make in TEXTS.values())
