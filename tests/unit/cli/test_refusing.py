"""A refused login takes the same time, whatever it was refused for."""

import pytest

from reconcile.app.login.refusal_time import evenly
from reconcile.errors import LoginRefused, SourceUnreadable


class Clock:
    """Time that passes only when it is made to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds >= 0
        self.now += seconds


def refused_after(worked: float, unit: float, error: Exception | None = None) -> float:
    """How long it takes in all, where so many seconds are needed to find out."""
    clock = Clock()

    def work() -> None:
        with evenly(unit, clock, clock.sleep):
            clock.now += worked
            raise error or LoginRefused("failed", "login failed")

    with pytest.raises(type(error) if error else LoginRefused):
        work()
    return clock.now - 1000


@pytest.mark.parametrize("worked", [0.0, 0.004, 0.3, 1.2, 1.999])
def test_nobody_there_a_quick_and_a_slow_password_take_the_same(worked: float) -> None:
    assert refused_after(worked, 2) == pytest.approx(2)


@pytest.mark.parametrize("worked", [2.001, 2.5, 3.9])
def test_what_takes_longer_takes_a_whole_multiple(worked: float) -> None:
    assert refused_after(worked, 2) == pytest.approx(4)


@pytest.mark.parametrize(
    "reason", ["failed", "wait", "local", "disabled", "out_of_service", "not_registered"]
)
def test_the_reason_makes_no_difference(reason: str) -> None:
    assert refused_after(0.1, 2, LoginRefused(reason, "no")) == pytest.approx(2)  # type: ignore[arg-type]


def test_zero_answers_at_once() -> None:
    assert refused_after(0.3, 0) == pytest.approx(0.3)


def test_who_is_let_in_and_what_is_no_refusal_wait_for_nothing() -> None:
    assert refused_after(0.3, 2, SourceUnreadable("down")) == pytest.approx(0.3)
    clock = Clock()
    with evenly(2, clock, clock.sleep):
        clock.now += 0.3
    assert clock.now == pytest.approx(1000.3)
