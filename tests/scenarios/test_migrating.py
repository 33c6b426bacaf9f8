"""Another scheme of usernames for users who are there: all of them, or none."""

import json
from typing import Any

from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED, ldif

SCHEME = {"username": "{{ identifier }}@{{ domain }}"}


def sources(**users: Any) -> list[dict[str, Any]]:
    (source,) = DESIRED["sources"]
    return [source | {"users": source["users"] | users}]


def usernames(shell: Shell) -> list[str]:
    return [str(name) for (name,) in shell.sql("SELECT username FROM users ORDER BY id")]


def test_all_users_get_their_new_names(shell: Shell) -> None:
    people: dict[str, Any] = {"uid=ann": {"manager": "uid=bob"}, "uid=bob": None, "uid=cid": None}
    shell.company(people, sources=sources(manager_attribute="manager"))
    shell.run("apply", "--yes")
    del people["uid=cid"]
    shell.company(people, sources=sources(manager_attribute="manager"))
    shell.run("apply", "--yes")
    shell.company(people, sources=sources(manager_attribute="manager", fields=SCHEME))
    before = (shell.folder / "platform.db").read_bytes()
    out, _ = shell.run("migrate-usernames", "--plan")
    assert '~ user ann  # new username scheme\n      username  "ann" → "ann@example.com"' in out
    assert "cid of corp keeps its name: its person is no longer in the source" in out
    assert (shell.folder / "platform.db").read_bytes() == before
    out, _ = shell.run("migrate-usernames", "--yes")
    assert "Done: 2 applied, 0 failed, 0 skipped." in out
    assert usernames(shell) == ["ann@example.com", "bob@example.com", "cid"]
    assert shell.run("plan", "--check")[0].startswith("No changes.")
    assert "Nothing to rename." in shell.run("migrate-usernames", "--yes")[0]


def test_only_names_are_changed(shell: Shell) -> None:
    shell.company({"uid=ann": None, "uid=bob": None})
    shell.run("apply", "--yes")
    shell.company(
        {"uid=ann": {"sn": "New"}, "uid=bob": None, "uid=cid": None}, sources=sources(fields=SCHEME)
    )
    shell.run("migrate-usernames", "--yes")
    assert shell.sql("SELECT username, last_name FROM users ORDER BY id") == [
        ("ann@example.com", "Ann"),
        ("bob@example.com", "Bob"),
    ]


def test_a_collision_refuses_everything(shell: Shell) -> None:
    people: dict[str, Any] = {
        "uid=ann": None,
        "uid=bob": {"mail": "one@example.com"},
        "uid=cid": None,
        "uid=dan": None,
    }
    shell.company(people)
    shell.run("apply", "--yes")
    shell.sql("INSERT INTO users (workspace_id, username) VALUES (1, 'Ann@Example.com')")
    people |= {"uid=cid": {"mail": "one@example.com"}, "uid=dan": {"mail": "dan\t@example.com"}}
    names = "{% if identifier == 'ann' %}ann@example.com{% else %}{{ mail }}{% endif %}"
    shell.company(people, sources=sources(fields={"username": names}))
    before = (shell.folder / "platform.db").read_bytes()
    for how in ("--plan", "--yes"):
        _, err = shell.run("migrate-usernames", how, code=4)
        assert "no user is renamed, for 4 cannot have the new name:" in err
        assert (
            "ann -> ann@example.com: the platform has a local 'Ann@Example.com' (exists_locally)"
            in err
        )
        assert "bob -> one@example.com: claimed by" in err
        assert "cid -> one@example.com: claimed by" in err
        assert "dan -> dan" in err
        assert (shell.folder / "platform.db").read_bytes() == before


def test_a_name_that_a_plan_would_free_is_not_free_here(shell: Shell) -> None:
    lifecycle = {"on_missing": "delete"}
    shell.company({"uid=ann": None, "uid=bob": None}, lifecycle=lifecycle)
    shell.run("apply", "--yes")
    shell.company(
        {"uid=ann": {"entryUUID": "id-ann", "cn": "bob"}},
        lifecycle=lifecycle,
        sources=sources(fields={"username": "{{ cn }}"}),
    )
    _, err = shell.run("migrate-usernames", "--yes", code=4)
    assert "ann -> bob: bob already exists (of corp)" in err
    assert usernames(shell) == ["ann", "bob"]


