"""The page of a plan: what its script gets, and what its frame allows. A browser tests the rest."""

import base64
import hashlib
import json
import re
from typing import Any

from reconcile.model.change import Change, Digests, Plan, Scope
from reconcile.model.report import Showing
from reconcile.render.html import page
from reconcile.render.html.tree import department_tree
from tests.unit.render import hostile


def department(action: Any, key: str, after: Any = None, before: Any = None) -> Change:
    return Change("department", action, key, before, after, "", "corp", "main")


def user(before: str, after: str, workspace: str = "main") -> Change:
    fields = {"department": before}, {"department": after}
    return Change("user", "update", "ann", *fields, "", "corp", workspace)


def shown(*changes: Change) -> list[tuple[object, ...]]:
    return [tuple(node.values()) for node in department_tree(changes)]


def test_the_tree_has_what_changes_and_what_is_above_it() -> None:
    changes = (
        department("create", "Sales/North", {"title": "North", "parent": "Sales"}),
        department("update", "sales", {"title": "Vendite"}, {"title": "sales"}),
        department("delete", "Old", None, {"title": "Old"}),
        user("Sales/North", r"A\/B"),
        user("", "Sales"),
        user("Sales", "Sales"),
        user("//", "\\"),
    )
    assert shown(*changes) == [
        ("A/B", 0, "", "", 1, 0, [3]),
        ("Old", 0, "-", "", 0, 0, [2]),
        ("Sales", 0, "", "", 1, 0, [4]),
        ("North", 1, "+", "", 0, 1, [0, 3]),
        ("sales", 0, "~", "Vendite", 0, 0, [1]),
    ]


def test_each_workspace_has_its_own_tree() -> None:
    assert shown(user("", "Sales"), user("Sales", "", "other")) == [
        ("main", 0, "", "", 0, 0, []),
        ("Sales", 1, "", "", 1, 0, [0]),
        ("other", 0, "", "", 0, 0, []),
        ("Sales", 1, "", "", 0, 1, [1]),
    ]


def test_the_policy_names_what_the_page_has() -> None:
    text = page(hostile.plan_of(lambda place: f"</script>{place}"), Showing(name="</title>"))
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    for directive, tag in (("style-src", "style"), ("script-src", "script")):
        content = re.findall(rf"<{tag}>(.*?)</{tag}>", text, re.DOTALL)
        digests = [base64.b64encode(hashlib.sha256(one.encode()).digest()) for one in content]
        assert [f"{directive} 'sha256-{digest.decode()}'" for digest in digests] == [
            part.strip() for part in policy[1].split(";") if directive in part
        ]
    assert policy[1].startswith("default-src 'none';")
    assert "http" not in policy[1]
    assert text.count("</script>") == 2
    assert text.count("</title>") == 1
    assert "{{" not in text.replace("{{ ", "")


def test_the_data_comes_back_as_it_was() -> None:
    plan = hostile.plan_of(lambda place: f"</script> <!-- & \u2028 \u202e \x9b \\u003c {place}")
    text = page(plan, Showing())
    assert not re.search("[\u2028\u202e\x9b]", text), "nothing controls a terminal"
    found = re.search(r'id="plan">(.*?)</script>', text)
    assert found is not None
    data = json.loads(found[1])
    assert len(data["changes"]) == len(plan.changes)
    assert {change["reason"] for change in data["changes"]} == {
        change.reason for change in plan.changes
    }
    signs = "".join(sorted(data["signs"]))
    assert data["signs"].startswith("-"), "losses first"
    assert signs == "+-~~~~"


def test_a_page_without_changes() -> None:
    text = page(Plan("1", "", (), (), Scope(), Digests("", {}, {})), Showing())
    assert "<h1>No changes. The platform matches the directories and the rules.</h1>" in text
