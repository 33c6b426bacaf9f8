"""Overlays, variables from files and the environment, and where each value comes from."""

from pathlib import Path

import pytest

from reconcile.config import Variables, of_environment, read_file
from reconcile.errors import ConfigError
from tests.unit.config.reading import HEAD, loaded, said

BASE = (
    HEAD
    + """vars: {tier: dev, domain: example.com}
sources:
  - name: corp
    type: ldif
    files: [a.ldif]
    base_dn: "dc={{ tier }}"
    users: {create: all, select: [a, b]}
role_mappings: [{role: operator, source: corp, default: true}]
safety: {limits: {users_lost: 10%}, at_least: 5}
"""
)


def write(folder: Path, **texts: str) -> list[Path]:
    paths = []
    for name, text in texts.items():
        path = folder / name / "state.yml"
        path.parent.mkdir()
        path.write_text(text, "utf-8")
        paths.append(path)
    return paths


def origins(*paths: Path, **more):
    return {
        ".".join(map(str, each.path)): (each.value, Path(each.origin).name)
        for each in loaded(*paths, **more).effective.settings()
    }


def test_an_overlay_replaces_scalars_and_lists_and_merges_mappings(tmp_path: Path) -> None:
    paths = write(
        tmp_path,
        base=BASE,
        prod="overlay: true\nvars: {tier: prod}\nsafety: {limits: {users_lost: 5%}}\n"
        "sources:\n- {name: corp, note: here, users: {select: [c]}}\n"
        "- {name: more, type: ldif, files: [m.ldif], base_dn: dc=m}\n"
        "role_mappings: [{role: boss, source: more, groups: [cn=g]}]\n",
    )
    state = loaded(*paths).desired
    assert (state.safety.limits.users_lost.number, state.safety.at_least) == (5.0, 5)
    corp, more = state.sources
    assert (corp.base_dn, corp.note, corp.users.select) == ("dc=prod", "here", ("c",))
    assert more.files == (str(tmp_path / "prod" / "m.ldif"),)
    assert [each.role for each in state.role_mappings] == ["operator", "boss"]
    found = origins(*paths)
    assert found["vars.tier"] == ("prod", "state.yml:2")
    assert found["safety.limits.users_lost"] == ("5%", "state.yml:3")
    assert found["safety.at_least"][1] == "state.yml:11"
    assert found["sources.0.note"] == ("here", "state.yml:5")


def test_a_relative_path_of_an_overlay_starts_at_its_own_folder(tmp_path: Path) -> None:
    paths = write(
        tmp_path, base=BASE, prod="overlay: true\nsources: [{name: corp, files: [p.ldif]}]\n"
    )
    assert loaded(*paths).desired.sources[0].files == (str(tmp_path / "prod" / "p.ldif"),)
    assert origins(*paths)["sources.0.files"][0] == ["../prod/p.ldif"]


def test_problems_of_an_overlay_are_in_its_own_file(tmp_path: Path) -> None:
    base, prod = write(
        tmp_path,
        base=BASE,
        prod="overlay: true\nsafety: {at_least: x}\nsources:\n- {name: corq, note: 1}\n",
    )
    problems = said(base, prod)
    assert "state.yml:2:20: safety.at_least: expected a whole number, got text" in problems
    assert any("state.yml:4:3: sources[0]: the key `type` is missing" in each for each in problems)
    assert any("name it last" in each for each in said(prod, base))
    prod.write_text("overlay: maybe\nsafety: {at_least: 6}\n")
    assert any("overlay: expected true or false, got text" in each for each in said(base, prod))


def test_without_overlay_a_key_is_given_once(tmp_path: Path) -> None:
    paths = write(tmp_path, base=BASE, prod="safety: {at_least: 6}\n")
    assert any("safety: already given at" in each for each in said(*paths))


def test_overlays_follow_each_other_and_the_last_wins(tmp_path: Path) -> None:
    paths = write(
        tmp_path,
        base=BASE,
        one="overlay: true\nsafety: {at_least: 6, limits: {users_lost: 1}}\n",
        two="overlay: true\nsafety: {at_least: 7}\n",
    )
    found = origins(*paths)
    assert found["safety.at_least"][0] == 7
    assert found["safety.limits.users_lost"][0] == 1


def test_the_later_option_wins_over_the_environment(tmp_path: Path) -> None:
    (base,) = write(tmp_path, base=BASE)
    file = tmp_path / "prod.yml"
    file.write_text("# values\ntier: from-file\ndomain: '{{ no template }}'\n")
    variables = of_environment({"RECONCILE_VAR_tier": "env", "RECONCILE_VAR_1": "x", "tier": "y"})
    assert dict(variables) == {"tier": "env"}
    assert origins(base, variables=variables)["vars.tier"] == ("env", "RECONCILE_VAR_tier")
    read_file(file, variables)
    found = origins(base, variables=variables)
    assert found["vars.tier"] == ("from-file", "prod.yml:2")
    assert found["vars.domain"][0] == "{{ no template }}"
    variables.put_text("tier", "last")
    assert origins(base, variables=variables)["vars.tier"] == ("last", "--var")
    assert loaded(base, variables=variables).desired.sources[0].base_dn == "dc=last"


def test_unused_variables(tmp_path: Path) -> None:
    (base,) = write(tmp_path, base=BASE)
    file = tmp_path / "prod.yml"
    file.write_text("teir: x\n")
    variables = of_environment({"RECONCILE_VAR_other": "1"})
    read_file(file, variables)
    found = loaded(base, variables=variables)
    assert found.unused_variables == ((f"{file}:1", "teir"),)
    assert found.digest == loaded(base).digest
    assert any("did you mean `tier`?" in each for each in said(base, variables={"teir": "x"}))


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("- a\n", "expected a mapping"),
        ("1x: 2\n", "expected a name of letters, digits and _"),
        ("a: 1\na: 2\n", "already given in line 1"),
        ("a: [\n", "not YAML"),
        ("", "empty"),
    ],
)
def test_what_is_no_variable_file_is_an_error_with_its_place(
    tmp_path: Path, text: str, why: str
) -> None:
    file = tmp_path / "v.yml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=why):
        read_file(file, Variables())


def test_a_variable_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no such variable file"):
        read_file(tmp_path / "none.yml", Variables())
    with pytest.raises(ConfigError, match="cannot be read"):
        read_file(tmp_path, Variables())


def test_a_secret_in_a_variable_file_that_everyone_can_read_is_refused(tmp_path: Path) -> None:
    (base,) = write(
        tmp_path, base=BASE.replace("sqlite:///acme.db", "'postgresql+psycopg://a:{{ pw }}@h/d'")
    )
    file = tmp_path / "v.yml"
    file.write_text("pw: s3cret\n")
    file.chmod(0o644)
    variables = Variables()
    read_file(file, variables)
    base.chmod(0o600)
    assert any(f"chmod 600 {file}" in each for each in said(base, variables=variables))
    file.chmod(0o600)
    read_file(file, variables)
    assert "s3cret" not in str(origins(base, variables=variables))
