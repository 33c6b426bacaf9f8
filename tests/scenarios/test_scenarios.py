"""Plays every story of the files beside this one."""

from collections import Counter
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
import yaml

from reconcile.errors import GuardRefused, ReconcileError
from reconcile.testing.driven import driven
from tests.scenarios.stage import DESIRED, NOW, Stage, ldif, told

HERE = Path(__file__).parent
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Every process that runs tests reads all stories; without C it takes ten times as long."""


def merged(base: Any, more: Any) -> Any:
    """Mappings merged, everything else replaced."""
    if isinstance(base, dict) and isinstance(more, dict):
        return base | {key: merged(base.get(key), value) for key, value in more.items()}
    return more


def desired_of(given: dict[str, Any]) -> dict[str, Any]:
    """A story's desired state: `users:` is short for the users of the one source."""
    given = dict(given)
    users = given.pop("users", None)
    desired: dict[str, Any] = merged(DESIRED, given)
    if users is not None:
        desired["sources"] = [
            source | {"users": source["users"] | users} for source in desired["sources"]
        ]
    return desired


KINDS = ("sql", "driven")


def stories() -> Iterator[tuple[str, Any]]:
    """Every story with its name."""
    for file in sorted(HERE.glob("*.yml")):
        for story in yaml.load(file.read_text(encoding="utf-8"), LOADER):
            yield f"{file.stem}: {story['what']}", story


def played() -> Iterator[Any]:
    """Every story on both kinds of platform; `make test` plays each on one of them, in turns."""
    for kept, (name, story) in zip(cycle(KINDS), stories(), strict=False):
        for kind in KINDS:
            marks = [] if kind == kept else [pytest.mark.full]
            yield pytest.param(story, kind, id=f"{kind}-{name}", marks=marks)


@pytest.mark.parametrize(("story", "kind"), list(played()))
def test_story(story: dict[str, Any], kind: str, tmp_path: Path) -> None:
    stage = Stage(tmp_path, driven(tmp_path) if kind == "driven" else None)
    known = {
        "desired",
        "directory",
        "directories",
        "by_hand",
        "plan",
        "skips",
        "notices",
        "error",
        "reasons",
        "at",
    }
    known |= {
        "users",
        "groups",
        "departments",
        "deleted",
        "violations",
        "accept",
        "counted",
        "people",
        "details",
        "left_out",
    }
    given = story.get("desired", {})
    for number, step in enumerate(story["steps"], start=1):
        assert step.keys() <= known, f"step {number}"
        given = step.get("desired", given)
        if "people" in step:
            step["directory"] = step.get("directory", {}) | crowd(**step["people"])
        directories = step.get(
            "directories", {"corp": step["directory"]} if "directory" in step else {}
        )
        stage.write(
            desired_of(given), {name: ldif(entries) for name, entries in directories.items()}
        )
        stage.by_hand(step.get("by_hand", []))
        stage.delete(step.get("deleted", []))
        play(stage, step, f"step {number}")


def crowd(persons: list[int], members: dict[str, list[int]] | None = None) -> dict[str, Any]:
    """Persons p01, p02 … from the first number to the second, and groups with members from … to."""
    entries: dict[str, Any] = {
        f"uid=p{number:02}": None for number in range(persons[0], persons[1] + 1)
    }
    for name, (first, last) in (members or {}).items():
        entries[name] = {"member": [f"uid=p{number:02}" for number in range(first, last + 1)]}
    return entries


def play(stage: Stage, step: dict[str, Any], where: str) -> None:
    if "error" in step:
        with pytest.raises(ReconcileError) as caught:
            stage.plan()
        assert str(caught.value) == step["error"], where
        return
    at = step.get("at", NOW)
    plan, notices = stage.plan(at=at, accept=step.get("accept"))
    lines = [told(change) for change in plan.changes if change.kind != "source"]
    if "counted" in step:
        counted = Counter(
            f"{one.kind} {one.action}" for one in plan.changes if one.kind != "source"
        )
        assert counted == step["counted"], where
    else:
        assert lines == step.get("plan", []), where
    assert [f"{skip.code} {skip.username or skip.dn}" for skip in plan.skips] == step.get(
        "skips", []
    ), where
    left_out = [f"{each.source} {each.code} {each.number}" for each in plan.left_out]
    assert left_out == step.get("left_out", []), where
    if "reasons" in step:
        reasons = [
            stage.placed(change.reason) for change in plan.changes if change.kind != "source"
        ]
        assert reasons == step["reasons"], where
    if "details" in step:
        assert [skip.sentence for skip in plan.skips] == step["details"], where
    assert [stage.placed(notice) for notice in notices] == step.get("notices", []), where
    if "violations" in step:
        assert [one.code for one in plan.violations] == step["violations"], where
    if plan.refused:
        assert "violations" in step, f"{where}: {plan.refused}"
        before = stage.state()
        with pytest.raises(GuardRefused):
            stage.apply(plan)
        assert stage.state() == before, where
        return
    report = stage.apply(plan)
    assert [one for one in report.outcomes if one.result != "applied"] == [], where
    state = stage.state()
    for kind in ("users", "groups", "departments"):
        if kind in step:
            assert state[kind] == step[kind], where
    again, _ = stage.plan(at=at)
    assert [told(change) for change in again.changes] == [], f"{where}: a second plan must be empty"
    assert (again.violations, again.to_remember) == ((), ()), where
    if not plan.skips:
        assert again.skips == (), where
