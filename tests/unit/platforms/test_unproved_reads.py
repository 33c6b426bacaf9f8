"""A read that nothing proves to be all is compared with what the last run knew."""

import pytest

from reconcile.errors import PlatformUnreadable
from reconcile.model.book import Book, Known
from reconcile.model.platform import Contents, ObjectKind
from reconcile.platforms.driver.merge import merge


def book(number: int, kind: ObjectKind = "user") -> Book:
    known = {(kind, f"u{at}"): Known(kind, f"{at}", f"u{at}", f"n{at}") for at in range(number)}
    return Book(objects=known)


def contents(number: int, *, proved: bool = False) -> Contents:
    return Contents(
        {"user": {f"u{at}": {"username": f"n{at}"} for at in range(number)}}, {}, (), proved=proved
    )


@pytest.mark.parametrize(("before", "now"), [(10, 4), (10, 0), (1000, 499)])
def test_less_than_half_is_not_believed(before: int, now: int) -> None:
    with pytest.raises(PlatformUnreadable, match=f"lists {now} users, and there were {before}"):
        merge("main", contents(now), book(before))
    assert len(merge("main", contents(now, proved=True), book(before)).state.users) == now


@pytest.mark.parametrize(("before", "now"), [(10, 5), (9, 0), (0, 0), (3, 100)])
def test_half_of_it_and_small_numbers_are(before: int, now: int) -> None:
    assert len(merge("main", contents(now), book(before)).state.users) == now
