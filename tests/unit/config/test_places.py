"""From the path of a rule to the place where it is written, whatever gives the value."""

from pathlib import Path

import pytest

from reconcile.config import Loaded, load
from reconcile.model.notice import Notice

FIRST = """\
version: 1
preset: vmmanager
platform: {type: sql, url: "sqlite:///a.db"}
vars: {name: cn=a}
sources:
- name: ad
  type: active_directory
  servers: [ldaps://dc.example.com]
  bind: {anonymous: true}
  base_dn: dc=example,dc=com
  users: {select: [ann, "bob"]}
"""
SECOND = """\
groups:
- source: ad
  select:
  - "{{ name }}"
  -   cn=b
"""


@pytest.fixture
def loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    monkeypatch.chdir(tmp_path)
    Path("a.yml").write_text(f"{FIRST}groups: [{{source: ad, select: [cn=first]}}]\n", "utf-8")
    Path("b.yml").write_text(f"version: 1\n{SECOND}", "utf-8")
    return load([Path("a.yml"), Path("b.yml")], environ={}, sources={}, platforms={})


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("sources[0].users.select[1]", "a.yml:11:25: sources[0].users.select[1]"),
        ("groups[0].select[0]", "a.yml:12:32: groups[0].select[0]"),
        ("groups[1].select[0]", "b.yml:5:5: groups[0].select[0]"),
        ("groups[1].select[1]", "b.yml:6:7: groups[0].select[1]"),
        ("sources[0].users.create", "a.yml:11:3: sources[0].users.create"),
        ("safety.protect.users[0]", "a.yml:1:1: safety.protect.users[0]"),
        (
            "sources[0].users.require_groups[0]",
            "preset vmmanager: sources[0].users.require_groups[0]",
        ),
        ("lifecycle.on_missing", "preset vmmanager: lifecycle.on_missing"),
    ],
)
def test_where_a_rule_is(loaded: Loaded, path: str, place: str) -> None:
    assert str(loaded.places.problem(path, "why")) == f"{place}: why"
    assert str(loaded.places.placed(Notice("finds_nothing", "why", path))) == f"{place}: why"


def test_what_is_about_no_rule_has_no_place(loaded: Loaded) -> None:
    notice = Notice("source_renamed", "why")
    assert loaded.places.placed(notice) is notice
    assert str(notice) == "why"
