"""Circles among nested groups."""

import time

from reconcile.planning.circles import circles


def test_circles_are_found_and_what_lies_between_them_is_none():
    graph = {
        "a": ["b"],
        "b": ["a", "x"],
        "x": ["c"],
        "c": ["d"],
        "d": ["c", "e"],
        "e": [],
        "f": ["f"],
    }
    assert set(circles(graph)) == {frozenset("ab"), frozenset("cd"), frozenset("f")}
    assert circles({"a": ["b", "c"], "b": ["c"], "c": []}) == []
    assert circles({"a": ["nowhere"]}) == []


def test_a_long_chain_is_no_burden():
    size = 100_000
    graph = {str(n): [str(n + 1)] for n in range(size)} | {str(size): ["0"]}
    begun = time.perf_counter()
    assert [len(one) for one in circles(graph)] == [size + 1]
    assert time.perf_counter() - begun < 20
