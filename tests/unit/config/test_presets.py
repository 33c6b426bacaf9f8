"""Presets: what they set, where, and what goes before them."""

import json
from pathlib import Path

import pytest

from reconcile.config.sections import presets
from reconcile.config.sections.presets import PRESETS, apply
from tests.unit.config.reading import loaded, said

AD = {"name": "ad", "type": "active_directory", "base_dn": "ou=Acme,dc=example,dc=com"}
USERS = {"fields": {"username": "{{ identifier }}"}, "when_absent": "keep"}
LDAP = {"name": "ldap", "type": "openldap", "base_dn": "dc=example,dc=com"}


def test_none_sets_nothing():
    for data in (
        {},
        {"preset": "none"},
        {"preset": "other"},
        {"preset": ["processmaker"]},
        {"preset": None},
    ):
        assert apply(data)[:3] == (data, "", frozenset())


def test_processmaker():
    data = {
        "preset": "processmaker",
        "sources": [AD, LDAP],
        "departments": [{"source": "ad"}],
        "groups": [{}],
    }
    applied = apply(data)
    assert applied.preset == "processmaker"
    assert applied.data == {
        "preset": "processmaker",
        "sources": [
            AD | {"users": USERS, "active_uac": [512, 544, 66048, 66080]},
            LDAP | {"users": USERS},
        ],
        "departments": [{"source": "ad", "role": "operator"}],
        "groups": [{"members": "authoritative"}],
        "roles": {"on_existing": "keep"},
        "lifecycle": {
            "on_missing": "erase",
            "on_disabled": "deactivate",
            "on_source_removed": "deactivate",
            "adopt_local": "never",
        },
    }
    assert ("sources", 0, "active_uac") in applied.paths
    assert ("roles", "on_existing") in applied.paths
    assert len(applied.paths) == 12


def test_a_type_of_platform_has_defaults_that_a_file_and_a_preset_override():
    platform = {"type": "vmmanager"}
    applied = apply({"platform": platform, "safety": {"at_least": 7}})
    assert applied.data["safety"] == {
        "at_least": 7,
        "limits": {"users_lost": "3%"},
        "protect": {"admin_role": "@admin"},
    }
    assert applied.origin(("safety", "limits", "users_lost")) == "platform vmmanager"
    assert applied.origin(("safety", "at_least")) == ""
    assert apply({"platform": {"type": "sql"}}).data == {"platform": {"type": "sql"}}
    assert apply({"platform": platform, "safety": "none"}).data["safety"] == "none"


def test_vmmanager():
    applied = apply({"preset": "vmmanager", "sources": [AD, LDAP]})
    fields = {"username": "{{ identifier }}@{{ domain }}"}
    assert applied.data == {
        "preset": "vmmanager",
        "sources": [
            AD
            | {
                "users": {
                    "fields": fields,
                    "require_groups": ["cn=Users,cn=Builtin,dc=example,dc=com"],
                }
            },
            LDAP | {"users": {"fields": fields}},
        ],
        "roles": {"mode": "single", "on_existing": "enforce", "authoritative": True},
        "lifecycle": {
            "on_missing": "block",
            "on_out_of_scope": "block",
            "on_disabled": "block",
            "on_source_removed": "block",
            "on_deleted": "recreate",
            "adopt_local": "always",
        },
    }


def test_what_the_file_says_goes_before_the_preset_and_stays_as_it_is():
    users = {
        "fields": {"username": "{{ mail }}", "email": "x"},
        "require": [],
        "when_absent": {"phone": "keep"},
    }
    source = AD | {"active_uac": [], "users": users}
    data = {
        "preset": "processmaker",
        "sources": [source],
        "departments": [{"role": ""}],
        "groups": [{"members": "owned"}],
        "roles": {"on_existing": "enforce", "mode": "multiple"},
        "lifecycle": {
            "on_missing": {"action": "block"},
            "on_disabled": "block",
            "on_source_removed": "keep",
        },
    }
    before = repr(data)
    applied = apply(data)
    assert repr(data) == before
    assert applied.data == data | {"lifecycle": data["lifecycle"] | {"adopt_local": "never"}}
    assert applied.paths == {("lifecycle", "adopt_local")}


