"""The commands that look and change nothing: test, search, tree, preview, and the listings of the platform."""

import csv
import io
import json
import os
import pty
import re
import subprocess
import sys
from typing import Any

import pytest

from tests.scenarios.shell import RECONCILE, Shell, terminal_output
from tests.scenarios.stage import DESIRED, ldif


def test_listings(shell: Shell) -> None:
    shell.company(
        {
            "ou=Sales": None,
            "uid=ann,ou=Sales": {"sn": "=1+1"},
            "cn=team": {"member": ["uid=ann,ou=Sales"]},
        },
        role_mappings=[{"role": "operator", "default": True}],
        groups=[{"source": "corp", "select": ["cn=team"]}],
        departments=[{"source": "corp", "select": ["ou=Sales"]}],
    )
    assert shell.run("users")[0].splitlines() == [
        "WORKSPACE  USERNAME  FIRST NAME  LAST NAME  EMAIL  STATUS  SOURCE  ROLES  GROUPS  DEPARTMENT"
    ]
    shell.run("apply", "--yes")
    (user,) = json.loads(shell.run("users", "--format", "json")[0])
    assert user == {
        "workspace": "main",
        "username": "ann",
        "first_name": "The",
        "last_name": "=1+1",
        "email": "ann@example.com",
        "status": "active",
        "source": "corp",
        "external_id": "id-ann",
        "dn": "uid=ann,ou=Sales,dc=example,dc=com",
        "roles": ["operator"],
        "groups": ["team"],
        "department": "Sales",
        "manager": None,
        "attributes": {},
    }
    (row,) = csv.DictReader(io.StringIO(shell.run("users", "--format", "csv")[0]))
    assert row["last_name"] == "'=1+1", "no formula for a spreadsheet"
    (group,) = json.loads(shell.run("groups", "--format", "json")[0])
    assert (group["name"], group["members"]) == ("team", ["ann"])
    (department,) = json.loads(shell.run("departments", "--format", "json")[0])
    assert (department["path"], department["members"]) == ("Sales", ["ann"])
    assert "team" in shell.run("groups")[0]
    assert "Sales" in shell.run("departments")[0]


