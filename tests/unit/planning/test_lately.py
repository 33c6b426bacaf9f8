"""What runs took away of late, and what somebody has looked at since."""

import pytest

from reconcile.model.change import Acceptance, GuardName
from reconcile.model.desired import Safety
from reconcile.model.history import Run
from reconcile.planning import total, window_start


def accepted(source: str, guard: GuardName = "users_lost", workspace: str = "main") -> Acceptance:
    return Acceptance(
        f"{guard}:{workspace}/{source}:9",
        "anna",
        "2026-03-01T08:00:00Z",
        guard=guard,
        workspace=workspace,
        source=source,
    )


def run(number: int, lost: dict[str, int], *acceptances: Acceptance, undoes: str = "") -> Run:
    return Run(
        id=str(number),
        workspace="main",
        plan="",
        configuration="",
        commit="",
        dirty=False,
        undoes=undoes,
        accepted=acceptances,
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
                run(2, {"corp": 9}, accepted("corp")),
                run(3, {"corp": 2}),
            ],
            {"corp": 2},
        ),
        (
            [run(1, {"corp": 8, "hq": 1}), run(2, {"corp": 9}, accepted("corp"))],
            {"hq": 1},
        ),
        ([run(1, {"corp": 8, "hq": 1}), run(2, {"corp": 9, "hq": 2}, accepted(""))], {}),
        ([run(1, {"corp": 8}), run(2, {"corp": 9}, accepted("corp", "grants_lost"))], {"corp": 17}),
        (
            [run(1, {"corp": 8}), run(2, {"corp": 9}, accepted("corp", workspace="mainz"))],
            {"corp": 17},
        ),
        ([run(1, {"corp": 8}), run(2, {"corp/x": 3}, accepted("corp/x"))], {"corp": 8}),
        ([run(1, {"corp": 8}), run(2, {"corp:1": 3}, accepted("corp:1"))], {"corp": 8}),
        (
            [
                run(1, {"corp": 8}),
                run(2, {"corp": 9}, Acceptance("users_lost:main/corp:9", "anna", "2026-03-01")),
            ],
            {"corp": 17},
        ),
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
        "recorded by a version that did not say what was accepted",
    ],
)
def test_what_counts(runs: list[Run], left: dict[str, int]) -> None:
    assert total(runs).get("users_lost", {}) == left


@pytest.mark.parametrize(
    ("now", "since"),
    [
        ("2026-01-08T00:00:00Z", "2026-01-01T00:00:00Z"),
        ("2026-01-08T23:59:00+23:59", "2026-01-01T00:00:00Z"),
        ("0001-01-01T00:00:00Z", "1999-12-25T00:00:00Z"),
    ],
)
def test_the_window_begins_in_utc_whatever_the_moment(now: str, since: str) -> None:
    assert window_start(now, Safety()) == since
