"""The files that `reconcile init` writes without a server, and whatever text a server may hand to it."""

from pathlib import Path

import pytest
import yaml

from reconcile.app.setup import draft, starters
from reconcile.config import load
from reconcile.directories.discovery.contents import Contents, OwnAccount, Place, RoleGroup
from reconcile.model import desired
from tests.scenarios.shell import Shell


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    return Shell(tmp_path, capsys, monkeypatch)


@pytest.mark.parametrize("kind", starters.TYPES)
def test_a_starter_for_each_type_is_valid(shell: Shell, kind: str) -> None:
    out, _ = shell.run("init", "--type", kind)
    assert out.startswith("Wrote reconcile.yml.")
    assert shell.run("validate")[0] == "Valid: reconcile.yml\n"
    _, err = shell.run("init", "--type", kind, code=2)
    assert "already exists: it is not overwritten" in err


def test_options_of_a_server_need_one(shell: Shell) -> None:
    assert "--bind needs --from URL" in shell.run("init", "--bind", "cn=x", code=2)[1]
    assert (
        "--type ldif is for files"
        in shell.run("init", "--from", "ldap://x", "--type", "ldif", code=2)[1]
    )
    _, err = shell.run("init", "--from", "ldap://me:secret@x", code=2)
    assert "names no user and no password" in err
    assert "secret" not in err
    assert list(shell.folder.iterdir()) == []


HOSTILE = [
    "cn=a b\\, c,dc=x",
    "cn={{ env('PATH') }},dc=x",
    "cn={% for a in b %},dc=x",
    "cn=x: y # z,dc=x",
    'cn="quo\'ted",dc=x',
    "cn=new\nline: 1,dc=x",
    "cn=Zoë\u202e,dc=x",
    "cn=[1]&*!|>%@`,dc=x",
]


@pytest.mark.parametrize("name", HOSTILE)
def test_every_text_is_read_back_as_it_was(name: str) -> None:
    group = RoleGroup("administrator", name)
    known = Contents(
        1,
        1,
        1,
        (Place(name, 1), Place("dc=y", 1)),
        (group, RoleGroup("x", f"{name},o=1")),
        (OwnAccount(name, name),),
    )
    made = draft.Draft(
        name="corp", type="active_directory", origin=f"From {name}", server="ldap://x", bind_dn=name,
        tls=desired.Tls(ca_file=name), base_dn="dc=x", other_bases=(name,), users_base=name, contents=known, roles=(group,),
        mirrors=frozenset({"groups", "departments"}),
    )  # fmt: skip
    path = Path("reconcile.yml")
    text = draft.text(made)
    assert list(yaml.safe_load(text)) == [
        "version",
        "platform",
        "sources",
        "role_mappings",
        "groups",
        "departments",
        "lifecycle",
    ]
    state = load(
        [path], environ={}, contents={path: text.encode()},
        sources={"active_directory": lambda _source: ()}, platforms={"sql": lambda _platform: ()},
    ).desired  # fmt: skip
    (source,) = state.sources
    assert (source.bind.dn, source.users.base, source.users.exclude) == (name, name, (name,))
    assert state.role_mappings[0].groups == (name,)


PEOPLE = """\
dn: dc=x
objectClass: domain
dc: x

dn: ou=people,dc=x
objectClass: organizationalUnit
ou: people

dn: uid=ann,ou=people,dc=x
objectClass: inetOrgPerson
uid: ann
cn: Ann
sn: Ann
"""


def test_from_a_file_of_entries(shell: Shell) -> None:
    (shell.folder / "corp.ldif").write_text(PEOPLE, encoding="utf-8")
    (shell.folder / "sub").mkdir()
    out, _ = shell.run("init", "sub/first.yml", "--from", "corp.ldif")
    assert "dc=x: 1 person, 0 groups, 1 OU\n" in out
    assert "reconcile test sub/first.yml\n" in out
    written = (shell.folder / "sub" / "first.yml").read_text(encoding="utf-8")
    assert yaml.safe_load(written)["sources"][0]["files"] == [str(shell.folder / "corp.ldif")]
    shell.run("test", "sub/first.yml", "--strict")
    for change, hint in (
        (("ou=people", "ou=poeple"), "hint    directly below dc=x are ou=people"),
        (("base_dn: dc=x", "base_dn: dc=y"), "set base_dn to an entry of the file. Did you mean dc=x? The topmost: dc=x."),
    ):  # fmt: skip
        (shell.folder / "wrong.yml").write_text(written.replace(*change), encoding="utf-8")
        out, _ = shell.run("test", "wrong.yml", code=7)
        assert hint in out
        assert ": sources[0]." in out


def test_from_what_is_no_file_of_entries(shell: Shell) -> None:
    _, err = shell.run("init", "--from", "dc1.example.com", code=2)
    assert "there is no file dc1.example.com; a server is written as ldap://dc1.example.com" in err
    (shell.folder / "empty.ldif").write_text("", encoding="utf-8")
    shell.run("init", "--from", "empty.ldif", code=2)
    (shell.folder / "cut.ldif").write_text(PEOPLE[:-5], encoding="utf-8")
    shell.run("init", "--from", "cut.ldif", code=7)
    assert not (shell.folder / "reconcile.yml").exists()
