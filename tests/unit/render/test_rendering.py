"""Plans, reports and tables: what a person reads, and that hostile text stays text."""

import csv
import io
import json
import re

import msgspec
import pytest

from reconcile import render
from reconcile.model.change import Change, Digests, Fields, Plan, Scope, Skip, Violation
from reconcile.model.notice import Notice
from reconcile.model.report import Outcome, Report, Showing

UPDATE = Change(
    "user",
    "update",
    "ann",
    {"email": None, "attributes": {"phone": "1"}},
    {"email": "a@x", "attributes": {"phone": "2"}},
    "why",
    "c",
    "main",
)
BLOCK = Change(
    "user", "block", "bob", {"status": "active"}, {"status": "blocked"}, "gone", "corp", "main"
)
GRANT = Change(
    "grant",
    "create",
    "ann/x",
    None,
    {"user": "ann", "role": "x", "origin": "corp"},
    "",
    "corp",
    "other",
)
HOSTILE = Change(
    "user",
    "create",
    "e\x1b[2Jv|l",
    None,
    {"username": "e\x1b[2Jv|l", "email": "<b>@x"},
    "a`b",
    "corp",
    "main",
)


FRAME = re.compile(
    r"<!-- reconcile plan: [\w/,+:.=% -]+ -->|<details><summary>[\w:, ]+</summary>|</details>"
)
"""The only HTML: the marker, and folds."""


def plan(
    *changes: Change, skips: tuple[Skip, ...] = (), violations: tuple[Violation, ...] = ()
) -> Plan:
    return Plan(
        "1", "now", ("a.yml",), (), Scope(), Digests("0" * 64, {}, {}), changes, skips, violations
    )


def test_fields_from_old_to_new() -> None:
    text = render.plan_text(plan(UPDATE, BLOCK), colour=False, full=True, pointer="")
    assert (
        text
        == """\
  ~ user ann  # why
      email             (none) → "a@x"
      attributes.phone  "1" → "2"
  - user bob: block  # gone
      status  blocked now

Plan: 0 to add, 1 to change, 1 to remove.
  c      updated  blocked
  users        1
  corp
  users                 1
  configuration: a.yml (sha256 000000000000)"""
    )


def test_the_configuration_is_named_on_one_line() -> None:
    files = ("e\x1b[2J.yml", *(f"{number}.yml" for number in range(9)))
    named = msgspec.structs.replace(plan(BLOCK), files=files)
    line = r"e\x1b[2J.yml, 0.yml, 1.yml, 2.yml, 3.yml and 5 more (sha256 000000000000)"
    shown = render.plan_text(named, colour=False, full=True, pointer="")
    assert shown.endswith(f"\n  configuration: {line}")
    assert "configuration" not in render.plan_text(named, colour=False, full=False, pointer="")
    report = Report((Outcome(BLOCK, "applied"),))
    assert render.report_text(named, report, colour=False, skips=False).endswith(
        f"\n  configuration: {line}"
    )
    data = json.loads(render.report_json(named, report))
    assert (data["files"], data["configuration"]) == (list(files), "0" * 64)
    for markdown in (
        render.plan_markdown(named, Showing(pointer="")),
        render.report_markdown(named, report),
    ):
        assert "\nConfiguration: e\\\\x1b\\[2J.yml, 0.yml" in markdown


def test_colours_are_only_colours() -> None:
    coloured = render.plan_text(plan(UPDATE, BLOCK), colour=True, full=True, pointer="")
    assert "\x1b[33m~\x1b[0m user ann" in coloured
    assert "\x1b[31m-\x1b[0m user bob" in coloured


def test_a_long_plan_is_cut_per_kind_and_points_to_the_rest() -> None:
    many = [
        Change("user", "update", f"u{n:02}", {"email": "a"}, {"email": "b"}, "", "corp", "main")
        for n in range(25)
    ]
    skips = tuple(
        Skip("main", "corp", f"uid=u{n:02}", f"u{n:02}", "missing_field", "") for n in range(12)
    )
    text = render.plan_text(
        plan(*many, BLOCK, skips=skips), colour=False, full=False, pointer="see FILE"
    )
    assert text.count("~ user") == 10
    assert "… and 15 more: user update" in text
    assert "- user bob: block" in text, "a loss is never hidden behind other changes"
    assert "… and 2 more\n" in text
    assert text.endswith("see FILE")
    whole = render.plan_text(
        plan(*many, BLOCK, skips=skips), colour=False, full=True, pointer="see FILE"
    )
    assert whole.count("~ user") == 25
    assert "see FILE" not in whole


