"""Wildcards match as a regular expression would, without its search."""

import re
import sys
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.model.text.wildcards import Wildcard


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("*", "", True),
        ("**", "", True),
        ("a*a", "a", False),
        ("a*a", "aa", True),
        ("ab*ba", "aba", False),
        ("*ab*ab*", "abab", True),
        ("*ab*ab*", "aba", False),
        ("a*b*c", "a\nbxc", True),
        ("*-team", "red-team", True),
        ("*-team", "red-teams", False),
    ],
)
def test_pieces_in_their_order(pattern: str, text: str, matches: bool) -> None:
    assert Wildcard.of(pattern.split("*")).matches(text) is matches


@given(
    st.text("ab*", min_size=1, max_size=8).filter(lambda text: "*" in text),
    st.text("ab", max_size=10),
)
def test_the_same_as_a_regular_expression(pattern: str, text: str) -> None:
    expression = re.compile(".*".join(map(re.escape, pattern.split("*"))), re.DOTALL)
    assert Wildcard.of(pattern.split("*")).matches(text) is bool(expression.fullmatch(text))


class Counted(str):
    """A text that counts how often, and over how many characters, it is searched."""

    __slots__ = ("searched", "searches")
    searched: int
    searches: int

    def __new__(cls, text: str) -> Self:
        made = super().__new__(cls, text)
        made.searched = made.searches = 0
        return made

    def find(self, piece: str, start: int = 0, end: int = sys.maxsize) -> int:  # type: ignore[override]
        found = super().find(piece, start, end)
        self.searches += 1
        self.searched += (min(end, len(self)) if found < 0 else found + len(piece)) - start
        return found


@pytest.mark.parametrize(
    "pattern", ["*-*-*-x", "-*-*-*-*-x*", "*-*-*-*-*-*-*-*-", "*" + "-*" * 500 + "x*"]
)
def test_no_character_is_searched_twice(pattern: str) -> None:
    text = Counted("-" * 20_000)
    Wildcard.of(pattern.split("*")).matches(text)
    assert text.searched <= len(text)
    assert text.searches <= pattern.count("*")
