"""What runs took away of late, and what somebody has looked at since."""

import pytest

from reconcile.model.change import Acceptance
from reconcile.model.desired import Safety
from reconcile.model.history import Run
from reconcile.planning import begins, summed


def run(number: int, lost: dict[str, int], *codes: str, undoes: str = "") -> Run:
    return Run(
        id=str(number),
        workspace="main",
        plan="",
        configuration="",
        commit="",
        dirty=False,
        undoes=undoes,
        accepted=tuple(Acceptance(code, "anna", "2026-03-01T08:00:00Z") for code in codes),
        login="anna",
        host="here",
        started="2026-03-01T08:00:00Z",
        finished="2026-03-01T08:00:01Z",
        outcome="applied",
        applied=1,
        failed=0,
        skipped=0,
        lost={"users_lost": lost} if lost else {},
    )


@pytest.mark.parametrize(
    ("runs", "left"),
    [
        ([run(1, {"corp": 8}), run(2, {"corp": 3, "hq": 1})], {"corp": 11, "hq": 1}),
        ([run(1, {"corp": 8}), run(2, {}, undoes="1")], {}),
        (
            [
                run(1, {"corp": 8}),
                run(2, {"corp": 9}, "users_lost:main/corp:9+8"),
                run(3, {"corp": 2}),
            ],
            {"corp": 2},
        ),
        (
            [run(1, {"corp": 8, "hq": 1}), run(2, {"corp": 9}, "users_lost:main/corp:9+8")],
            {"hq": 1},
        ),
        ([run(1, {"corp": 8, "hq": 1}), run(2, {"corp": 9, "hq": 2}, "users_lost:main:11")], {}),
        ([run(1, {"corp": 8}), run(2, {"corp": 9}, "grants_lost:main/corp:9")], {"corp": 17}),
        ([run(1, {"corp": 8}), run(2, {"corp": 9}, "users_lost:mainz/corp:9")], {"corp": 17}),
        ([run(1, {"corp": 8}), run(2, {"corp/x": 3}, "users_lost:main/corp/x:3")], {"corp": 8}),
        ([run(1, {"corp": 8}), run(2, {"corp:1": 3}, "users_lost:main/corp:1:3")], {"corp": 8}),
    ],
    ids=[
        "added up",
        "undone",
        "accepted",
        "another source",
        "all of the workspace",
        "another limit",
        "another workspace",
        "a slash in a name",
        "a colon in a name",
    ],
)
def test_what_counts(runs: list[Run], left: dict[str, int]) -> None:
    assert summed(runs).get("users_lost", {}) == left


@pytest.mark.parametrize(
    ("now", "since"),
    [
        ("2026-01-08T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-08T23:59:00+23:59", "2026-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "1999-12-25T00:00:00Z"),
    ],
)
def test_the_window_begins_in_utc_whatever_the_moment(now: str, since: str) -> None:
    assert begins(now, Safety()) == since
