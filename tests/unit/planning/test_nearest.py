"""Did you mean …: what is similar, and that no name makes it slow."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reconcile.planning.selection.nearest import nearest

NAMES = ["sales-team", "sales-lead", "engineering", "it", "ops-team", "übersetzer"]


@pytest.mark.parametrize(
    ("pattern", "similar"),
    [
        ("sales-taem", ["sales-team", "sales-lead"]),
        ("engineerin", ["engineering"]),
        ("ubersetzer", ["übersetzer"]),
        ("ti", []),
        ("", []),
        ("zzz", []),
        ("sale-*", ["sales-team", "sales-lead"]),
        ("*-taem", ["sales-team", "ops-team"]),
        ("*ngineerin*", ["engineering"]),
        ("*", []),
        ("x" * 5000, []),
    ],
)
def test_what_is_similar(pattern: str, similar: list[str]) -> None:
    (found,) = nearest([pattern], NAMES)
    assert [NAMES[at] for at in found] == similar


def test_of_equally_similar_names_the_first_three() -> None:
    names = [f"team{number}" for number in range(9)]
    assert nearest(["team"], names) == [[0, 1, 2]]


def test_nothing_to_compare_with() -> None:
    assert nearest(["a", "b"], []) == [[], []]
    assert nearest([], ["a"]) == []


_LETTERS = st.text("ab*é\0", max_size=8)


@given(st.lists(_LETTERS, max_size=12), st.lists(_LETTERS, max_size=12))
def test_any_text_has_an_answer_of_at_most_three(patterns: list[str], names: list[str]) -> None:
    found = nearest(patterns, names)
    assert len(found) == len(patterns)
    for positions in found:
        assert len(set(positions)) == len(positions) <= 3
        assert set(positions) <= set(range(len(names)))


def test_only_some_of_many_are_looked_for() -> None:
    found = nearest(
        [f"name{number}x" for number in range(50)], [f"name{number}" for number in range(50)]
    )
    assert len(found) == 50
    assert found[0][0] == 0
    assert found[49] == []


def test_names_made_to_be_slow_take_no_longer_than_others() -> None:
    """Some of them are long, and all have the same letters; a comparison of each pair takes minutes."""
    patterns = [f"{'ab' * 40}{number}" for number in range(30)]
    names = [f"{'ab' * 45}{number}" for number in range(5_000)] + ["ab" * 20_000] * 20
    began = time.process_time()
    assert len(nearest(patterns, names)) == len(patterns)
    assert time.process_time() - began < 3
