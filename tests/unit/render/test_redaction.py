"""--redact: nothing of a person, a directory or the platform is left, in any format."""

import importlib
import json
import re
from typing import get_args

import msgspec
import pytest

from reconcile.cli.formats import FORMATS, REPORTS
from reconcile.model.change import Change, Digests, Plan, Scope, SkipCode
from reconcile.model.report import Outcome, Report, Showing, Trouble
from reconcile.model.signature import Signature
from reconcile.render import summary
from reconcile.render.html.remedies import REMEDIES
from reconcile.render.redaction import redacted, redacted_report
from tests.unit.render import hostile

SENTINEL = "sentinel"
# The files name extended attributes and sources.
FROM_FILES = {"user.attributes.key": "phone", "source": "corp"}


def sentinels() -> tuple[Plan, list[str]]:
    """A plan with a sentinel for every text, and all the sentinels."""
    places: list[str] = []

    def text(place: str) -> str:
        _, _, field = place.partition(".")
        for named in (field, field.rpartition(".")[2]):
            if named in FROM_FILES:
                return FROM_FILES[named]
        places.append(f"{SENTINEL}-{place}")
        return places[-1]

    return hostile.plan_of(text), places


def test_nothing_foreign_is_left_in_the_plan() -> None:
    plan, places = sentinels()
    assert len(places) > 60
    assert sum(SENTINEL in text for text in hostile.texts(plan)) > 60
    # The key of a source is its name in the files.
    left = {text for text in hostile.texts(redacted(plan)) if SENTINEL in text}
    assert left == {f"{SENTINEL}-source.key"}


@pytest.mark.parametrize("form", FORMATS)
def test_nothing_foreign_is_left_in_any_format(form: str) -> None:
    plan, _ = sentinels()
    plan = msgspec.structs.replace(
        plan, changes=tuple(change for change in plan.changes if change.kind != "source")
    )
    module = importlib.import_module(FORMATS[form])
    shown = module.plan(plan, Showing(digest="0" * 64))
    assert SENTINEL in shown
    shown = module.plan(redacted(plan), Showing(digest="0" * 64, redacted=True))
    assert SENTINEL not in shown
    for kept in ("finds_nothing", "namesake", "membership", "protected_group", "corp"):
        assert kept in shown.replace("\\_", "_"), kept


def test_what_belongs_together_has_one_number() -> None:
    create = Change(
        "user",
        "create",
        "jdoe",
        None,
        {"username": "jdoe", "status": "active", "manager": "boss", "email": "", "dn": None},
        "new",
        "corp",
        "main",
    )
    member = Change(
        "membership",
        "create",
        "jdoe/team",
        None,
        {"user": "jdoe", "group": "team", "origin": "corp"},
        "",
        "corp",
        "main",
    )
    grant = Change(
        "grant",
        "delete",
        "boss/admin",
        {"user": "boss", "role": "admin", "origin": ""},
        None,
        "",
        "corp",
        "main",
    )
    plan = Plan("1", "", (), (), Scope(), Digests("", {}, {}), (create, member, grant))
    hidden = redacted(plan)
    assert [change.key for change in hidden.changes] == ["1", "1/1", "2/1"]
    assert hidden.changes[0].after == {
        "username": "1",
        "status": "active",
        "manager": "2",
        "email": "",
        "dn": None,
    }
    assert summary.planned(hidden) == summary.planned(plan), "the numbers stay"


def test_accepted_violations_stay_accepted() -> None:
    plan, _ = sentinels()
    hidden = redacted(plan)
    assert (len(plan.refused), len(hidden.refused)) == (1, 1)
    shown = json.loads(
        importlib.import_module(FORMATS["json"]).plan(hidden, Showing(redacted=True))
    )
    assert shown["redacted"] is True
    assert [each["code"] for each in shown["violations"]] == [
        "protected_group:main/corp/1:1",
        "protected_group:main/corp/1:2",
    ]
    assert shown["accepted"][0]["by"] == "redacted"


def test_every_kind_of_skip_has_a_remedy() -> None:
    assert set(REMEDIES) == set(get_args(SkipCode))


@pytest.mark.parametrize("form", REPORTS)
def test_nothing_foreign_is_left_in_a_report(form: str) -> None:
    plan, _ = sentinels()
    results = ("applied", "failed", "skipped", "unknown")
    report = Report(
        tuple(
            Outcome(change, results[number % len(results)], f"{SENTINEL}-why")
            for number, change in enumerate(plan.changes)
        ),
        (Trouble("main", 7, f"{SENTINEL}-trouble"),),
        (Signature(f"{SENTINEL}@example.com", "SHA256:key"),),
    )
    hidden, shown = redacted_report(plan, report)
    assert [each.change for each in shown.outcomes] == list(hidden.changes), "the same numbers"
    assert hidden == redacted(plan), "as in the plan for reviewers"
    assert [each.result for each in shown.outcomes] == [each.result for each in report.outcomes]
    text = importlib.import_module(FORMATS[form]).report(hidden, shown, Showing(skips=True))
    left = set(re.findall(rf"{SENTINEL}[\w.-]*", text))
    kept = set(re.findall(rf"{SENTINEL}[\w.-]*", json.dumps(msgspec.to_builtins(hidden))))
    assert left <= kept, "only what the files say"
    assert f"{SENTINEL}-why" not in text
    assert f"{SENTINEL}@example.com" not in text
    assert "SHA256:key" in text
