"""Where a signal breaks a command off, and where it waits. Signals are raised here, none comes from outside."""

import os
import signal
import time
from collections.abc import Iterator

import pytest

from reconcile import interrupts
from reconcile.interrupts import Interrupted, Restored, listening, masked


@pytest.fixture
def restored(monkeypatch: pytest.MonkeyPatch) -> Iterator[Restored]:
    monkeypatch.setattr(
        interrupts, "STUCK", 60.0
    )  # a busy machine is no library that waits; it would end the tests
    before = signal.getsignal(signal.SIGINT)
    with listening() as made:
        yield made
    assert signal.getsignal(signal.SIGINT) == before
    assert not interrupts.received()


def test_it_is_raised_at_once(restored: Restored) -> None:
    with pytest.raises(Interrupted, match="SIGTERM"), restored():
        os.kill(os.getpid(), signal.SIGTERM)
    assert (interrupts.received(), interrupts.exit_code()) == (signal.SIGTERM, 143)


def test_a_mask_is_done_to_its_end(restored: Restored) -> None:
    done = []

    def work() -> None:
        with masked():
            os.kill(os.getpid(), signal.SIGINT)
            done.append("all of it")

    with pytest.raises(Interrupted), restored():
        work()
    assert done == ["all of it"]


def test_a_part_of_a_mask_may_be_broken_off(restored: Restored) -> None:
    with restored(), masked() as open_again:
        with pytest.raises(Interrupted), open_again():
            os.kill(os.getpid(), signal.SIGINT)
        with masked() as still_masked, still_masked():
            os.kill(os.getpid(), signal.SIGINT)


def test_what_came_before_such_a_part_breaks_it_off_before_it_begins(restored: Restored) -> None:
    with restored(), masked() as open_again:
        os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(Interrupted), open_again():
            pytest.fail("this is not reached")


def test_further_signals_do_not_disturb_the_cleaning_up(restored: Restored) -> None:
    cleaned = []

    def work() -> None:
        try:
            os.kill(os.getpid(), signal.SIGINT)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGINT)
            cleaned.append("all of it")

    with pytest.raises(Interrupted, match="SIGINT"), restored():
        work()
    assert cleaned
    assert interrupts.exit_code() == 130


def test_once_there_is_something_to_report_nothing_is_broken_off(restored: Restored) -> None:
    with restored():
        interrupts.settle()
        os.kill(os.getpid(), signal.SIGTERM)
    assert interrupts.exit_code() == 143


def test_a_signal_that_comes_when_all_is_done_has_broken_nothing_off(restored: Restored) -> None:
    with restored():
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    assert interrupts.received() == signal.SIGTERM
    assert not interrupts.broke_off()


def test_a_signal_that_was_raised_has_broken_the_command_off(restored: Restored) -> None:
    with pytest.raises(Interrupted), restored():
        os.kill(os.getpid(), signal.SIGTERM)
    assert interrupts.broke_off()


def test_what_had_no_caller_is_sent_once_more(restored: Restored) -> None:
    class Freed:
        def __del__(self) -> None:
            os.kill(os.getpid(), signal.SIGTERM)

    def work() -> None:
        Freed()
        end = time.monotonic() + 10
        while time.monotonic() < end:
            time.sleep(0.001)

    with pytest.raises(Interrupted), restored():
        work()


def test_a_signal_that_is_ignored_stays_so() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with listening() as restored, restored():
            os.kill(os.getpid(), signal.SIGINT)
            assert not interrupts.received()
        assert signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)