@pytest.mark.parametrize(
    ("base_dn", "group"),
    [
        ("DC=example,DC=com", "cn=Users,cn=Builtin,dc=example,dc=com"),
        ("ou=a,dc=x", "cn=Users,cn=Builtin,dc=x"),
        (r"ou=a,dc=x\,y", r"cn=Users,cn=Builtin,dc=x\,y"),
        ("o=acme", "cn=Users,cn=Builtin,o=acme"),
        ("no dn", None),
        ("", None),
        (12, None),
    ],
)
def test_the_users_group_is_that_of_the_domain(base_dn, group):
    (source,) = apply({"preset": "vmmanager", "sources": [AD | {"base_dn": base_dn}]}).data[
        "sources"
    ]
    assert source["users"].get("require_groups") == (group and [group])


@pytest.mark.parametrize(
    "broken", [None, 1, "text", [], [None, "x"], {}, {"users": 3}, [{"users": {"fields": []}}]]
)
@pytest.mark.parametrize("preset", sorted(PRESETS))
def test_what_has_the_wrong_type_is_left_alone(preset, broken):
    keys = ("sources", "groups", "departments", "roles", "lifecycle")
    data = {"preset": preset} | dict.fromkeys(keys, broken)
    applied = apply(data).data
    for key in keys:
        if not isinstance(broken, list | dict) or (
            isinstance(broken, list) and key in ("roles", "lifecycle")
        ):
            assert applied[key] == broken


def test_a_problem_of_a_preset_is_told_where_the_file_would_say_it(tmp_path):
    path = tmp_path / "a.yml"
    path.write_text(
        "version: 1\npreset: vmmanager\nplatform: {type: sql, url: sqlite:///a.db}\nsources:\n"
        "  - {name: a, type: active_directory, servers: [ldap://h], bind: {anonymous: true}, base_dn: 'ou=x,dc=y',\n"
        "     users: {create: all}}\n"
    )
    assert "\n".join(said(path)) == (
        "a.yml:6:6: sources[0].users.require_groups: "
        "preset vmmanager takes members of 'cn=Users,cn=Builtin,dc=y' only, but groups are searched below 'ou=x,dc=y': "
        "widen base_dn or groups.base, or say which groups it is ([] for none)"
    )
    text = path.read_text()
    path.write_text(text.replace("create: all", "create: all, require_groups: []"))
    assert said(path) == []
    path.write_text(text.replace("ou=x,dc=y", "dc=y"))
    assert said(path) == []
    path.write_text(text.replace("ou=x,dc=y'", "dc=y', groups: {base: 'ou=x'}"))
    assert len(said(path)) == 1


def test_values_of_presets_are_words_of_the_schema(tmp_path):
    path = tmp_path / "a.yml"
    for name in PRESETS:
        path.write_text(
            f"version: 1\npreset: {name}\nplatform: {{type: sql, url: sqlite:///a.db}}\nsources:\n"
            "  - {name: a, type: active_directory, servers: [ldap://h], bind: {anonymous: true}, base_dn: 'dc=y'}\n"
            "groups: [{source: a, select: ['*']}]\ndepartments: [{source: a, select: ['*']}]\n"
        )
        assert said(path) == []


def test_a_preset_is_part_of_the_digest(tmp_path, monkeypatch):
    path = tmp_path / "a.yml"
    path.write_text(
        "version: 1\npreset: vmmanager\nplatform: {type: sql, url: sqlite:///a.db}\nsources: []\n"
    )
    before = loaded(path).digest
    changed = {"vmmanager": PRESETS["vmmanager"][:-1]}
    monkeypatch.setattr(presets, "PRESETS", changed)
    assert loaded(path).digest != before


def test_the_reference_has_every_preset_in_its_table():
    reference = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
    table = reference.partition("## Presets\n")[2].partition("\n\n**")[0]
    said = {}
    for line in table.splitlines():
        if line.startswith("| `"):
            key, _, *cells = (cell.strip() for cell in line.strip("|").split("|"))
            said[key] = dict(zip(("processmaker", "vmmanager"), cells, strict=True))
    expected = {}
    for name, defaults in PRESETS.items():
        for default in defaults:
            key = f"`{default.path.replace('.*', '[]')}`" + (
                f", of `{default.source_type}`" * bool(default.source_type)
            )
            value = default.value if isinstance(default.value, str) else json.dumps(default.value)
            expected.setdefault(key, {"processmaker": "", "vmmanager": ""})[name] = f"`{value}`"
    assert said == json.loads(json.dumps(expected).replace("{domain}", "DOMAIN"))