def test_testing_what_can_be_reached(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    out, _ = shell.run("test")
    assert "corp      ok      persons         1 found below" in out
    assert "platform  ok      " in out
    shell.company({"uid=ann": None}, platform=DESIRED["platform"] | {"workspaces": ["one", "two"]})
    shell.run("apply", "--yes")
    out, _ = shell.run("test", "--workspace", "two")
    assert "workspace two   1 users" in out
    assert "workspace one" not in out
    (shell.folder / "corp.ldif").unlink()
    out, _ = shell.run("test", code=7)
    assert "corp      FAILED  " in out
    assert "corp.ldif" in out


@pytest.mark.parametrize(("command", "line"), [("test", rb"corp  +"), ("plan", rb"warning: ")])
def test_what_is_printed_while_progress_is_shown_has_lines_of_its_own(
    shell: Shell, command: str, line: bytes
) -> None:
    mappings = [{"role": "boss", "groups": ["cn=nobody,dc=example,dc=com"]}]
    shell.company({f"uid=u{number}": None for number in range(50)}, role_mappings=mappings)
    ours, theirs = pty.openpty()
    code = (
        "import reconcile.cli.progress as p; p.PATIENCE = 0; from reconcile.cli import main; main()"
    )
    child = subprocess.Popen(
        [sys.executable, "-c", code, command], stdout=theirs, stderr=theirs, close_fds=True
    )
    os.close(theirs)
    seen = b""
    while chunk := terminal_output(ours):
        seen += chunk
    os.close(ours)
    assert child.wait() == 0
    assert b"corp: entries" in seen, "progress is shown"
    before = re.findall(rb"(.{0,8})" + line, seen, re.DOTALL)
    assert before
    assert [text for text in before if not text.endswith((b"\n", b"\x1b[2K"))] == []


def test_searching_for_people(shell: Shell) -> None:
    users = {
        "create": "selected",
        "select": ["ann", "new*"],
        "exclude": ["svc-*"],
        "require": ["email"],
        "require_groups": [],
    }
    shell.company(
        {"uid=ann": None, "ou=Sales": None}, sources=[DESIRED["sources"][0] | {"users": users}]
    )
    shell.run("apply", "--yes")
    shell.sql("insert into users (workspace_id, username) values (1, 'Local')")
    people = {
        "uid=ann": None,
        "uid=newby": {"givenName": "Jörg", "sn": "M(*)ller"},
        "uid=other": {"cn": "Kathryn Beck"},
        "uid=svc-x": None,
        "uid=local": None,
        "uid=nomail": {"mail": None},
    }
    (shell.folder / "corp.ldif").write_text(ldif(people), encoding="utf-8")

    def found(keyword: str) -> dict[str, tuple[str, str]]:
        rows = json.loads(shell.run("search", "corp", keyword, "--format", "json")[0])
        return {row["username"]: (row["status"], row["why"]) for row in rows}

    line = '{user: "Local", source: "corp", person: "id-local"}'
    way_out = f"if it is this person's, write links: [{line}], or see lifecycle.adopt_local"
    assert found("*") == {
        "ann": ("IMPORTED", "active"),
        "newby": ("NOT IMPORTED", "the next apply creates it: named in select of corp"),
        "other": ("NOT IMPORTED", "not selected"),
        "svc-x": ("NOT IMPORTED", "on the exclude list"),
        "local": (
            "CANNOT IMPORT",
            f"exists_locally: the platform has a local 'Local': {way_out}",
        ),
        "nomail": ("CANNOT IMPORT", "missing_field: email is required and the directory has none"),
    }
    assert set(found("KAT*beck")) == {"other"}
    assert set(found("(*)")) == {"newby"}, "a parenthesis is a parenthesis"
    assert set(found("jörg m")) == {"newby"}
    assert set(found("ANN@example")) == {"ann"}
    assert set(found("uid=ann,dc=")) == {"ann"}
    assert found("nobody") == {}
    out, err = shell.run("search", "corp", "ann")
    assert out.splitlines()[1].split()[:2] == ["ann", "The"]
    assert err == "1 of 6 found.\n"
    out, err = shell.run("search", "corp", "ann", "--format", "csv")
    assert out.startswith(
        "username,first_name,last_name,email,dn,status,why\nann,The,Ann,ann@example.com,"
    )
    assert err == ""
    assert "there is no source 'x'" in shell.run("search", "x", "ann", code=2)[1]


def test_what_a_search_shows_can_be_searched_for(shell: Shell) -> None:
    """Usernames and mail that templates made of something else, and a DN however it is written."""
    fields = {
        "username": "{{ identifier }}@{{ domain }}",
        "first_name": "{{ displayName }}",
        "email": "{{ employeeNumber }}@mail.example.org",
    }
    people = {
        "uid=ann": {"displayName": "Änne", "employeeNumber": "4711"},
        "ou=Sales\\2C EU": None,
        "uid=bob,ou=Sales\\2C EU": {"displayName": "Bob", "employeeNumber": "4712"},
    }
    shell.company(
        people, sources=[DESIRED["sources"][0] | {"users": {"create": "all", "fields": fields}}]
    )
    shell.run("apply", "--yes")

    def found(keyword: str) -> list[str]:
        rows = json.loads(shell.run("search", "corp", keyword, "--format", "json")[0])
        return [row["username"].partition("@")[0] for row in rows]

    assert (
        found("ann@example.com") == found("ÄNNE ann") == found("4711@mail.example.org") == ["ann"]
    )
    assert found("OU = sales\\, eu, DC = Example") == found(r'ou="Sales, E*",dc=example') == ["bob"]
    shell.sql("update users set username = 'handmade' where username like 'bob%'")
    assert found("handmade") == ["handmade"]


def test_a_person_outside_the_required_groups_is_not_imported(shell: Shell) -> None:
    users = {"create": "all", "require_groups": ["cn=in"]}
    shell.company(
        {"uid=ann": None, "cn=in": {"member": []}},
        sources=[DESIRED["sources"][0] | {"users": users}],
    )
    (row,) = json.loads(shell.run("search", "corp", "ann", "--format", "json")[0])
    assert (row["status"], row["why"]) == ("NOT IMPORTED", "in none of the required groups")


def test_a_source_as_trees(shell: Shell) -> None:
    shell.company(
        {
            "ou=Sales": None,
            "ou=North,ou=Sales": None,
            "ou=Other": None,
            "uid=ann,ou=North,ou=Sales": None,
            "uid=bob,ou=Sales": None,
            "cn=top": {"member": ["cn=low", "uid=bob,ou=Sales"]},
            "cn=low": {"member": ["uid=ann,ou=North,ou=Sales", "cn=low"]},
            "cn=round": {"member": ["cn=about"]},
            "cn=about": {"member": ["cn=round"]},
        },
        role_mappings=[{"role": "operator", "groups": ["cn=top"]}],
        groups=[{"source": "corp", "select": ["cn=low"]}],
        departments=[{"source": "corp", "select": ["ou=Sales"]}],
    )
    assert (
        shell.run("tree", "corp")[0]
        == """\
corp: dc=example,dc=com

departments: 3
    [ ] Other  # ou=Other,dc=example,dc=com
    [x] Sales  # ou=Sales,dc=example,dc=com
        [ ] North  # ou=North,ou=Sales,dc=example,dc=com

groups: 4
    [ ] top  role operator  # cn=top,dc=example,dc=com
        [x] low  # cn=low,dc=example,dc=com
            [x] low  (shown above)  # cn=low,dc=example,dc=com
    [ ] about  # cn=about,dc=example,dc=com
        [ ] round  # cn=round,dc=example,dc=com
            [ ] about  (shown above)  # cn=about,dc=example,dc=com

persons: 2

persons in departments:
    Sales (1, 2 in total)  # ou=Sales,dc=example,dc=com
        North (1)  # ou=North,ou=Sales,dc=example,dc=com

persons in groups:
    top (1, 2 in total)  # cn=top,dc=example,dc=com
        low (1)  # cn=low,dc=example,dc=com
"""
    )
    data = json.loads(shell.run("tree", "corp", "--format", "json")[0])
    assert data["groups"][0]["within"][0]["dn"] == "cn=low,dc=example,dc=com"


def test_groups_of_a_tree_whose_members_are_not_known(shell: Shell) -> None:
    dynamic = {"objectClass": "groupOfURLs", "memberURL": "ldap:///dc=example,dc=com?uid"}
    shell.company(
        {
            "uid=ann": None,
            "cn=dyn": dynamic,
            "cn=top": {"member": ["cn=dyn", "uid=ann"]},
            "cn=low": None,
        }
    )
    lines = shell.run("tree", "corp")[0].splitlines()
    assert "    [ ] top  (members not known)  # cn=top,dc=example,dc=com" in lines
    assert "        [ ] dyn  (members not known)  # cn=dyn,dc=example,dc=com" in lines
    assert "    [ ] low  # cn=low,dc=example,dc=com" in lines


def test_trees_go_to_standard_output_whatever_the_terminal_shows(shell: Shell) -> None:
    shell.company({"ou=Sales": None, "uid=ann,ou=Sales": None})
    for form in ("text", "json"):
        ours, theirs = pty.openpty()
        child = subprocess.Popen(
            [*RECONCILE, "tree", "corp", "--format", form],
            stdout=subprocess.PIPE,
            stderr=theirs,
            text=True,
        )
        os.close(theirs)
        while terminal_output(ours):
            pass
        os.close(ours)
        out, _ = child.communicate()
        assert out == shell.run("tree", "corp", "--format", form)[0]
        assert child.returncode == 0


def test_a_directory_deeper_than_anybody_would_make(shell: Shell) -> None:
    units = [",".join(f"ou=o{level}" for level in range(depth, -1, -1)) for depth in range(120)]
    groups: dict[str, Any] = {
        f"cn=g{number}": {"member": [f"cn=g{number + 1}"]} for number in range(1200)
    }
    shell.company(
        {**dict.fromkeys(units), "uid=ann": None, **groups, "cn=g1200": {"member": ["uid=ann"]}},
        groups=[{"source": "corp", "select": ["cn=g0"]}],
        departments=[{"source": "corp", "select": ["ou=*"]}],
    )
    trees, _, counts = shell.run("tree", "corp")[0].partition("\npersons: 1\n")
    lines = trees.splitlines()
    assert sum("ou=o" in line for line in lines) == 120
    assert sum("  # cn=g" in line for line in lines) == 1201
    assert "(continued below)" in trees
    assert counts.count("  # cn=g") == 1201
    json.loads(shell.run("tree", "corp", "--format", "json")[0])
    out, _ = shell.run("apply", "--yes")
    assert " 0 failed, 0 skipped.\n" in out
    shell.run("plan", "--check")


def test_a_preview_tells_who_would_be_synchronised(shell: Shell) -> None:
    rules = {"create": "all", "require": ["email"], "exclude": ["zoe"]}
    source = DESIRED["sources"][0] | {"users": rules}
    more: dict[str, Any] = {
        "sources": [source],
        "role_mappings": [{"role": "operator", "default": True}],
    }
    shell.company({"uid=ann": None, "uid=zoe": None, "uid=nomail": None}, **more)
    shell.run("apply", "--yes")
    shell.company(
        {
            "uid=ann": None,
            "uid=bob": {"givenName": "=1+1", "pwdAccountLockedTime": "000001010000Z"},
            "uid=nomail": {"mail": None},
            "uid=other": {"mail": None},
            "uid=zoe": None,
        },
        **more,
    )
    before = (shell.folder / "platform.db").read_bytes()
    out, err = shell.run("preview")
    lines = out.splitlines()
    assert lines[0].split() == [
        *(
            "SOURCE",
            "USERNAME",
            "FIRST",
            "NAME",
            "LAST",
            "NAME",
            "EMAIL",
            "ROLES",
            "STATUS",
            "EXISTS",
            "ACTION",
            "DN",
        ),
    ]
    assert [line.split()[1] for line in lines[1:3]] == ["ann", "bob"]
    assert "  active    yes     none    uid=ann," in lines[1]
    assert "  inactive  no      create  uid=bob," in lines[2]
    assert lines[4] == "Skipped, needs action (they gain nothing until this is fixed):"
    assert ["yes" in lines[6], "no " in lines[7]] == [True, True]
    assert "missing_field: email is required and the directory has none" in lines[6]
    assert err == "2 would be synchronised, 2 cannot be.\n"
    rows = list(csv.DictReader(io.StringIO(shell.run("preview", "--format", "csv")[0])))
    assert [
        (row["username"], row["exists"], row["action"], row["skip"].partition(":")[0])
        for row in rows
    ] == [
        ("ann", "yes", "none", ""),
        ("bob", "no", "create", ""),
        ("nomail", "yes", "none", "missing_field"),
        ("other", "no", "", "missing_field"),
    ]
    assert rows[1]["first_name"] == "'=1+1", "no spreadsheet computes it"
    data = json.loads(shell.run("preview", "--format", "json")[0])
    assert [(one["username"], one["roles"], one["exists"]) for one in data["users"]] == [
        ("ann", ["operator"], True),
        ("bob", ["operator"], False),
    ]
    assert [(one["username"], one["code"]) for one in data["skips"]] == [
        ("nomail", "missing_field"),
        ("other", "missing_field"),
    ]
    assert (shell.folder / "platform.db").read_bytes() == before
    shell.run("preview", "--source", "nowhere", code=2)


def test_a_preview_says_update_for_a_new_role_alone(shell: Shell) -> None:
    shell.company({"uid=ann": None, "uid=bob": {"mail": "b@example.com"}})
    shell.run("apply", "--yes")
    shell.company(
        {"uid=ann": None, "uid=bob": None}, role_mappings=[{"role": "boss", "groups": ["cn=x"]}]
    )
    data = json.loads(shell.run("preview", "--format", "json")[0])
    assert [(one["username"], one["action"]) for one in data["users"]] == [
        ("ann", "none"),
        ("bob", "update"),
    ]
    shell.company(
        {"uid=ann": None, "uid=bob": {"mail": "b@example.com"}},
        role_mappings=[{"role": "a", "default": True}],
    )
    data = json.loads(shell.run("preview", "--format", "json")[0])
    assert {one["action"] for one in data["users"]} == {"update"}
    shell.company(
        {"ou=nobody": None}, sources=[DESIRED["sources"][0] | {"users": {"create": "selected"}}]
    )
    assert shell.run("preview")[0] == "No person is in scope.\n"


def test_a_preview_names_who_stays_deleted(shell: Shell) -> None:
    shell.company({"uid=ann": None, "uid=bob": None}, lifecycle={"on_deleted": "ignore"})
    shell.run("apply", "--yes")
    shell.sql("DELETE FROM users WHERE username = 'ann'")
    shell.run("plan", "--check")
    out, err = shell.run("preview")
    assert (
        "ann" in out.partition("Skipped, needs action (they gain nothing until this is fixed):")[2]
    )
    assert (
        "ignored: the user was deleted on the platform, and lifecycle.on_deleted is ignore" in out
    )
    assert "1 would be synchronised, 1 cannot be." in err
    skips = json.loads(shell.run("preview", "--format", "json")[0])["skips"]
    assert [(one["username"], one["code"], one["exists"]) for one in skips] == [
        ("ann", "ignored", False)
    ]


def test_a_preview_of_nobody_says_why(shell: Shell) -> None:
    (source,) = DESIRED["sources"]
    shell.company({"uid=ann": None}, sources=[source | {"users": {}}])
    out, err = shell.run("preview")
    assert "No person is in scope." in out
    assert "no person of source corp becomes a user: users.create is mapped" in err
