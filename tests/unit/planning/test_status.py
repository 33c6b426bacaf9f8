"""The table of statuses, row by row."""

import pytest

from reconcile.model.desired import Lifecycle
from reconcile.model.platform import User
from reconcile.planning.target import status

RESTORE, KEEP = Lifecycle(), Lifecycle(on_return="keep")


def user(state: str, origin: str = "", cause: str = "", before: str = "") -> User:
    standing = {
        "status": state,
        "status_origin": origin,
        "status_cause": cause,
        "status_before": before,
    }
    return User("1", "ann", source="corp", **standing)  # type: ignore[arg-type] # checked below


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (("active", "", ""), ("active", "", "")),
        (("vacation", "", ""), ("vacation", "", "")),
        (("inactive", "", ""), ("active", "corp", "")),
        (("inactive", "corp", "disabled"), ("active", "corp", "")),
        (("inactive", "corp", "missing"), ("active", "corp", "")),
        (("blocked", "", ""), ("blocked", "", "")),
        (("blocked", "corp", "missing"), ("active", "corp", "")),
        (("blocked", "corp", "source_removed"), ("active", "corp", "")),
        (("blocked_in_directory", "corp", "disabled"), ("active", "corp", "")),
        (("blocked_in_directory", "", ""), ("active", "corp", "")),
        (("erased", "corp", "missing"), ("erased", "corp", "missing")),
    ],
)
def test_an_enabled_person(before: tuple[str, str, str], after: tuple[str, str, str]) -> None:
    assert status.enabled(user(*before), "corp", RESTORE) == (*after, "")


@pytest.mark.parametrize(
    ("before", "deactivate", "block"),
    [
        (
            ("active", "", ""),
            ("inactive", "corp", "disabled"),
            ("blocked_in_directory", "corp", "disabled"),
        ),
        (
            ("vacation", "", ""),
            ("inactive", "corp", "disabled"),
            ("blocked_in_directory", "corp", "disabled"),
        ),
        (("inactive", "", ""), ("inactive", "", ""), ("blocked_in_directory", "corp", "disabled")),
        (
            ("inactive", "corp", "missing"),
            ("inactive", "corp", "disabled"),
            ("blocked_in_directory", "corp", "disabled"),
        ),
        (("blocked", "", ""), ("blocked", "", ""), ("blocked", "", "")),
        (
            ("blocked", "corp", "missing"),
            ("inactive", "corp", "disabled"),
            ("blocked_in_directory", "corp", "disabled"),
        ),
        (("erased", "", ""), ("erased", "", ""), ("erased", "", "")),
    ],
)
def test_a_disabled_person(
    before: tuple[str, ...], deactivate: tuple[str, ...], block: tuple[str, ...]
) -> None:
    assert status.disabled(user(*before), "corp", "deactivate", RESTORE) == (*deactivate, "")
    assert status.disabled(user(*before), "corp", "block", RESTORE) == (*block, "")


def test_who_returns_stays_as_is_when_told_so() -> None:
    for cause in ("missing", "out_of_scope", "source_removed"):
        assert status.enabled(user("blocked", "corp", cause), "corp", KEEP) == (
            "blocked",
            "corp",
            cause,
            "",
        )
        assert status.disabled(user("blocked", "corp", cause), "corp", "block", KEEP) == (
            "blocked",
            "corp",
            cause,
            "",
        )
    assert status.enabled(user("inactive", "corp", "disabled"), "corp", KEEP) == (
        "active",
        "corp",
        "",
        "",
    )


@pytest.mark.parametrize(
    ("before", "deactivate", "block"),
    [
        ("active", "inactive", "blocked"),
        ("vacation", "inactive", "blocked"),
        ("inactive", "inactive", "blocked"),
        ("blocked", "blocked", "blocked"),
        ("blocked_in_directory", "blocked_in_directory", "blocked"),
        ("erased", "erased", "erased"),
    ],
)
def test_who_departed_is_never_put_in_a_weaker_state(
    before: str, deactivate: str, block: str
) -> None:
    one = user(before, "corp", "disabled")
    assert status.departed(one, "corp", "keep", "missing") == status.standing(one)
    for action, after in (("deactivate", deactivate), ("block", block)):
        found = status.departed(one, "corp", action, "missing")  # type: ignore[arg-type] # both are departures
        remembered = "vacation" if before == "vacation" else ""
        assert found == (
            status.standing(one) if after == before else (after, "corp", "missing", remembered)
        )


def test_a_vacation_is_remembered_over_departures_alone() -> None:
    gone = user("blocked", "corp", "missing", "vacation")
    assert status.enabled(gone, "corp", RESTORE) == ("vacation", "corp", "", "")
    assert status.enabled(gone, "corp", KEEP) == status.standing(gone)
    assert status.disabled(gone, "corp", "deactivate", RESTORE) == (
        "inactive",
        "corp",
        "disabled",
        "",
    )
    outside = user("inactive", "corp", "out_of_scope", "vacation")
    assert status.departed(outside, "corp", "block", "missing") == (
        "blocked",
        "corp",
        "missing",
        "vacation",
    )
    by_hand = user("inactive", before="vacation")
    assert status.enabled(by_hand, "corp", RESTORE) == ("active", "corp", "", ""), (
        "a person said otherwise since"
    )
    assert status.departed(by_hand, "corp", "block", "missing") == (
        "blocked",
        "corp",
        "missing",
        "",
    )
    active = user("active", "corp", "missing", "vacation")
    assert status.departed(active, "corp", "block", "missing") == ("blocked", "corp", "missing", "")
    assert status.enabled(active, "corp", RESTORE).before == ""
