"""How many attempts may fail, and how long to wait then."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.platforms.attempts import FIRST_PAUSE, FREE, LONGEST_PAUSE, MEMORY, Failures, counted, pause

NOW = 1_800_000_000


def test_five_attempts_are_made_at_once_and_the_sixth_waits() -> None:
    before, waits = None, []
    for _ in range(FREE + 1):
        before, wait = counted(before, NOW)
        waits.append(wait)
    assert waits == [0] * FREE + [FIRST_PAUSE]


def test_who_waits_is_not_counted_and_prolongs_nothing() -> None:
    before = Failures(FREE, NOW, NOW + 30)
    assert counted(before, NOW + 10) == (before, 20)
    assert counted(before, NOW + 29) == (before, 1)
    assert counted(before, NOW + 30) == (Failures(FREE + 1, NOW + 30, NOW + 90), 0)


def test_pauses_double_up_to_a_quarter_of_an_hour() -> None:
    assert [pause(count) for count in range(4, 13)] == [0, 30, 60, 120, 240, 480, 900, 900, 900]
    assert pause(10**9) == LONGEST_PAUSE


def test_a_day_after_the_pause_everything_is_forgotten() -> None:
    before = Failures(9, NOW, NOW + 480)
    assert counted(before, NOW + 480 + MEMORY - 1)[0].failures == 10
    assert counted(before, NOW + 480 + MEMORY) == (Failures(1, NOW + 480 + MEMORY, NOW + 480 + MEMORY), 0)


def test_a_clock_that_goes_back_prolongs_no_pause() -> None:
    assert counted(Failures(9, NOW + 5000, NOW + 5480), NOW)[1] == 480


@given(st.lists(st.integers(min_value=0, max_value=120), max_size=400))
def test_whoever_tries_all_day_has_about_a_hundred_attempts(steps: list[int]) -> None:
    before, now, made = None, NOW, 0
    for step in steps * 20:
        now += step
        if now >= NOW + 86400:
            break
        before, wait = counted(before, now)
        made += not wait
        assert wait <= LONGEST_PAUSE
    assert made <= FREE + 6 + 86400 // LONGEST_PAUSE


@pytest.mark.parametrize("failures", [1, FREE - 1])
def test_a_few_failures_bring_no_pause(failures: int) -> None:
    assert counted(Failures(failures, NOW, NOW), NOW + 1)[1] == 0
