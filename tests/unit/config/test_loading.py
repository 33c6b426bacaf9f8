"""From files to the desired state."""

import os
from pathlib import Path

import pytest

from reconcile import files
from reconcile.config import load
from reconcile.errors import ConfigError, Problem
from reconcile.model import desired
from tests.unit.config.reading import CORP, EMPTY, HEAD, loaded, said

HERE = Path(__file__).parent


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.yml").write_text(text)
    return folder


def test_everything_arrives():
    path = HERE / "valid" / "everything.yml"
    state = loaded(path).desired
    corp, branch, windows, redhat, ds, lab = state.sources
    assert state.platform.type == "sql"
    assert state.platform.url.reveal() == "sqlite:///acme.db"
    assert state.platform.workspaces == ("main", "test")
    assert state.platform.folder == str(path.parent)
    assert state.platform.options == {
        "administrator": "admin",
        "unknown_user": "unknown",
        "create_roles": True,
    }
    assert corp.servers == ("ldaps://ldap1.example.com", "ldaps://ldap2.example.com:1636/")
    assert corp.tls == desired.Tls(
        "ldaps", str(path.parent / "corp-ca.pem"), "ldap.example.com", "none"
    )
    assert (corp.bind.dn, corp.bind.anonymous) == ("cn=reader,dc=example,dc=com", False)
    assert (corp.base_dn, corp.page_size, corp.note) == ("dc=example,dc=com", 500, "Head office")
    assert corp.timeout == desired.Timeout(0.5, 120.0, 3600.0)
    assert (corp.limits, lab.limits) == (
        desired.ReadLimits(20_000, 2**16, 2**30),
        desired.ReadLimits(entry_size=5000000),
    )
    assert (corp.active_uac, corp.require_signing) == ((), False)
    assert (windows.active_uac, windows.require_signing) == ((512, 544, 66048, 66080), True)
    assert (corp.ignore_referrals, windows.ignore_referrals) == (
        (),
        ("dc=child,dc=example,dc=test",),
    )
    assert [source.type for source in (windows, redhat, ds)] == [
        "active_directory",
        "freeipa",
        "389ds",
    ]
    assert (ds.bind, redhat.bind) == (
        desired.Bind(kerberos=True, principal="reader@DS"),
        desired.Bind(anonymous=True),
    )
    users = corp.users
    assert (users.base, users.scope, users.create) == (
        "ou=people,dc=example,dc=com",
        "one",
        "selected",
    )
    assert (users.filter, users.identifier) == ("(objectClass=inetOrgPerson)", "uid")
    assert users.select == ("jdoe", "kat*", "uid=x,ou=people")
    assert (users.exclude, users.require, users.create_disabled) == (
        ("svc-*",),
        ("email", "phone"),
        False,
    )
    assert users.require_groups == ("cn=staff,ou=groups,dc=example,dc=com",)
    assert users.inactive_ous == ("ou=Leavers", "Guests")
    assert {key: template and template.text for key, template in users.fields.items()} == {
        "username": "{{ identifier }}@{{ domain }}",
        "first_name": None,
        "last_name": "{{ sn }}",
        "email": "{{ mail | default(userPrincipalName) }}",
    }
    assert [(item.field, item.value.text, item.roles) for item in users.attributes] == [
        ("phone", "{{ telephoneNumber }}", frozenset()),
        ("badge", "{{ employeeNumber }}", frozenset({"operator"})),
    ]
    assert (users.match_by, corp.takes_over) == (("username", "badge"), ("branch",))
    assert [users.clears(field) for field in ("phone", "badge", "manager", "email")] == [
        True,
        False,
        False,
        True,
    ]
    assert (users.manager_attribute, users.disabled_when.text) == (
        "manager",
        "{{ employeeType == 'former' }}",
    )
    assert corp.groups == desired.Groups("ou=groups", "one", "(objectClass=groupOfNames)", "member")
    assert corp.departments == desired.Units("ou=units", "one", "(objectClass=organizationalUnit)")
    assert branch.files == (str(path.parent / "branch.ldif"), "/srv/more.ldif")
    assert branch.users.fields["username"].text == "{{ identifier }}"
    assert (branch.users.create, branch.users.disabled_when) == ("mapped", None)
    assert (lab.tls.mode, lab.tls.ca_file, lab.bind.anonymous) == ("none", None, True)
    assert (lab.timeout, branch.limits) == (desired.Timeout(10.0, 1.5), desired.ReadLimits())
    assert state.role_mappings == (
        desired.RoleMapping(
            "administrator", "corp", ("cn=admins,ou=groups,dc=example,dc=com", "cn=*,ou=x")
        ),
        desired.RoleMapping("operator", default=True),
    )
    assert state.roles == desired.Roles("multiple", "keep", authoritative=True)
    first, second = state.groups
    assert (first.select, first.nested, first.members) == (("cn=*-team",), "ignore", "additive")
    assert (second.source, second.nested, second.members, second.name.text) == (
        "Branch",
        "flatten",
        "owned",
        "{{ cn }}",
    )
    assert (state.departments[0].children, state.departments[0].parents) == (True, True)
    assert (state.departments[1].children, state.departments[1].title.text) == (False, "{{ ou }}")
    assert state.departments[1].role == "operator"
    block = desired.Departure("block", 28 * 86400.0, "erase")
    keep = desired.Departure("keep")
    off = desired.Departure("deactivate", 56 * 86400.0, "block")
    assert state.lifecycle == desired.Lifecycle(
        block, keep, off, "keep", "keep", "ignore", "matching_email"
    )