def test_violations_come_before_the_verdict() -> None:
    violated = plan(BLOCK, violations=(Violation("main", "users_lost", "", "", 1, "1 of 1"),))
    assert "Refused by the guards:\n  ! users_lost:main:1: 1 of 1\n" in render.plan_text(
        violated, colour=False, full=True, pointer=""
    )
    assert "### Refused by the guards\n\n- **users\\_lost:main:1** 1 of 1" in render.plan_markdown(
        violated, Showing()
    )
    assert json.loads(render.plan_json(violated))["summary"]["violations"] == 1


def test_hostile_text_commands_neither_terminal_nor_page() -> None:
    text = render.plan_text(plan(HOSTILE), colour=False, full=True, pointer="")
    assert "\x1b" not in text
    assert r"+ user e\x1b[2Jv|l" in text
    markdown = render.plan_markdown(plan(HOSTILE, UPDATE, GRANT), Showing(pointer=""))
    row = next(line for line in markdown.splitlines() if "user e" in line)
    assert row.count(" | ") == 3, "four cells, whatever the text"
    assert "<b>" not in markdown
    assert "&lt;b&gt;" in markdown
    assert "@x" not in markdown.replace("@\u200bx", ""), "nobody is called"
    assert "main: user ann" in markdown


def test_an_empty_plan_says_so() -> None:
    assert render.plan_text(plan(), colour=False, full=False, pointer="x").startswith("No changes.")
    assert "**No changes." in render.plan_markdown(plan(), Showing(pointer="x"))


def test_a_report_tells_what_was_not_applied() -> None:
    report = Report(
        (
            Outcome(UPDATE, "applied"),
            Outcome(BLOCK, "failed", "full"),
            Outcome(GRANT, "skipped", "needs"),
            Outcome(HOSTILE, "applied", "but"),
        )
    )
    text = render.report_text(plan(), report, colour=False, skips=False)
    assert text.splitlines() == [
        "  ! failed: user bob: block: full",
        "  ! skipped: grant ann/x: needs",
        r"  ! applied: user e\x1b[2Jv|l: but",
        "Done: 2 applied, 1 failed, 1 skipped.",
        "  main/c      created  updated  failed",
        "  users                      1",
        "  main/corp",
        "  users             1                1",
        "  other/corp",
        "  grants                             1",
        "  configuration: a.yml (sha256 000000000000)",
    ]
    assert render.report_text(plan(), Report(), colour=False, skips=False) == "Nothing to apply."
    assert "| failed | user bob: block | full |" in render.report_markdown(plan(), report)
    summary = json.loads(render.report_json(plan(), report))["summary"]
    assert [one["source"] for one in summary.pop("counts")] == ["c", "corp", "corp"]
    assert summary == {"applied": 2, "failed": 1, "skipped": 1, "unknown": 0}


def test_tables_count_columns_as_a_terminal_does() -> None:
    rows = [
        {"name": "李小龙", "n": 1, "many": list("abcdefg")},
        {"name": "Ju\u0308rgen", "n": None, "many": []},
    ]
    assert render.table(rows, ("name", "n", "many"), "table").splitlines() == [
        "NAME    N  MANY",
        "李小龙  1  a, b, c, d and 3 more",
        "Ju\u0308rgen",
    ]
    assert (
        render.table(rows, ("name", "many"), "csv").splitlines()[1]
        == '李小龙,"a, b, c, d, e, f, g"'
    )


def test_no_cell_of_a_spreadsheet_is_a_formula() -> None:
    rows = [{"a": text} for text in ("=1", "+1", "-1", "@x", "\tx", "x=1")]
    assert render.table(rows, ("a",), "csv").splitlines() == [
        "a",
        "'=1",
        "'+1",
        "'-1",
        "'@x",
        '"\'\tx"',
        "x=1",
    ]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize(
    "hostile",
    [
        "a;=1",
        "a\t=1",
        "a\n=1",
        "a|+1",
        "a; @x",
        'a";=1;"',
        '";=1',
        "\r\n-1",
        ";;=1",
        "a,=1",
        " =1",
        "\uff1d1",
        "=1;=2",
        'a"\n=1;"',
        "a\r=1",
        "'=1",
    ],
)
def test_by_no_separator_a_part_of_a_cell_is_a_formula(separator: str, hostile: str) -> None:
    rows = [{"a": "x", "b": hostile, "c": "y"}, {"a": hostile, "b": "x", "c": hostile}]
    text = render.table(rows, ("a", "b", "c"), "csv")
    cells = [
        cell
        for row in csv.reader(io.StringIO(text, newline=""), delimiter=separator)
        for cell in row
    ]
    if separator != ",":
        assert not [
            cell for cell in cells if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\uff1d"))
        ]
    else:
        assert not [cell for cell in cells if cell.startswith(("=", "+", "-", "@", " =", "\uff1d"))]
        assert len(cells) == 9


