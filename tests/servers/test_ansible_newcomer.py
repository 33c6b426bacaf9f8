"""The first playbook of docs/ansible.md, exactly as it is printed there."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenarios.stage import ldif
from tests.servers.ansible import TOP, ansible, play, sync, wheel

PAGE = (TOP / "docs" / "ansible.md").read_text(encoding="utf-8")
SECTION = PAGE[PAGE.index("## A first playbook") : PAGE.index("## In a pipeline")]


def write_files(folder: Path) -> list[list[str]]:
    """Writes the files that the section names; gives its commands."""
    files = re.findall(r"`([\w.]+)`:\n\n```\w+\n(.*?)```", SECTION, re.DOTALL)
    assert [name for name, _ in files] == ["site.yml", "reconcile.yml", "people.ldif"]
    for name, text in files:
        (folder / name).write_text(text, encoding="utf-8")
    assert len((folder / "site.yml").read_text(encoding="utf-8").splitlines()) == 10
    return [
        line.split() for line in re.findall(r"^\$ (ansible-playbook .*)$", SECTION, re.MULTILINE)
    ]


def check(folder: Path, *options: str, python: Path | None = None, **environ: str) -> None:
    """The commands do what the page says of them."""
    planning, applying = ([*command, *options] for command in write_files(folder))
    code, output = ansible(folder, *planning, python=python, **environ)
    assert code == 0, output
    assert "+ user ann" in output
    assert not (folder / "acme.db").exists()
    changed = []
    for _ in range(2):
        code, output = ansible(folder, *applying, python=python, **environ)
        assert code == 0, output
        changed += re.findall(r"changed=(\d+) ", output)
    assert changed == ["1", "0"]
    assert "Nothing to apply." in output


def test_the_first_playbook_of_the_page(tmp_path: Path) -> None:
    check(tmp_path)


@pytest.mark.full
def test_a_newcomer_installs_the_wheel_and_runs_it(tmp_path: Path) -> None:
    """In a fresh environment with the command of the page; needs the package index."""
    (package,) = re.findall(r"\$ pip install '([\w-]+)\[ansible\]'", PAGE)
    built = wheel(tmp_path)
    assert built.name.startswith(package.replace("-", "_"))
    subprocess.run([sys.executable, "-m", "venv", tmp_path / "venv"], check=True)
    python = tmp_path / "venv" / "bin" / "python"
    install = [python, "-m", "pip", "install", "--quiet", f"{built}[ansible]"]
    subprocess.run(install, check=True, capture_output=True)
    folder = tmp_path / "play"
    folder.mkdir()
    check(folder, python=python)


def test_values_of_a_directory_are_no_templates(tmp_path: Path) -> None:
    """Neither in a later task nor in what Ansible prints."""
    write_files(tmp_path)
    hostile = {"uid=ann": {"sn": "{{ 7 * 191 }}"}, "uid=bob": {"sn": "x\x1b[31m{{ 7 * 191 }}"}}
    (tmp_path / "people.ldif").write_text(ldif(hostile), encoding="utf-8")
    later = {"msg": "{{ r0.changes | map(attribute='after') | list }} {{ r0.skips }}"}
    task = sync(path=str(tmp_path / "reconcile.yml"), strict=True)
    done = play(tmp_path, [task, {"ansible.builtin.debug": later}], "--check", "--diff", "-vvv")
    planned, shown = done.results
    assert planned["changes"][1]["after"]["last_name"] == "{{ 7 * 191 }}"
    assert "{{ 7 * 191 }}" in str(shown["msg"])
    assert "1337" not in done.output
    assert "\x1b" not in done.output
