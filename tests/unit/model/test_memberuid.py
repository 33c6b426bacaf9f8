"""Whom a memberUid names."""

import time

import pytest

from reconcile.model.directory import Person
from reconcile.model.member_uid import Logins


def found(login: str, *persons: tuple[str, ...]) -> tuple[int, ...]:
    return Logins(
        Person(f"cn={at},dc=x", "", "", {}, logins=logins) for at, logins in enumerate(persons)
    ).find(login)


@pytest.mark.parametrize(
    ("login", "uid"),
    [
        ("jdoe", "JDoe"),
        (" jdoe\n", "jdoe"),
        ("jdoe", "jdoe "),
        ("two  words", "two words"),
        ("jo\u0308rg", "j\u00f6rg"),
        ("J\u00d6RG", "j\u00f6rg"),
        ("\u0398", "\u03b8"),
    ],
)
def test_a_login_is_compared_as_servers_compare_it(login: str, uid: str) -> None:
    assert found(login, ("other",), (uid,)) == found(uid, ("other",), (login,)) == (1,)


@pytest.mark.parametrize(
    ("login", "uid"),
    [
        ("strasse", "stra\u00dfe"),
        ("x2", "x\u00b2"),
        ("i\u0307pek", "\u0130pek"),
        ("\u03c3", "\u03c2"),
        ("ann", "\uff41nn"),
        ("an n", "ann"),
        ("", ""),
        (" ", "ann"),
    ],
)
def test_what_servers_take_for_two_logins_is_two(login: str, uid: str) -> None:
    assert found(login, (uid,)) == ()


def test_every_login_of_a_person_counts() -> None:
    assert found("b", ("a", "B", "b"), ("c",)) == (0,)


def test_a_login_that_two_persons_share_is_both_s() -> None:
    assert found("ANN", ("ann",), ("bob",), ("Ann",)) == (0, 2)


def test_what_only_some_servers_fold_finds_a_person_only_where_nobody_has_that_very_login() -> None:
    assert found("\u00f6", ("\u00d6",), ("\u00f6",)) == (1,)
    assert found("\u00e4\u00f6", ("\u00c4\u00f6",), ("\u00e4\u00d6",)) == (0, 1)


def test_many_who_share_a_login_take_no_quadratic_time() -> None:
    persons = [Person(f"cn={at},dc=x", "", "", {}, logins=("\u00d6x",)) for at in range(50_000)]
    started = time.process_time()
    logins = Logins(persons)
    assert len(logins.find("\u00f6x")) == len(logins.find("\u00d6x")) == 50_000
    assert time.process_time() - started < 5