def test_quoted_cells_come_back_as_they_were() -> None:
    rows = [{"a": text} for text in ('say "x"', "a;b", "a,b", "a\tb", "a\nb", "a|b", "")]
    text = render.table(rows, ("a",), "csv")
    assert [row[0] if row else "" for row in csv.reader(io.StringIO(text, newline=""))] == [
        "a",
        'say "x"',
        "a;b",
        "a,b",
        "a\tb",
        "a\nb",
        "a|b",
    ]


@pytest.mark.parametrize(
    "name",
    [
        "[click](http://evil.example)",
        "![x](http://evil.example/x.png)",
        "<img src=x onerror=alert(1)>",
        "<http://evil.example>",
        "http://evil.example/a_b",
        "HTTPS://evil.example",
        "ftp://evil.example",
        "www.evil.example",
        "WWW.evil.example",
        "joe@evil.example",
        "mailto:joe@evil.example",
        "xmpp:joe@evil.example",
        "@team",
        "#1",
        "!1",
        "GH-1",
        "team/repo#12",
        "&1",
        "~label",
        "%3",
        "$1",
        "$x^2$",
        "$`x`$",
        ":smile:",
        ":+1:",
        "`x`",
        "**x**",
        "__x__",
        "~~x~~",
        "a | b",
        "\\|",
        "{+ x +}",
        "[- x -]",
        "&lt;b&gt;",
        "&#x40;team",
        "<!-- x -->",
        "[^1]",
        "[x]: http://evil.example",
        "- [ ] x",
        "# x",
        "a\n\n# x",
        "a\r## x",
        "<details>",
        "\u202ex",
    ],
)
def test_a_name_shows_as_itself_in_markdown(name: str) -> None:
    change = Change(
        "user", "create", name, None, {"username": name, "email": name}, name, "corp", "main"
    )
    skip = Skip("main", "corp", name, name, "namesake", name)
    violation = Violation("main", "protected_user", "", name, 1, name)
    noticed = Notice("finds_nothing", name, name, name)
    made = Plan(
        "1",
        "now",
        (),
        (),
        Scope((), (), (name,)),
        Digests("", {}, {}),
        (change,),
        (skip,),
        (violation,),
        notices=(noticed,),
    )
    report = Report((Outcome(change, "failed", name),))
    for text in (
        render.plan_markdown(made, Showing(pointer=name)),
        render.report_markdown(made, report),
    ):
        lines = [line for line in text.splitlines() if not FRAME.fullmatch(line)]
        for line in lines:
            if line.startswith("|"):
                assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) in (4, 5, 6, 8, 9), line
            assert not line.startswith(("# x", "## x", "<", "- ["))
        foreign = "\n".join(lines)
        plain = re.sub(r"\\([!-/:-@\[-`{-~])", "\0", foreign.replace("&#36;", ""))
        assert not re.search(r"(?i)://|www\.|mailto:\w|xmpp:\w|gh-\d|[@#!%~^]\w", plain), text
        assert not re.search(r"[{\0][+-]|[+-][}\0]", plain), text
        assert not re.search(r"<\w|<!|\$|&(?!amp;|lt;|gt;)", plain), text
        assert not re.search(r"[\[\]`_*]", plain.replace("**", "")), text
        beside_codes = foreign.replace(f"main/{name}:1", "")
        assert ":smile:" not in beside_codes
        assert ":+1:" not in beside_codes


def test_text_of_any_length_is_cut_for_people() -> None:
    long = "x" * 200_000
    change = Change(
        "user", "update", long, {"email": long}, {"email": f"{long}y"}, long, "corp", "main"
    )
    made = plan(change, skips=(Skip("main", "corp", long, long, "namesake", long),))
    for text in (
        render.plan_text(made, colour=False, full=True, pointer=""),
        render.plan_markdown(made, Showing(pointer="")),
        render.table([{"a": long}, {"a": "b"}], ("a",), "table"),
    ):
        assert len(text) < 20_000
        assert "… (200000 characters)" in text
    assert long in render.plan_json(made)
    assert long in render.table([{"a": long}], ("a",), "csv")


def test_a_group_that_comes_out_of_another_is_taken_away() -> None:
    out = Change(
        "group",
        "update",
        "in",
        {"groups": {"o": ""}},
        {"groups": {"o": None}},
        "gone",
        "corp",
        "main",
    )
    text = render.plan_text(plan(out), colour=False, full=True, pointer="")
    assert text.startswith('  - group in  # gone\n      groups.o  "by hand" → (none)\n')
    assert "1 to remove" in text


