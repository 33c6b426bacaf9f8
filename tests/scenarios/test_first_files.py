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
