"""A change of a user's status is one sentence, in every form of output."""

import json
import re

import pytest

from reconcile.model.change import Change, Digests, Fields, Grace, Plan, Scope
from reconcile.model.report import Showing
from reconcile.render import html, markdown
from reconcile.render.paint import paint_for
from reconcile.render.status_words import StatusWords
from reconcile.render.text import change_lines, plan_text

CREATED = "2026-11-28T23:59:59Z"
GRACE = (
    Grace("missing", 30 * 86400, "erase"),
    Grace("out_of_scope", 36 * 3600, "deactivate"),
    Grace("disabled", 30 * 86400, "delete"),
)
BLOCKED: Fields = {
    "status": "blocked",
    "status_cause": "missing",
    "departed": "missing",
    "departed_at": "now",
}
ACTIVE: Fields = {"status": "active", "status_cause": None, "departed": None, "departed_at": None}


def change(before: Fields | None, after: Fields | None, action: str = "block") -> Change:
    return Change("user", action, "bob", before, after, "no longer in corp", "corp", "main")  # type: ignore[arg-type]


def plan(*changes: Change) -> Plan:
    return Plan(
        tool="1",
        created=CREATED,
        files=("reconcile.yml",),
        variables=(),
        scope=Scope(),
        digests=Digests("", {}, {"main": ""}),
        changes=changes,
        grace=GRACE,
    )


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        (ACTIVE, BLOCKED, "blocked now; erased on 2026-12-28 unless back"),
        (
            ACTIVE,
            BLOCKED | {"departed": "out_of_scope"},
            "blocked now; deactivated on 2026-11-30 unless back",
        ),
        (
            ACTIVE | {"status": "vacation", "status_before": None},
            {"status": "blocked", "status_cause": "missing", "status_before": "vacation"},
            "blocked now, was on vacation",
        ),
        # A disabled person is still in the directory: only the moment says that it waits.
        (
            ACTIVE,
            {"status": "blocked", "status_cause": "disabled", "departed_at": "now"},
            "blocked now; deleted on 2026-12-28 unless enabled again",
        ),
        # The period has begun: its end does not move with the plan.
        (
            {"departed_at": "2026-01-01T00:00:00Z"},
            {"departed": "missing", "departed_at": "2026-11-01T12:00:00Z"},
            "erased on 2026-12-01 unless back",
        ),
        ({"departed": None}, {"departed": "missing"}, "erased after 30 days unless back"),
        (BLOCKED, ACTIVE, "active again, was blocked (no longer in the directory)"),
        (
            {"status": "inactive", "status_cause": "disabled"},
            {"status": "active", "status_cause": None},
            "active again, was inactive (disabled in the directory)",
        ),
        ({"status": "active"}, {"status": "inactive"}, "inactive now"),
        (
            {"departed": "missing"},
            {"departed": None, "departed_at": None},
            "nothing more will happen",
        ),
        (
            {"status_cause": "disabled"},
            {"status_cause": "source_removed"},
            "status unchanged, now because its source is no longer declared",
        ),
        ({"status_origin": None}, {"status_origin": "corp"}, "status unchanged, now set by corp"),
        ({"status_origin": "corp"}, {"status_origin": None}, "status unchanged, now set by hand"),
        (
            {"status_cause": "disabled"},
            {"status_cause": None},
            "status unchanged, now without a cause in the directory",
        ),
        ({"status_before": "vacation"}, {"status_before": None}, "active when back"),
        (None, {"username": "bob", "status": "active", "status_origin": "corp"}, "active"),
        (
            None,
            {"status": "inactive", "status_cause": "disabled"},
            "inactive: disabled in the directory",
        ),
        ({"email": "a"}, {"email": "b"}, ""),
        ({"status": "active"}, None, ""),
        # What only a damaged or forged file says.
        ({"status": "a"}, {"status": "\x1b[1m"}, r"\x1b[1m now, was a"),
        (
            {},
            BLOCKED | {"departed_at": "yesterday"},
            "blocked now; erased after 30 days unless back",
        ),
        ({}, BLOCKED | {"departed": "\n"}, "blocked now; its grace period begins"),
    ],
)
def test_the_words(before: Fields | None, after: Fields | None, words: str) -> None:
    assert StatusWords(CREATED, GRACE).of(change(before, after)) == words


@pytest.mark.parametrize("seconds", [1e300, -1e300, float("inf")])
def test_a_period_that_no_calendar_has(seconds: float) -> None:
    words = StatusWords(CREATED, [Grace("missing", seconds, "erase")]).of(change(ACTIVE, BLOCKED))
    assert words.startswith("blocked now; erased after ")


def test_without_the_head_of_a_plan_there_is_no_day() -> None:
    words = StatusWords().of(change(ACTIVE, BLOCKED))
    assert words == "blocked now; its grace period begins"


def test_text_has_one_line_for_it() -> None:
    shown = plan_text(plan(change(ACTIVE, BLOCKED)), colour=False, full=False, pointer="")
    assert "      status  blocked now; erased on 2026-12-28 unless back\n" in shown
    assert "departed" not in shown
    assert "status_" not in shown


def test_other_fields_stay() -> None:
    before: Fields = ACTIVE | {"username": "bob", "email": "b@example.com"}
    after: Fields = {"status": "erased", "departed": None, "username": "erased-7", "email": ""}
    lines = list(change_lines(change(before, after, "erase"), paint_for(colour=False)))
    assert lines == [
        "  - user bob: erase  # no longer in corp",
        "      status    erased now",
        '      username  "bob" → "erased-7"',
        '      email     "b@example.com" → ""',
    ]


def test_markdown_and_html_have_the_words() -> None:
    made = plan(change(ACTIVE, BLOCKED))
    words = "blocked now; erased on 2026-12-28 unless back"
    assert f"| status {words} |" in markdown.plan(made, Showing())
    page = html.plan(made, Showing())
    data = re.search(r'id="plan">(.*?)</script>', page, re.DOTALL)
    assert data is not None
    assert json.loads(data[1])["statuses"] == {"0": words}
