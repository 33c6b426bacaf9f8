"""A review of access: foreign text stays text on its page, in Markdown and in a spreadsheet."""

import base64
import csv
import hashlib
import json
import re
from html import unescape

from reconcile.model.views.access import Access, AccessChange, AccessReview, Holding
from reconcile.render import table
from reconcile.render.access.markdown import review_markdown
from reconcile.render.access.rows import CSV_COLUMNS, review_json, review_rows
from reconcile.render.access.text import review_text
from reconcile.render.html.access import access_page

EVIL = "=1+1</td></style><script>alert(1)</script>|@all\n# [x](javascript:1) \u202e\x1b {{style}}"


def review(text: str, *workspaces: str) -> AccessReview:
    holdings = tuple(
        Holding("main", kind, text, text, text, text, "blocked", text, origin, run=text)
        for kind in ("role", "group")
        for origin in ("", text)
    )
    return AccessReview(
        "2026-11-29T00:00:00Z", "2026-09-01T00:00:00Z", workspaces or ("main",), "sql", (text,), "ab" * 32,
        (
            Access("main", "role", text, holdings=holdings[:2]),
            Access("main", "group", text, text, (text,), (text,), holdings[2:]),
        ),
        (AccessChange("main", text, text, text, "role", text, text, text, text),),
        removed=2,
    )  # fmt: skip


def test_the_page_has_one_style_no_script_and_no_foreign_markup() -> None:
    text = access_page(review(EVIL, "main", EVIL))
    (style,) = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = re.search(r'Content-Security-Policy" content="([^"]+)"', text)
    assert policy is not None
    assert f"style-src 'sha256-{digest}'; script-src 'none'" in policy[1]
    assert policy[1].startswith("default-src 'none';")
    assert "<script" not in text
    assert not re.search(" (?:style|on[a-z]+|src)=", text)
    assert not re.search("[\u202e\x1b]", text)
    plain, hostile = access_page(review("x", "main", "x")), text
    tags = re.compile("<[^>]*>")
    assert tags.findall(hostile) == tags.findall(plain)
    assert "{{style}}" in unescape(hostile), "what is put in is not replaced again"


def test_markdown_has_the_same_lines_whatever_the_names() -> None:
    hostile, plain = review_markdown(review(EVIL)), review_markdown(review("x"))
    assert len(hostile.splitlines()) == len(plain.splitlines())
    for line, other in zip(hostile.splitlines(), plain.splitlines(), strict=True):
        assert len(re.findall(r"(?<!\\)\|", line)) == len(re.findall(r"(?<!\\)\|", other))
    assert "<script" not in hostile
    assert "@all" not in hostile
    assert "2 out of service" in hostile


def test_a_terminal_is_not_controlled_and_nothing_is_wider() -> None:
    hostile, plain = (
        review_text(review(EVIL, "main", EVIL), 80),
        review_text(review("x", "a", "b"), 80),
    )
    assert all(line.isprintable() for line in hostile.splitlines())
    assert len(hostile.splitlines()) == len(plain.splitlines())


def test_a_spreadsheet_gets_no_formula() -> None:
    text = table(list(review_rows(review(EVIL))), CSV_COLUMNS, "csv")
    lines = list(csv.DictReader(text.splitlines(keepends=True)))
    assert [line["record"] for line in lines] == ["access"] * 4 + ["change"]
    assert all(not cell.startswith("=") for line in lines for cell in line.values())
    assert lines[0]["concerns"] == "out of service, by hand"
    assert lines[1]["concerns"] == "out of service, no rule now"
    assert {line["decision"] for line in lines} == {""}


def test_json_has_everything() -> None:
    data = json.loads(review_json(review(EVIL)))
    role, group = data["access"]
    assert (role["kind"], role["name"], group["nested_groups"]) == ("role", EVIL, [EVIL])
    assert [holder["by_hand"] for holder in role["holders"]] == [True, False]
    assert role["holders"][0]["concerns"] == ["out_of_service", "by_hand"]
    assert data["changes"][0]["username"] == EVIL
    assert data["removed_changes"] == 2


def test_an_empty_platform() -> None:
    empty = AccessReview("2026", "2026-09-01", ("main",), "sql", (), "", (), ())
    assert "0 users have access by 0 roles and 0 groups" in access_page(empty)
    assert "No run has changed anything." in review_markdown(empty)
    assert review_text(empty, 80).splitlines()[0] == "0 users have access by 0 roles and 0 groups"
    assert table(list(review_rows(empty)), CSV_COLUMNS, "csv").count("\n") <= 1