SOURCE = """\
sources:
  - {name: a, type: ldap, base_dn: dc=x, servers: [ldap://h], bind: {anonymous: true}, users: {%s}}
"""


def test_members_of_groups(tmp_path):
    path = write(tmp_path, a=HEAD + SOURCE % "create: {groups: [cn=app, 'ops-*']}") / "a.yml"
    (source,) = loaded(path).desired.sources
    assert (source.users.create, source.users.create_groups) == ("groups", ("cn=app", "ops-*"))
    assert source.users.create_disabled is True


def test_who_is_disabled_is_not_created_where_users_end_for_that(tmp_path):
    lifecycle = "lifecycle: {on_disabled: {action: block, after: 2d, then: %s}}\n"
    for then, created in (("erase", False), ("delete", False)):
        path = write(tmp_path, a=HEAD + SOURCE % "" + lifecycle % then) / "a.yml"
        state = loaded(path).desired
        assert state.sources[0].users.create_disabled is created, then
        assert state.lifecycle.on_disabled == desired.Departure("block", 172800.0, then)
    path = write(
        tmp_path, a=HEAD + SOURCE % "" + lifecycle.replace("block", "deactivate") % "block"
    )
    assert loaded(path / "a.yml").desired.sources[0].users.create_disabled is True


def test_defaults(tmp_path):
    path = write(tmp_path, a=HEAD + "sources: [{name: a, type: ldap, base_dn: dc=x, servers: [ldap://h], bind: "
                 "{anonymous: true}}]\n") / "a.yml"  # fmt: skip
    (source,) = loaded(path).desired.sources
    assert source.tls == desired.Tls()
    assert source.timeout == desired.Timeout()
    assert source.page_size == 500
    assert loaded(path).desired.lifecycle == desired.Lifecycle()
    assert loaded(path).desired.platform.workspaces == ("main",)


def test_yaml_values_are_those_of_yaml_1_2(tmp_path):
    from reconcile.config.yaml import documents

    path = HERE / "valid" / "yaml.yml"
    data = documents.read(path, path.read_bytes(), exposed=False, problems=[]).root.data()
    assert data["vars"]["yes"] == "no"
    assert data["vars"]["words"] == [
        "yes", "no", "on", "off", "y", "n", "010", "0o17", "0x1F", "12:30", "2024-01-01", "1_000", ".inf", "1", "2",
    ]  # fmt: skip
    values = [True, False, None, None, 0, -7, 3, 1.5, -0.5, 1000.0, 0.2, True, None, 3]
    assert data["vars"]["values"] == values
    assert [type(value) for value in data["vars"]["values"]] == [type(value) for value in values]
    assert data["sources"][1]["users"] == {"create": "never", "scope": "subtree"}


def test_a_byte_order_mark_is_no_part_of_the_file(tmp_path):
    (tmp_path / "a.yml").write_bytes(b"\xef\xbb\xbf" + EMPTY.encode())
    assert said(tmp_path / "a.yml") == []


