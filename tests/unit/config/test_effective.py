"""The whole configuration: what the files say, where each value comes from, no secret; read again it is the same."""

import json
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reconcile.config import annotated, as_data
from reconcile.config.effective.annotate import _text
from reconcile.config.templates.entry_templates import EntryTemplate
from reconcile.errors import ConfigError
from tests.unit.config.reading import CORP, EMPTY, HEAD, loaded

HERE = Path(__file__).parent
ENVIRON = {"CORP_LDAP_PASSWORD": "s3cret"}


def plain(state):
    """A desired state as something that compares: templates by their texts, secrets by theirs."""

    def told(value):
        return value.text if isinstance(value, EntryTemplate) else f"secret {value.reveal()}"

    builtins = msgspec.to_builtins(state, enc_hook=told, order="sorted")
    # Where a link is written is no part of what it says.
    return builtins | {"links": [link | {"place": ""} for link in builtins["links"]]}


def write(folder, **files):
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text)
    return [folder / f"{name}.yml" for name in files]


def settings(*paths, types=lambda _source: {}, **more):
    found = loaded(*paths, environ=ENVIRON, **more).effective.settings(types)
    return {
        item["path"]: (item["value"], item["origin"].replace(f"{paths[0].parent}/", ""))
        for item in as_data(found)
    }


def again(tmp_path, *paths, **more):
    """The effective configuration as text, and what it means when it is read."""
    before = loaded(*paths, environ=ENVIRON, **more)
    text = annotated(before.effective.settings(), before.effective.folder)
    folder = Path(before.effective.folder)
    path = folder / "effective.yml"
    try:
        path.write_text(text)
        path.chmod(0o600)
        after = loaded(path, environ=ENVIRON)
        assert plain(after.desired) == plain(before.desired)
        # What it says of itself then is the same again, but for the places.
        values = [(item.path, item.value) for item in before.effective.settings()]
        assert [(item.path, item.value) for item in after.effective.settings()] == values
    finally:
        path.unlink()
    return text


@pytest.mark.parametrize("path", sorted((HERE / "valid").glob("*.yml")), ids=lambda path: path.stem)
def test_read_again_it_is_the_same(path, tmp_path):
    copy = tmp_path / path.name
    copy.write_text(path.read_text())
    text = again(tmp_path, copy)
    assert [line for line in text.splitlines() if line.strip().endswith(":")], "it has sections"
    for line in text.splitlines()[2:]:
        assert not line or line.endswith(":") or "  # " in line, line


def test_what_the_schema_has_for_a_default_is_what_holds_without_the_key(tmp_path):
    """Every default is written out, and nothing changes: the schema's are those of the model."""
    kinds = ("openldap", "active_directory", "389ds", "freeipa", "ldap", "plug-in")
    sources = "".join(
        f"  - {{name: {kind}, type: {kind}, base_dn: 'dc=x', servers: [ldap://h], bind: {{anonymous: true}}}}\n"
        for kind in kinds
    )
    (path,) = write(
        tmp_path,
        a=f"{HEAD}sources:\n{sources}"
        "  - {name: l, type: ldif, base_dn: 'dc=x', files: [a]}\n"
        "role_mappings: [{role: a, groups: ['cn=a,dc=x']}]\n"
        "groups: [{source: ldap, select: [a]}]\ndepartments: [{source: ldap, select: [a]}]\n",
    )
    before = loaded(path, sources=dict.fromkeys(kinds, lambda _source: ()))
    out = tmp_path / "b.yml"
    out.write_text(annotated(before.effective.settings(), ""))
    after = loaded(out, sources=dict.fromkeys(kinds, lambda _source: ()))
    assert plain(after.desired) == plain(before.desired)
    said = {item.path for item in before.effective.settings()}
    assert ("lifecycle", "on_missing") in said
    assert {("sources", index, "page_size") in said for index in range(6)} == {True}
    assert not {path for path in said if path[:2] == ("sources", 6)} & {("sources", 6, "page_size")}


