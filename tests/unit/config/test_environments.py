"""One desired state in several environments: variables from outside, and overlays."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from reconcile.config import variables
from reconcile.config.loading import Loaded, load
from reconcile.errors import ConfigError

BASE = """\
version: 1
platform: {type: sql, url: "sqlite:///{{ name }}.db", workspaces: [one, two]}
vars: {name: base, domain: example.com, size: 5}
sources:
  - {name: corp, type: ldif, files: [corp.ldif], base_dn: "dc=example,dc=com", users: {create: all}}
  - {name: lab, type: ldif, files: [lab.ldif], base_dn: "dc=example,dc=com"}
groups:
  - {source: corp, select: ["cn=a"]}
safety: {limits: {users_lost: 3}}
"""


def loaded(
    folder: Path,
    *overlays: str,
    given: Mapping[str, Any] = {},
    environ: Mapping[str, str] = {},
    base: str = BASE,
) -> Loaded:
    paths = [folder / "base.yml"]
    paths[0].write_text(base)
    for number, text in enumerate(overlays):
        paths.append(folder / f"overlay{number}.yml")
        paths[-1].write_text(text)
    known: Any = {"sql": lambda _settings: [], "ldif": lambda _source: []}
    return load(
        paths, environ=environ, variables=given, sources=known, platforms=known,
    )  # fmt: skip


def origins(state: Loaded) -> dict[str, tuple[Any, str]]:
    return {
        ".".join(map(str, each.path)): (each.value, Path(each.origin).name)
        for each in state.effective.settings()
    }


def refused(folder: Path, *overlays: str, **options: Any) -> list[str]:
    with pytest.raises(ConfigError) as error:
        loaded(folder, *overlays, **options)
    return [line.removeprefix(f"{folder}/") for line in error.value.lines()]


# Variables


def test_what_is_given_last_and_nearest_wins(tmp_path: Path) -> None:
    first, second = tmp_path / "first.yml", tmp_path / "second.yml"
    first.write_text("name: first\ndomain: first.example\n")
    second.write_text("domain: second.example\nsize: 7\n")
    environ = {"RECONCILE_VAR_name": "of-env", "RECONCILE_VAR_unknown": "x"}
    given = variables.given([first, second], {"size": "9"})
    known = origins(loaded(tmp_path, given=given, environ=environ))
    assert known["vars.name"] == ("first", "first.yml:1")
    assert known["vars.domain"] == ("second.example", "second.yml:1")
    assert known["vars.size"] == ("9", "--var")
    known = origins(loaded(tmp_path, environ=environ))
    assert known["vars.name"] == ("of-env", "RECONCILE_VAR_name")
    assert known["vars.size"] == (5, "base.yml:3")


def test_values_of_a_file_keep_their_type(tmp_path: Path) -> None:
    file = tmp_path / "prod.yml"
    file.write_text("size: [a, b]\n")
    assert variables.given([file], {}) == {"size": ["a", "b"]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("nme: x\n", "prod.yml:1 sets it, but neither `vars` nor a template uses it"),
        ("name: '{{ domain }}'\n", "a variables file has no templates"),
        ("size: {a: ['{% x %}']}\n", "a variables file has no templates"),
        ("my-name: x\n", "expected a name of letters, digits and _"),
        ("- a\n", "mapping"),
        ("", "empty"),
        ("name: [\n", "prod.yml:"),
    ],
)
def test_a_variables_file_that_cannot_be_used(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "prod.yml"
    file.write_text(content)
    with pytest.raises(ConfigError) as error:
        loaded(tmp_path, given=variables.given([file], {}))
    assert said in "\n".join(error.value.lines())


def test_a_variables_file_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such file, which --var-file names"):
        variables.given([tmp_path / "prod.yml"], {})


def test_a_variable_of_the_environment_that_is_no_text(tmp_path: Path) -> None:
    (line,) = refused(tmp_path, environ={"RECONCILE_VAR_name": "\udcff"})
    assert "the value given for `name` is not UTF-8 text" in line


# Overlays


def test_an_overlay_changes_values_lists_and_sources(tmp_path: Path) -> None:
    overlay = """\
overlay: true
platform: {url: "sqlite:///prod.db", workspaces: [main]}
vars: {domain: prod.example}
sources:
  - {name: lab, files: [prod.ldif]}
groups:
  - {source: lab, select: ["cn=b"]}