def test_notices_are_in_what_is_shown_in_full_and_stay_text() -> None:
    notice = Notice("finds_nothing", "no group 'a\x1b[2J'", "groups[0]", "a.yml:1:2")
    noticed = Plan("1", "now", (), (), Scope(), Digests("", {}, {}), notices=(notice,) * 12)
    line = "finds_nothing: a.yml:1:2: groups[0]: no group 'a\\x1b[2J'"
    assert (
        render.plan_text(noticed, colour=False, full=True, pointer="").count(f"  ! {line}\n") == 12
    )
    assert line not in render.plan_text(noticed, colour=False, full=False, pointer="")
    for text in (
        render.plan_markdown(noticed, Showing(pointer="see FILE")),
        render.report_markdown(noticed, Report(())),
    ):
        assert (
            text.count("- **finds\\_nothing** a.yml:1:2: groups\\[0\\]: no group 'a\\\\x1b\\[2J'")
            == 12
        )
    for text in (render.plan_json(noticed), render.report_json(noticed, Report(()))):
        assert len(json.loads(text)["notices"]) == 12
        assert "\x1b" not in text


def test_skips_that_need_action_and_those_that_do_not() -> None:
    skips = (
        Skip("w", "c", "uid=a", "", "dangling_member", "listed in cn=x", kind="membership"),
        Skip("w", "c", "uid=b", "bob", "missing_field", "email is required"),
        *(
            Skip("w", "c", f"uid={at}", "", "dangling_member", "x", kind="membership")
            for at in range(11)
        ),
    )
    text = render.plan_text(plan(skips=skips), colour=False, full=False, pointer="See it.")
    assert text.splitlines()[:16] == [
        "Skipped, needs action (they gain nothing until this is fixed):",
        "  ! missing_field: bob (uid=b): email is required",
        "",
        "Skipped, needs no action:",
        "  ! dangling_member: uid=a: listed in cn=x",
        *(f"  ! dangling_member: uid={at}: x" for at in range(9)),
        "  … and 2 more",
        "",
    ]
    assert text.splitlines()[-3:] == [
        "  not synchronised, needs action: 1 missing_field",
        "  not synchronised, needs no action: 12 dangling_member",
        "Output truncated. See it.",
    ]


def test_new_and_unused_roles_are_part_of_a_short_plan() -> None:
    notices = (
        Notice("new_role", "role 'editr' is new", "role_mappings[0].role", "a.yml:3:9"),
        Notice("unused_role", "role 'old' is unused"),
        Notice("shared_address", "the address of many"),
    )
    made = msgspec.structs.replace(plan(UPDATE), notices=notices)
    text = render.plan_text(made, colour=False, full=False, pointer="")
    expected = "Roles:\n  ! a.yml:3:9: role 'editr' is new\n  ! role 'old' is unused\n\n"
    assert expected in text
    assert "the address of many" not in text


def test_a_terminal_of_80_columns_has_no_broken_lines() -> None:
    dn = "uid=someone,ou=Engineering,ou=people,dc=example,dc=com"
    before: Fields = {"dn": f"{dn},o=a"}
    after: Fields = {"dn": f"{dn},o=b"}
    change = Change("user", "update", "ann", before, after, f"member of {dn} by a rule", "c", "w")
    skips = (Skip("w", "c", dn, "", "dangling_member", "listed in " + "a group, " * 20),)
    made = plan(change, skips=skips)
    for colour in (False, True):
        text = render.plan_text(made, colour=colour, full=False, pointer="", width=80)
        lines = re.sub("\x1b\\[[0-9;]*m", "", text).splitlines()
        assert max(map(len, lines)) <= 80 + len("→ ")
        assert (
            lines[:2] == ["  ~ user ann", f"      # member of {dn}"[:80]] or "# member" in lines[1]
        )
        assert any(line.strip().startswith("→ ") for line in lines), "an arrow has its value"
    wide = render.plan_text(made, colour=False, full=False, pointer="")
    assert max(map(len, wide.splitlines())) > 130, "a file has whole lines"


def test_a_table_that_is_too_wide_is_turned() -> None:
    kinds = ("activate", "deactivate", "block", "erase", "adopt", "create", "delete", "update")
    changes = [
        Change("user", kind, f"u{at}", {"status": "x"}, {"status": "y"}, "", source, "w")
        for source in ("one", "two")
        for at, kind in enumerate(kinds)
    ]
    text = render.plan_text(plan(*changes), colour=False, full=True, pointer="", width=60)
    lines = text.splitlines()
    assert "  one          users" in lines
    assert "  two          users" in lines
    assert lines.count("  deactivated      1") == 2
    assert max(map(len, lines)) <= 60
    assert "deactivated  blocked" in render.plan_text(
        plan(*changes), colour=False, full=True, pointer=""
    )