def test_where_values_come_from(tmp_path):
    (path,) = write(
        tmp_path,
        a=f"{HEAD}vars:\n  a: 1\n  b: 2\nsources:\n  - name: corp\n    type: openldap\n    base_dn: dc=x\n"
        "    servers:\n      - ldaps://h\n      - ldaps://i\n    bind: {anonymous: true}\n    users: &u\n"
        "      create: all\n  - {name: c, type: ldif, files: [a], base_dn: dc=y, users: *u}\n",
    )
    types = {"users.filter": "(a=b)", "groups.member_attribute": ["member", "memberuid"]}
    found = settings(
        path, types=lambda source: types if source.type == "openldap" else {}, variables={"b": "7"}
    )
    assert found["version"] == (1, "a.yml:1")
    assert (found["vars.a"], found["vars.b"]) == ((1, "a.yml:4"), ("7", "--var"))
    assert found["platform.workspaces"] == (["main"], "built-in")
    assert found["sources[0].servers"] == (["ldaps://h", "ldaps://i"], "a.yml:10")
    assert found["sources[0].tls.mode"] == ("ldaps", "built-in"), (
        "by the servers, not by the schema"
    )
    assert "sources[0].tls.ca_file" not in found, "there is no value that could be written"
    assert found["sources[0].users.filter"] == ("(a=b)", "type openldap")
    assert found["sources[0].groups.member_attribute"] == (["member", "memberuid"], "type openldap")
    assert found["sources[0].users.create"] == ("all", "a.yml:15")
    assert found["sources[1].users.create"] == ("all", "a.yml:15"), "where the anchor is"
    assert "sources[1].tls.mode" not in found, "a source of files has none"
    assert found["lifecycle.on_return"] == ("restore", "built-in")


def test_several_values_in_the_place_of_one_are_a_remark(tmp_path):
    (path,) = write(tmp_path, a=CORP)
    types = {"groups.member_attribute": ["member", "memberuid"]}
    found = loaded(path).effective
    text = annotated(found.settings(lambda _source: types), found.folder)
    (line,) = [line for line in text.splitlines() if "member_attribute" in line]
    assert line.split() == ["#", "member_attribute:", "member,", "memberuid", "#", "type", "ldif"]
    assert "member_attribute" not in yaml.safe_load(text)["sources"][0]["groups"]


def test_origins_of_several_files(tmp_path):
    paths = write(
        tmp_path,
        a=CORP,
        b="groups:\n- source: corp\n  select:\n"
        + "".join(f"  - cn={'x' * 30}{n}\n" for n in range(4)),
    )
    text = again(tmp_path, *paths)
    lines = [
        line.split("  # ")[-1].rpartition("/")[2] for line in text.splitlines() if "xxx" in line
    ]
    assert lines == ["b.yml:4", "b.yml:5", "b.yml:6", "b.yml:7"]


def test_relative_paths_are_told_from_the_platforms_folder(tmp_path):
    (tmp_path / "p").mkdir()
    (tmp_path / "s").mkdir()
    (platform,) = write(tmp_path / "p", a=HEAD)
    (source,) = write(
        tmp_path / "s",
        b="sources:\n- {name: a, type: ldif, base_dn: dc=x, files: [a.ldif, /b.ldif]}\n"
        "- name: b\n  type: ldap\n  base_dn: dc=x\n  servers: [ldap://h]\n  tls: {ca_file: ca.pem}\n"
        "  bind: {dn: cn=a, password: \"{{ file('pw') | trim }}\"}\n",
    )
    (tmp_path / "s" / "pw").write_text("hunter2")
    before = loaded(source, platform)
    assert before.effective.folder == str(tmp_path / "p")
    out = tmp_path / "p" / "out.yml"
    out.write_text(annotated(before.effective.settings(), before.effective.folder))
    after = loaded(out).desired
    first, second = after.sources
    assert [Path(file).resolve() for file in first.files] == [
        tmp_path / "s" / "a.ldif",
        Path("/b.ldif"),
    ]
    assert Path(second.tls.ca_file).resolve() == tmp_path / "s" / "ca.pem"
    assert second.bind.password.reveal() == "hunter2"
    assert after.platform.folder == before.desired.platform.folder
    source.write_text(source.read_text().replace("file('pw')", "file('p' ~ 'w')"))
    with pytest.raises(
        ConfigError,
        match=r"sources\[1\].bind.password: the path in file\(…\) cannot be made relative",
    ):
        loaded(source, platform).effective.settings()


SECRETS = {
    "a literal": ("", "password: hunter2"),
    "a variable": ("vars: {pw: hunter2}", 'password: "{{ pw }}"'),
    "a variable by its long name": ("vars: {pw: hunter2}", 'password: "{{ vars.pw }}"'),
    "part of a variable": ("vars: {login: {user: x, pw: hunter2}}", 'password: "{{ login.pw }}"'),
    "through another": ('vars: {a: hunter2, b: "{{ a }}", c: "x{{ a }}"}', 'password: "{{ b }}"'),
    "within a list": ('vars: {a: hunter2, c: ["x{{ a }}"]}', 'password: "{{ a }}"'),
    "a whole mapping": ("vars: {b: {dn: cn=a, password: hunter2}}", None),
    "beside a secret": (
        "vars: {pw: hunter2}",
        "password: \"{{ pw ~ env('CORP_LDAP_PASSWORD') }}\"",
    ),
    "written elsewhere": (
        "vars: {pw: hunter2}",
        'password: "{{ pw }}"}\n  note: "{{ pw | upper }}{{ pw }}"\n  x: {a: b',
    ),
}