def test_a_folder_is_its_visible_yaml_files_in_name_order(tmp_path):
    write(tmp_path, b="sources: []\n", a="version: 1\n")
    (tmp_path / "c.yaml").write_text("platform: {type: sql, url: sqlite:///a.db}\n")
    (tmp_path / ".hidden.yml").write_text("nonsense")
    (tmp_path / "notes.txt").write_text("nonsense")
    (tmp_path / "below.yml").mkdir()
    assert loaded(tmp_path).files == tuple(
        str(tmp_path / name) for name in ("a.yml", "b.yml", "c.yaml")
    )


def test_lists_of_several_files_are_one_and_paths_are_those_of_each_file(tmp_path):
    write(
        tmp_path,
        a=CORP + "vars: {a: 1, dup: 1}\n",
        b="version: 1\nvars: {b: '{{ a + 1 }}', dup: 2}\nsources:\n  - name: other\n    type: ldif\n"
        "    files: ['{{ b }}.ldif']\n    base_dn: nonsense\nplatform: {type: sql}\n",
        c="sources: [{name: corp, type: ldif, files: [x], base_dn: dc=x}]\nrole_mappings: text\nvars: []\nroles: {}\n",
        d="version: 2\nrole_mappings: []\ngroups: text\nroles: {}\n",
        e="groups: []\n",
    )
    assert said(tmp_path) == [
        "b.yml:2:26: vars.dup: already given at a.yml:8:19",
        "b.yml:7:14: sources[0].base_dn: not a distinguished name: 'nonsense' has no attribute type at position 0; write it like ou=people,dc=example,dc=com",
        "b.yml:8:1: platform: already given at a.yml:2:1",
        "c.yml:1:18: sources[0].name: already given at a.yml:4:11",
        "c.yml:2:16: role_mappings: expected a list of mappings, got text",
        "c.yml:3:7: vars: expected a mapping, got a list",
        "d.yml:1:1: version: already given at a.yml:1:10",
        "d.yml:3:9: groups: expected a list of mappings, got text",
        "d.yml:4:1: roles: already given at c.yml:4:1",
    ]  # fmt: skip


def test_relative_paths_start_at_the_file_that_declares_them(tmp_path, monkeypatch):
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    (tmp_path / "one" / "a.yml").write_text(CORP)
    (tmp_path / "two" / "b.yml").write_text(
        "sources: [{name: b, type: ldif, files: [x.ldif], base_dn: dc=x}]\n"
    )
    monkeypatch.chdir(tmp_path)
    state = loaded(Path("one"), Path("two/b.yml")).desired
    assert [source.files for source in state.sources] == [("one/a.ldif",), ("two/x.ldif",)]
    assert state.platform.folder == "one"


def test_problems_of_all_files_are_told_at_once(tmp_path):
    write(
        tmp_path,
        a="platform: [",
        b="",
        c="colour: red\nrole_mappings: [{role: a, source: x, default: true}]\n",
    )
    (tmp_path / "d.yml").write_bytes(b"version: 1\nnote: caf\xe9\n")
    (tmp_path / "e.yml").write_text("a: \x01\n")
    (tmp_path / "empty").mkdir()
    known = "version, overlay, vars, platform, state, sources, role_mappings, roles, groups, "
    known += "departments, links, assertions, preset, lifecycle, safety, notify, "
    known += "quiet_runs, schedule"
    assert said(tmp_path, tmp_path / "nowhere.yml", tmp_path / "empty") == [
        "a.yml:2:1: not YAML: while parsing a flow node, did not find expected node content",
        "b.yml: the file is empty: `reconcile init` writes a starter file",
        f"c.yml:1:1: colour: unknown key; known here: {known}",
        "d.yml:2:10: not UTF-8 text: save the file in this encoding",
        "e.yml:1:4: the control character U+0001 is not allowed",
        "empty: the folder has no *.yml or *.yaml: name a file, or another folder",
        "nowhere.yml: no such file: `reconcile init` writes a starter file",
    ]


def test_no_file_at_all():
    assert said() == [": no desired-state file is given"]


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            PermissionError(13, "Permission denied"),
            "no permission to read it: run as a user who may, or change its mode",
        ),
        (OSError(5, "Input/output error"), "cannot be read: Input/output error"),
    ],
)
def test_files_that_cannot_be_read(tmp_path, monkeypatch, error, text):
    write(tmp_path, a=EMPTY)

    def refuse(*_args, **_kwargs):
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(files, "read", refuse)
        assert said(tmp_path / "a.yml") == [f"a.yml: {text}"]
    with monkeypatch.context() as patch:
        patch.setattr(Path, "iterdir", refuse)
        with pytest.raises(ConfigError, match=text):
            loaded(tmp_path)