def test_names_that_are_swapped(shell: Shell) -> None:
    shell.company({"uid=ann": None, "uid=bob": None})
    shell.run("apply", "--yes")
    shell.company(
        {"uid=ann": {"cn": "bob"}, "uid=bob": {"cn": "ann"}},
        sources=sources(fields={"username": "{{ cn }}"}),
    )
    shell.run("migrate-usernames", "--yes")
    assert usernames(shell) == ["bob", "ann"]


def test_one_that_the_platform_refuses_undoes_the_others(shell: Shell) -> None:
    shell.company({"uid=ann": None, "uid=bob": None})
    shell.run("apply", "--yes")
    shell.sql(
        "CREATE TRIGGER no BEFORE UPDATE ON users WHEN NEW.username LIKE 'bob@%' "
        "BEGIN SELECT RAISE(ABORT, 'no mail'); END"
    )
    shell.company({"uid=ann": None, "uid=bob": None}, sources=sources(fields=SCHEME))
    _, err = shell.run("migrate-usernames", "--yes", code=1)
    assert (
        "nothing was changed, because 1 of the changes failed:\nerror:   user bob: no mail" in err
    )
    assert usernames(shell) == ["ann", "bob"]


def test_it_asks_and_takes_one_of_two_options(shell: Shell) -> None:
    shell.company({"uid=ann": None})
    shell.run("apply", "--yes")
    shell.company({"uid=ann": None}, sources=sources(fields=SCHEME))
    assert "there is no terminal to ask on" in shell.run("migrate-usernames", code=2)[1]
    assert "give one of the two" in shell.run("migrate-usernames", "--plan", "--yes", code=2)[1]
    assert usernames(shell) == ["ann"]


def test_who_has_moved_in_the_directory_collides_all_the_same(shell: Shell) -> None:
    people: dict[str, Any] = {"ou=x": None, "uid=ann": None, "uid=bob": None}
    shell.company(people)
    shell.run("apply", "--yes")
    shell.sql("INSERT INTO users (workspace_id, username) VALUES (1, 'bob@example.com')")
    del people["uid=bob"]
    shell.company(people | {"uid=bob,ou=x": None}, sources=sources(fields=SCHEME))
    _, err = shell.run("migrate-usernames", "--yes", code=4)
    assert "bob -> bob@example.com: the platform has a local 'bob@example.com'" in err
    assert usernames(shell)[:2] == ["ann", "bob"]


def test_who_keeps_a_name_is_told_also_of_a_source_that_is_empty_or_gone(shell: Shell) -> None:
    def several(*names: str, **users: Any) -> list[dict[str, Any]]:
        (source,) = sources(**users)
        return [source | {"name": name, "files": [f"{name}.ldif"]} for name in names]

    for name, login in (("branch", "bob"), ("closed", "cid")):
        (shell.folder / f"{name}.ldif").write_text(ldif({f"uid={login}": None}), encoding="utf-8")
    shell.company({"uid=ann": None}, sources=several("corp", "branch", "closed"))
    shell.run("apply", "--yes")
    shell.company({"uid=ann": {"pwdAccountLockedTime": "000001010000Z"}})
    (shell.folder / "branch.ldif").write_text(ldif({"ou=empty": None}), encoding="utf-8")
    shell.desired(sources=several("corp", "branch"))
    refused = json.loads(shell.run("plan", "--format", "json", code=4)[0])
    accept = [f"--accept={one['code']}" for one in refused["violations"]]
    shell.run("plan", *accept, "--out", "the.plan")
    shell.run("apply", "the.plan", "--yes")
    shell.desired(sources=several("corp", "branch", fields=SCHEME))
    out, _ = shell.run("migrate-usernames", "--plan")
    assert "bob of branch keeps its name: its person is no longer in the source" in out
    assert "cid of closed keeps its name: its source is no longer declared" in out
    assert "ann of corp keeps" not in out, "who is disabled is renamed like others"
    assert '"ann" → "ann@example.com"' in out