@pytest.mark.parametrize("case", SECRETS)
def test_secrets_never_show(case, tmp_path):
    variables, password = SECRETS[case]
    bind = '"{{ b }}"' if password is None else f"{{dn: cn=a, {password}}}"
    (path,) = write(
        tmp_path,
        a=f"{HEAD}{variables}\nsources:\n- name: a\n  type: plug-in\n  base_dn: dc=x\n"
        f"  servers: [ldap://h]\n  bind: {bind}\n",
    )
    path.chmod(0o600)
    found = loaded(path, environ=ENVIRON, sources={"plug-in": lambda _source: ()}).effective
    text = annotated(found.settings(), found.folder) + json.dumps(as_data(found.settings()))
    assert "hunter2" not in text.lower()
    assert "s3cret" not in text
    assert "***" in text


def test_secrets_of_urls(tmp_path):
    source = "\nsources: [{name: a, type: ldap, base_dn: dc=x, servers: ['ldap://{{ h }}'], bind: {anonymous: true}}]\n"
    cases = {
        "postgresql://u:hunter2@{{ h }}/db": "postgresql://u:***@db.example/db",
        "postgresql://u:{{ pw }}@{{ h }}/db": "postgresql://u:***@db.example/db",
        "{{ dsn }}": "postgresql://u:***@db.example/x",
        "postgresql://u:{{ env('P') }}@{{ h }}/db": "postgresql://u:{{ env('P') }}@{{ h }}/db",
        "sqlite:///{{ h }}.db": "sqlite:///db.example.db",
    }
    for url, shown in cases.items():
        variables = 'vars: {h: db.example, pw: hunter2, dsn: "postgresql://u:{{ pw }}@{{ h }}/x"}'
        (path,) = write(
            tmp_path, a=f'version: 1\n{variables}\nplatform: {{type: sql, url: "{url}"}}{source}'
        )
        path.chmod(0o600)
        found = settings(path)
        assert found["platform.url"][0] == shown
        assert found["sources[0].servers"][0] == ["ldap://db.example"], "the host is no secret"
        assert found["vars.h"][0] == "db.example"
        assert found["vars.pw"][0] == ("***" if "pw" in url or "dsn" in url else "hunter2")


def test_variables_of_the_command_line(tmp_path):
    (path,) = write(
        tmp_path, a=CORP.replace("corp", '"{{ n }}"') + "    note: \"{{ odd | default('') }}\"\n"
    )
    found = settings(path, variables={"n": "north", "odd": "{{ x"})
    assert found["vars.n"] == ("north", "--var")
    assert found["sources[0].name"] == ("north", "a.yml:4")
    assert "\"{{ '{{ x' }}\"" in again(tmp_path, path, variables={"n": "north", "odd": "{{ x"})


def test_templates_over_entries_stay_templates_and_texts_stay_texts(tmp_path):
    (path,) = write(
        tmp_path,
        a=CORP + "    note: \"{{ '{{ no template }} ' ~ '{%' }}\"\n    users:\n      fields:\n"
        '        email: "{{ mail }}"\n        first_name: |\n          {% if cn %}\n'
        "          {{ cn }}\n          {% endif %}\n",
    )
    text = again(tmp_path, path)
    assert "note: \"{{ '{{ no template }} {%' }}\"" in text
    assert 'email: "{{ mail }}"' in text


@given(st.text(max_size=30))
def test_texts_as_yaml(text):
    read = yaml.load(
        f"- {_text(text)}  # x\n- [{_text(text)}, {_text(text)}]\n", Loader=yaml.BaseLoader
    )
    assert read == [text, [text, text]]


@pytest.mark.parametrize(
    "text", ["no", "12", "1e5", "0x1F", "null", "~", "", "a: b", "a #b", "a:", " a", "a ", "-", "'"]
)
def test_texts_that_look_like_something_else(tmp_path, text):
    (path,) = write(
        tmp_path,
        a=EMPTY + f"vars: {{a: {json.dumps(text)}, {json.dumps('k' + text)[1:-1] and 'b'}: 1}}\n",
    )
    assert loaded(path).effective.settings()[1].value == text
    again(tmp_path, path)