def test_a_file_name_that_is_none():
    assert said(Path("a\0b")) == ["a\0b: cannot be read: this is not a file name"]


def test_a_file_that_is_named_twice_is_read_once(tmp_path):
    write(tmp_path, a=EMPTY + "colour: red\n")
    assert [line.partition(";")[0] for line in said(tmp_path, tmp_path / "a.yml")] == [
        "a.yml: is already read as a.yml: name it once",
        "a.yml:4:1: colour: unknown key",
    ]


def test_a_file_that_is_too_large(tmp_path):
    (tmp_path / "a.yml").write_bytes(b"#" * (10 * 1024 * 1024 + 1))
    assert said(tmp_path / "a.yml") == [
        "a.yml: larger than 10 MiB: this is not a desired-state file"
    ]


def test_given_variables_go_before_those_of_the_files(tmp_path):
    path = write(tmp_path, a=CORP + "    note: '{{ a }} {{ vars.b }} {{ c }}'\n"
                 "vars: {a: file, b: '{{ a }}!', unused: '{{ a }}'}\n") / "a.yml"  # fmt: skip
    assert (
        loaded(path, variables={"a": "given", "c": "more"}).desired.sources[0].note
        == "given given! more"
    )
    assert said(path) == ["a.yml:8:11: sources[0].note: unknown variable `c`"]


def test_given_variables_that_nothing_uses_are_mistakes(tmp_path):
    path = (
        write(
            tmp_path, a=CORP + "    note: '{{ vars.b }}{% if c %}{% endif %}'\nvars: {port: 3389}\n"
        )
        / "a.yml"
    )
    assert said(path, variables={"port": "1", "b": "2", "c": "3"}) == []
    known = "--var sets it, but neither `vars` nor a template uses it"
    assert said(path, variables={"prt": "1", "b": "", "c": "", "note": "x"}) == [
        f"a.yml:9:1: vars.note: {known}",
        f"a.yml:9:1: vars.prt: {known}; did you mean `port`?",
    ]


def test_given_variables_that_are_no_text(tmp_path):
    path = write(tmp_path, a=EMPTY + "vars: {a: 1}\n") / "a.yml"
    assert said(path, variables={"a": "\udcff"}) == [
        "a.yml:4:11: vars.a: the value given for `a` is not UTF-8 text"
    ]


def test_a_single_expression_keeps_its_type(tmp_path):
    path = (
        write(
            tmp_path,
            a=CORP + "    users: {select: '{{ names }}', create: '{{ word }}'}\n"
            "    note: '{{ mapping.a[1] }}{{ none }}{{ [1, 2.5, true] }}'\n"
            "role_mappings: '{{ mappings }}'\n"
            "vars:\n  names: [a, '{{ \"b\" }}']\n  mapping: {a: [1, 2]}\n  word: all\n"
            "  copied: '{{ mapping }}'\n  tuple: '{{ (1, none, 2.5, range(2)) }}'\n"
            "  mappings: [{role: x, default: true}]\n",
        )
        / "a.yml"
    )
    state = loaded(path).desired
    assert state.sources[0].users.select == ("a", "b")
    assert state.sources[0].users.create == "all"
    assert state.sources[0].note == "2None[1, 2.5, True]"
    assert state.role_mappings == (desired.RoleMapping("x", default=True),)


def test_adapters_find_faults_in_what_they_are_given_and_only_those_in_use(tmp_path):
    path = (
        write(tmp_path, a=CORP + "    users:\n      filter: (\n      scope: everything\n") / "a.yml"
    )
    seen = []

    def source(settings):
        seen.append(settings)
        return [
            (("users", "filter"), "bad filter"),
            (("users", "scope"), "told already"),
            (("bind", "dn"), "missing"),
        ]

    def never(_settings):
        raise AssertionError

    assert said(
        path,
        sources={"ldif": source, "openldap": never},
        platforms={"sql": lambda _settings: [(("url",), "bad url"), ((), "bad platform")]},
    ) == [
        "a.yml:2:1: platform: bad platform",
        "a.yml:2:28: platform.url: bad url",
        "a.yml:4:5: sources[0].bind.dn: missing",
        "a.yml:9:15: sources[0].users.filter: bad filter",
        "a.yml:10:14: sources[0].users.scope: expected subtree or one, got 'everything'",
    ]
    assert seen[0].files == (str(tmp_path / "a.ldif"),)


