"""How many attempts may fail, and how long to wait then."""

from collections.abc import Sequence
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.platforms.ledger.attempt_rules import (
    BURST,
    FIRST_PAUSE,
    FREE,
    KNOWN,
    LONGEST_PAUSE,
    MEMORY,
    MOST_KNOWN,
    REFILL,
    Failures,
    MemoryAttempts,
    counted,
    drawn,
    origin_key,
    pause,
)

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
    assert counted(before, NOW + 480 + MEMORY) == (
        Failures(1, NOW + 480 + MEMORY, NOW + 480 + MEMORY),
        0,
    )


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


# Origins

DAY = 86400


class Attack(NamedTuple):
    """What came of an attack of a day."""

    guesses: int
    asked: int
    entered: int


def attacked(origins: Sequence[str], owner: str, *, known: bool = False) -> Attack:
    """Wrong passwords every half minute from each origin; the owner, once an hour, has the right one."""
    attempts = MemoryAttempts()
    if known:
        attempts.begin("main", "k", NOW, owner)
        attempts.passed("main", "k", NOW, owner)
    guesses = asked = entered = 0
    for now in range(NOW + 1, NOW + DAY, 30):
        guesses += sum(not attempts.begin("main", "k", now, origin) for origin in origins)
        if (now - NOW) // 3600 > asked:
            asked += 1
            if not attempts.begin("main", "k", now, owner):
                entered += 1
                attempts.passed("main", "k", now, owner)
    return Attack(guesses, asked, entered)


ONE_ORIGIN = FREE + 6 + DAY // LONGEST_PAUSE
"""What one origin has in a day."""
ALL_ORIGINS = BURST + DAY // REFILL
"""What all new origins together have."""


def test_whoever_guesses_from_elsewhere_does_not_keep_the_owner_out() -> None:
    for number in (1, 2):
        seen = attacked([f"203.0.113.{one}" for one in range(number)], "198.51.100.1")
        assert seen.entered == seen.asked > 20
        assert 0 < seen.guesses <= number * ONE_ORIGIN


def test_many_origins_have_no_more_guesses_than_the_bucket_holds() -> None:
    seen = attacked([f"203.0.113.{one}" for one in range(30)], "198.51.100.1")
    assert ALL_ORIGINS - 5 <= seen.guesses <= ALL_ORIGINS


def test_an_origin_from_where_the_owner_has_logged_in_is_let_in_whoever_attacks() -> None:
    seen = attacked([f"203.0.113.{one}" for one in range(30)], "198.51.100.1", known=True)
    assert seen.entered == seen.asked > 20
    assert seen.guesses <= ALL_ORIGINS


def test_without_an_origin_the_guesses_are_bounded_and_hinder_no_origin() -> None:
    assert attacked([""], "").guesses <= ONE_ORIGIN
    beside = attacked([""], "198.51.100.1")
    assert beside.entered == beside.asked > 20


def test_within_an_hour_one_origin_has_few_guesses() -> None:
    attempts = MemoryAttempts()
    for origin in ("", "203.0.113.1"):
        assert (
            sum(not attempts.begin("main", "k", now, origin) for now in range(NOW, NOW + 3600))
            == 12
        )
        later = range(NOW + 3600, NOW + 7200)
        assert sum(not attempts.begin("main", "k", now, origin) for now in later) == 4


def test_a_login_clears_its_own_origin_alone() -> None:
    attempts = MemoryAttempts()
    for origin in ("a", "b"):
        assert [attempts.begin("main", "k", NOW, origin) for _ in range(FREE)] == [0] * FREE
    attempts.passed("main", "k", NOW, "a")
    assert attempts.begin("main", "k", NOW, "a") == 0
    assert attempts.begin("main", "k", NOW, "b") == FIRST_PAUSE


def test_logins_use_nothing_up() -> None:
    attempts = MemoryAttempts()
    for number in range(BURST * 5):
        assert attempts.begin("main", "k", NOW, f"10.0.0.{number}") == 0
        attempts.passed("main", "k", NOW, f"10.0.0.{number}")
    assert len(attempts._origins["main", "k"]) == MOST_KNOWN + 1


def test_an_origin_is_known_for_ninety_days() -> None:
    attempts = MemoryAttempts()
    attempts.passed("main", "k", NOW, "home")
    for now, wait in ((NOW + KNOWN - 1, 0), (NOW + KNOWN, REFILL)):
        for number in range(BURST):
            attempts.begin("main", "k", now, f"10.0.{now % 7}.{number}")
        assert attempts.begin("main", "k", now, "home") in (wait, wait - 1)


def test_a_clock_that_goes_back_empties_no_bucket_for_long() -> None:
    ahead = Failures(3, NOW + 10**6, NOW + 10**6 + REFILL)
    assert drawn(ahead, NOW)[1] <= REFILL


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("203.0.113.7", " 203.0.113.7", True),
        ("203.0.113.7", "203.0.113.8", False),
        ("203.0.113.7", "::ffff:203.0.113.7", True),
        ("2001:db8::1", "2001:db8::ffff:1", True),
        ("2001:db8::1", "2001:db8:0:1::1", False),
        ("kiosk 1", "kiosk 2", False),
        ("\ud800", "\ud801", False),
    ],
)
def test_an_ipv6_network_is_one_origin(one: str, other: str, same: bool) -> None:
    assert (origin_key("k", one) == origin_key("k", other)) is same
    assert origin_key("k", one) != origin_key("l", one)