safety: {limits: {updates: 7}}
"""
    state = loaded(tmp_path, overlay)
    assert state.desired.platform.workspaces == ("main",)
    assert [source.name for source in state.desired.sources] == ["corp", "lab"]
    assert len(state.desired.groups) == 2
    known = origins(state)
    assert known["platform.url"][1] == "overlay0.yml:2"
    assert known["platform.type"] == ("sql", "base.yml:2")
    assert known["vars.domain"] == ("prod.example", "overlay0.yml:3")
    assert known["sources.1.files"][1] == "overlay0.yml:5"
    assert known["sources.1.base_dn"][1] == "base.yml:6"
    assert known["safety.limits.users_lost"] == (3, "base.yml:9")
    assert known["safety.limits.updates"] == (7, "overlay0.yml:8")


def test_overlays_are_laid_in_the_order_of_files(tmp_path: Path) -> None:
    once, twice = (f"overlay: true\nvars: {{domain: {name}}}\n" for name in ("one", "two"))
    assert origins(loaded(tmp_path, once, twice))["vars.domain"] == ("two", "overlay1.yml:2")
    assert origins(loaded(tmp_path, twice, once))["vars.domain"] == ("one", "overlay1.yml:2")


def test_without_the_mark_nothing_is_given_twice(tmp_path: Path) -> None:
    (line,) = refused(tmp_path, "vars: {domain: prod.example}\n")
    assert "already given at" in line
    (line,) = refused(tmp_path, "overlay: false\nvars: {domain: prod.example}\n")
    assert "already given at" in line


@pytest.mark.parametrize(
    ("overlay", "said"),
    [
        (
            "vars: {domain: x}\noverlay: true\n",
            "overlay0.yml:2:1: overlay: has to be the first key",
        ),
        (
            "overlay: true\nsources: [{name: crop}]\n",
            "overlay0.yml:2:11: sources[0]: no earlier file",
        ),
        ("overlay: true\nsources: [{files: [x]}]\n", "an overlay finds a source by its `name`"),
        ("overlay: true\nsources: [{name: [lab]}]\n", "an overlay finds a source by its `name`"),
        ("overlay: true\nsources: [{name: {a: b}}, 5]\n", "sources[1]: an overlay finds a source"),
        ("overlay: true\nplatform: 5\n", "overlay0.yml:2:11: platform: expected a mapping"),
        ("overlay: true\nsources: {corp: x}\n", "expected a list"),
        ("overlay: true\nplatform: {type: [x]}\n", "overlay0.yml:2:12: platform.type"),
        ("overlay: true\nsafety: 5\n", "overlay0.yml:2:9: safety: expected a mapping"),
        ("overlay: true\nsources: [{name: lab, server: x}]\n", "overlay0.yml:2:"),
        ("overlay: yes please\n", "overlay0.yml:1:10: overlay: expected"),
    ],
)
def test_an_overlay_that_cannot_be_laid(tmp_path: Path, overlay: str, said: str) -> None:
    assert any(said in line for line in refused(tmp_path, overlay)), refused(tmp_path, overlay)


def test_an_overlay_without_anything_below_it(tmp_path: Path) -> None:
    (line,) = refused(tmp_path, base=f"overlay: true\n{BASE}")
    assert "there is no earlier file that this one could change" in line


def test_a_path_of_an_overlay_starts_at_its_folder(tmp_path: Path) -> None:
    (tmp_path / "overlays").mkdir()
    (tmp_path / "base.yml").write_text(BASE)
    prod = tmp_path / "overlays" / "prod.yml"
    prod.write_text("overlay: true\nsources: [{name: lab, files: [prod.ldif]}]\n")
    known: Any = {"sql": lambda _settings: [], "ldif": lambda _source: []}
    state = load([tmp_path / "base.yml", prod], environ={}, sources=known, platforms=known)
    corp, lab = state.desired.sources
    assert [Path(file) for file in lab.files] == [tmp_path / "overlays" / "prod.ldif"]
    assert [Path(file) for file in corp.files] == [tmp_path / "corp.ldif"]


def test_the_layout_of_the_docs_is_sound(tmp_path: Path) -> None:
    """The files of docs/environments.md, as they stand there, and the origins that it promises."""
    text = (Path(__file__).parents[3] / "docs" / "environments.md").read_text()
    blocks = dict(re.findall(r"```yaml\n# (\S+)\n(.*?)```", text, re.DOTALL))
    assert len(blocks) == 3
    for name, content in blocks.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content)
    given = variables.given([tmp_path / "environments" / "prod.vars.yml"], {})
    known: Any = {"sql": lambda _settings: [], "openldap": lambda _source: []}
    paths = [tmp_path / "base", tmp_path / "environments" / "prod.yml"]
    state = load(paths, environ={}, variables=given, sources=known, platforms=known)
    assert state.desired.platform.workspaces == ("sales", "support")
    assert state.desired.sources[0].servers == ("ldaps://dc1.example.com",)
    assert origins(state)["vars.directory"][1] == "prod.vars.yml:1"
