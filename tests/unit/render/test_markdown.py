"""Markdown for a comment: its order, where it is cut, and that nothing foreign breaks out of it."""

import re

import pytest
from markdown_it import MarkdownIt

from reconcile import render
from reconcile.model.change import Change, Digests, Plan, Scope, Skip, Violation
from reconcile.model.report import Outcome, Report, Showing
from reconcile.render.markdown import step_summary
from reconcile.render.markdown.marker import marker
from tests.unit.render import hostile

HOSTILE = (
    "</summary></details>",
    "-->",
    "--><script>alert(1)</script>",
    "|\n\n# x",
    "` | `",
    "``` \n",
    "<!--",
    "![x](http://evil.example/x.png)",
    "[click](javascript:alert(1))",
    "<http://evil.example>",
    "\\",
    "\\|",
    "@team #1 !2",
    "\u202eevil",
    "a\r\n| b |",
    "&lt;img&gt;",
    "\x00\x1b[2J",
    "=====",
    "    code",
)
OURS = re.compile(
    r"<!-- reconcile plan: \S+ sha256:[0-9a-f]{64} commit:[0-9a-f]{40} -->\n?"
    r"|<details><summary>[\w:, ]+</summary>\n?|</details>\n?"
)


def creation(number: int) -> Change:
    name = f"user{number:06d}"
    after = {"username": name, "email": f"{name}@example.com"}
    return Change("user", "create", name, None, after, "new in corp", "corp", "main")


def loss(number: int) -> Change:
    before, after = {"status": "active"}, {"status": "blocked"}
    return Change("user", "block", f"gone{number}", before, after, "missing", "corp", "main")


def plan(*changes: Change, **more: object) -> Plan:
    digests = Digests("0" * 64, {}, {"main": "0" * 64})
    return Plan("1", "", ("a.yml",), (), Scope(), digests, changes, **more)  # type: ignore[arg-type]


SHOWING = Showing(digest="ab" * 32, commit="12" * 20, pointer="Full plan: reconcile show the.plan")


def test_the_order_of_a_comment() -> None:
    violations = (Violation("main", "users_lost", "corp", "", 1, "1 of 2"),)
    skips = (Skip("main", "corp", "uid=a", "a", "missing_field", "no mail"),)
    text = render.plan_markdown(
        plan(creation(1), loss(1), violations=violations, skips=skips), SHOWING
    )
    order = (
        f"<!-- reconcile plan: main sha256:{'ab' * 32} commit:{'12' * 20} -->\n## reconcile plan\n",
        "**Plan: 1 to add, 0 to change, 1 to remove.**",
        "| corp | created | blocked | needs action |",
        "### Refused by the guards",
        "### Losses",
        "user gone1: block",
        "<details><summary>Skipped, needs action: 1 missing_field</summary>",
        "</details>",
        "<details><summary>1 user: 1 to add</summary>",
        "user user000001",
        "Configuration: a.yml",
    )
    places = [text.index(part) for part in order]
    assert places == sorted(places)
    assert places[0] == 0
    assert "Left out" not in text


@pytest.mark.parametrize("name", HOSTILE)
def test_nothing_foreign_breaks_out(name: str) -> None:
    """Judged by a parser: no links, no images, no HTML but ours, and tables of four cells."""
    made = hostile.plan_of(lambda _: name)
    showing = SHOWING._replace(name=name, pointer=name)
    text = render.plan_markdown(made, showing)
    assert len(text.splitlines()) == text.count("\n") + 1
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(text)
    kinds = {token.type for token in tokens}
    assert not kinds & {"fence", "code_block", "blockquote_open", "hr"}
    html = [token.content for token in tokens if token.type == "html_block"]
    assert all(map(OURS.fullmatch, html)), html
    assert len(html) == text.count("<details>") * 2 + 1
    inline = {inner.type for token in tokens for inner in token.children or ()}
    assert inline <= {"text", "softbreak", "strong_open", "strong_close"}
    heads = [token.content for token in tokens if token.type == "inline"]
    assert "x" not in heads, "no heading"
    assert sum(token.type == "heading_open" for token in tokens) == 4
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    assert sum(token.type == "tr_open" for token in tokens) == len(rows)
    for row in rows:
        assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) in (4, 5, 9), row


def test_a_long_plan_is_cut_on_a_line_and_says_what_is_left_out() -> None:
    text = render.plan_markdown(plan(*map(creation, range(5000)), loss(1)), SHOWING)
    assert 64_000 < len(text) <= 65_000
    assert text.count("<details>") == text.count("</details>") == 1
    shown = text.count("| + | user")
    assert f"**Cut here.** Left out: {5000 - shown} of 5000 users. Full plan: reconcile" in text
    assert "user gone1: block" in text, "losses come before what is cut"
    for line in text.splitlines():
        if line.startswith("| +"):
            assert line.endswith("| new in corp |")


def test_many_losses_are_cut_and_nothing_follows_the_cut() -> None:
    made = plan(*map(loss, range(9000)), creation(1))
    text = render.plan_markdown(made, SHOWING)
    assert len(text) <= 65_000
    assert "<details>" not in text
    shown = text.count("| - | user")
    assert f"Left out: {9000 - shown} of 9000 losses, 1 of 1 users." in text


def test_many_skips_leave_room_for_the_changes() -> None:
    skips = tuple(
        Skip("main", "corp", f"uid={number}", "", "missing_field", "no mail")
        for number in range(99)
    )
    text = render.plan_markdown(plan(creation(1), skips=skips), SHOWING)
    assert text.count("| missing\\_field |") == 30
    assert "| … | … and 69 more |  |" in text
    assert "user user000001" in text
    assert "Full plan: reconcile show the.plan" in text


def test_hostile_plans_of_any_size_fit() -> None:
    wide = "&" * 3000
    many = tuple(
        Change("user", "block", wide, {"email": wide}, {"email": wide * 2}, wide, wide, wide)
        for _ in range(50)
    )
    violations = tuple(Violation(wide, "users_lost", wide, wide, n, wide) for n in range(50))
    made = plan(*many, violations=violations)
    for pointer in ("", wide):
        text = render.plan_markdown(made, Showing(name=wide, pointer=pointer, commit=wide))
        assert len(text) <= 65_000
        assert "50 of 50 losses" in text
    report = Report(tuple(Outcome(change, "failed", wide) for change in many))
    assert len(render.report_markdown(made, report)) <= 65_000


def test_a_step_summary_is_cut_by_bytes() -> None:
    names = [
        Change("user", "create", "名" * 400, None, {"email": "名" * 400}, "", "corp", "main")
        for _ in range(1000)
    ]
    made = plan(*names)
    assert 990_000 < len(step_summary(made, SHOWING, 0).encode()) <= 1_000_000
    assert len(step_summary(made, SHOWING, 900_000).encode()) <= 100_000


@pytest.mark.parametrize("name", ["-->", "a--b", "--", "a b\n@team", "x" * 1000, "é@#1", "->"])
def test_no_name_ends_the_marker(name: str) -> None:
    line = marker(plan(), SHOWING._replace(name=name))
    body = line.removeprefix("<!-- reconcile plan: ").removesuffix(" -->")
    assert re.fullmatch(r"[\w/,+:.=%-]+ sha256:[0-9a-f]{64} commit:[0-9a-f]{40}", body, re.ASCII)
    assert "--" not in body
    assert len(line) < 2200


def test_the_marker_leaves_out_what_is_not_known() -> None:
    assert marker(plan(), Showing()) == "<!-- reconcile plan: main -->"