def test_an_adapter_may_find_that_a_secret_cannot_be_had(tmp_path):
    path = (
        write(
            tmp_path,
            a="version: 1\nplatform: {type: sql, url: \"{{ env('URL') }}\"}\nsources: []\n",
        )
        / "a.yml"
    )

    def reveal(settings):
        settings.url.reveal()
        return ()

    assert said(path, platforms={"sql": reveal}) == [
        "a.yml:2:28: platform.url: the secret could not be read: the environment variable URL is not set"
    ]
    assert said(path) == []


def test_plug_ins_have_keys_of_their_own(tmp_path):
    path = (
        write(
            tmp_path,
            a="version: 1\nvars: {n: 3}\nplatform: {type: mine, token: abc}\nsources:\n"
            "  - {name: a, type: lotus_notes, base_dn: dc=x, forest: '{{ n }}', servers: [anything]}\n"
            "  - {name: b, type: lotus_notes, base_dn: dc=x, page_size: many}\n",
        )
        / "a.yml"
    )
    adapters = {"sources": {"lotus_notes": lambda _: ()}, "platforms": {"mine": lambda _: ()}}
    assert said(path, **adapters) == [
        "a.yml:6:60: sources[1].page_size: expected a whole number, got text"
    ]
    path.write_text(path.read_text().replace("many", "7"))
    state = loaded(path, **adapters).desired
    assert state.platform.options == {"token": "abc"}
    assert state.platform.url is None
    assert state.sources[0].options == {"forest": 3}
    assert state.sources[0].servers == ("anything",)


def test_types_are_chosen_from_what_is_there(tmp_path):
    path = write(tmp_path, a="version: 1\nplatform: {type: mien}\nsources: []\n") / "a.yml"
    assert said(path, platforms={"mine": lambda _: ()}) == [
        "a.yml:2:18: platform.type: expected mine, postgresql_roles, processmaker, scim, sql, tables or vmmanager, got 'mien'; did you mean `mine`?"
    ]


def test_the_digest_is_that_of_the_meaning(tmp_path):
    here = write(tmp_path, a=CORP + "    note: '{{ n }}'\nvars: {n: x}\n")
    there = tmp_path / "there"
    there.mkdir()
    write(
        there,
        a="# comment\nversion: 1\nvars:\n  n: 'x'\n",
        b=CORP.split("\n", 1)[1] + '    note: "{{n}}"\n',
    )
    first = loaded(here / "a.yml").digest
    assert loaded(there).digest == first
    assert len(first) == 64
    assert loaded(here / "a.yml", variables={"n": "y"}).digest != first
    assert loaded(here / "a.yml", variables={"n": "x"}).digest == first


def test_problems_are_those_of_errors(tmp_path):
    path = write(tmp_path, a=EMPTY + "x: 1\n") / "a.yml"
    with pytest.raises(ConfigError) as caught:
        load([path], environ=os.environ, sources={}, platforms={})
    (problem,) = caught.value.problems
    assert isinstance(problem, Problem)
    assert problem[:4] == (str(path), 4, 1, "x")


def test_places_of_what_stands_nowhere():
    from reconcile.config.yaml.nodes import shortened, written

    assert written(("a", 0, "b c", "x" * 100)) == f"a[0]['b c'][{shortened('x' * 100)}]"


def test_an_empty_type_is_none(tmp_path):
    path = tmp_path / "a.yml"
    path.write_text(
        "version: 1\nplatform: {type: ''}\nsources: [{name: a, type: '', base_dn: dc=x}]\n"
    )
    assert [line.partition(": ")[2].partition(":")[0] for line in said(path)] == [
        "platform.type",
        "sources[0].type",
    ]


def test_a_refusal_of_logins_is_not_put_off_for_long(tmp_path):
    for written, told in (("61s", ["expected a duration of at most 1m"]), ("1m", []), ("0s", [])):
        source = (
            "{name: corp, type: ldif, files: [a.ldif], base_dn: dc=x, refuse_login_after: "
            + written
            + "}"
        )
        write(tmp_path, a=f"{HEAD}sources: [{source}]\n")
        assert [line.rpartition(": ")[2] for line in said(tmp_path / "a.yml")] == told


def test_a_slip_in_a_file_name_is_found(tmp_path):
    write(tmp_path, production=EMPTY)
    (line,) = said(tmp_path / "prodution.yml")
    assert line == "prodution.yml: no such file; did you mean production.yml?"
