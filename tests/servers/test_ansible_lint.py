"""The linters of Ansible over the collection and the examples; they take minutes and need the package registry.

`make test-all` runs them, in environments of their own.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.ansible import ansible
from tests.servers.test_ansible_newcomer import check

TOP = Path(__file__).parents[2]
COLLECTION = TOP / "ansible_collections" / "reconcile" / "identity"
pytestmark = [pytest.mark.server, pytest.mark.full]

GET_PIP = '''\
"""Stands in for the script that ansible-test would download: pip comes from ensurepip, then from the index."""
import os
import subprocess
import sys
import ensurepip

environment = dict(os.environ)  # ensurepip sets PIP_CONFIG_FILE in os.environ
ensurepip.bootstrap(default_pip=True)
wanted = [argument for argument in sys.argv[1:] if not argument.startswith("-")]
if wanted:
    command = [sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "-q", *wanted]
    raise SystemExit(subprocess.call(command, env=environment))
'''


@pytest.fixture(scope="module")
def tools(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the commands, in an environment of its own, with the newest Ansible there is."""
    folder = tmp_path_factory.mktemp("tools")
    subprocess.run([_newest_python(), "-m", "venv", str(folder)], check=True)
    wanted = ["ansible-core>=2.18", "ansible-lint>=25", "antsibull-docs>=2"]
    install = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet", *wanted]
    subprocess.run(install, check=True)
    return folder / "bin"


def _newest_python() -> str:
    """A newer Python than this one runs a newer Ansible."""
    for version in ("3.13", "3.12"):
        found = shutil.which(f"python{version}")
        usable = found and subprocess.run([found, "-c", ""], check=False, capture_output=True)
        if found and usable and usable.returncode == 0:
            return found
    return sys.executable


def run(folder: Path, tools: Path, *command: str, home: Path) -> str:
    done = subprocess.run(
        [str(tools / command[0]), *command[1:]],
        cwd=folder,
        env={
            **os.environ,
            "HOME": str(home),
            "PATH": f"{tools}{os.pathsep}{os.environ['PATH']}",
            "LC_ALL": "C.UTF-8",
            "ANSIBLE_COLLECTIONS_PATH": str(TOP),
        },
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_the_newest_ansible_runs_the_first_playbook(tools: Path, tmp_path: Path) -> None:
    """Ansible is in another environment than the module, which runs with this Python."""
    interpreter = ("--extra-vars", f"ansible_python_interpreter={sys.executable}")
    check(tmp_path, *interpreter, python=tools / "python", ANSIBLE_COLLECTIONS_PATH=str(TOP))


def test_the_oldest_ansible_runs_it_and_shows_no_inline_secret(tmp_path: Path) -> None:
    """2.18 prints the options of a module at the highest verbosity."""
    subprocess.run([sys.executable, "-m", "venv", str(tmp_path / "old")], check=True)
    python = tmp_path / "old" / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "ansible-core~=2.18.0"]
    subprocess.run(install, check=True)
    folder = tmp_path / "play"
    folder.mkdir()
    interpreter = ("--extra-vars", f"ansible_python_interpreter={sys.executable}")
    check(folder, *interpreter, python=python, ANSIBLE_COLLECTIONS_PATH=str(TOP))

    source = {"name": "corp", "type": "openldap", "servers": ["ldap://127.0.0.1:1"]}
    source |= {"base_dn": "dc=example", "tls": {"mode": "none"}}
    state = {
        "version": 1,
        "platform": {"type": "sql", "url": "sqlite:///other.db"},
        "sources": [source | {"bind": {"dn": "cn=reader", "password": "{{ word }}"}}],
    }
    tasks = [{"reconcile.identity.sync": {"config": state, "state": "planned"}}]
    book = [{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]
    (folder / "inline.yml").write_text(json.dumps(book), encoding="utf-8")
    arguments = ("ansible-playbook", "inline.yml", "-vvv", *interpreter)
    code, output = ansible(
        folder,
        *(*arguments, "--extra-vars", "word=s3cret-word"),
        python=python,
        ANSIBLE_COLLECTIONS_PATH=str(TOP),
    )
    assert (code, "no server of the source corp" in output) == (2, True), output
    assert "not shown, for it may have secrets" in output
    assert "s3cret-word" not in output


def test_ansible_lint(tools: Path, tmp_path: Path) -> None:
    output = run(
        COLLECTION, tools, "ansible-lint", "--offline", "--profile", "production", home=tmp_path
    )
    assert "0 failure(s), 0 warning(s)" in output


def test_antsibull_docs(tools: Path, tmp_path: Path) -> None:
    arguments = ("lint-collection-docs", "--plugin-docs", str(COLLECTION))
    run(TOP, tools, "antsibull-docs", *arguments, home=tmp_path)


def test_ansible_test_sanity(tools: Path, tmp_path: Path) -> None:
    copy = tmp_path / "ansible_collections" / "reconcile" / "identity"
    shutil.copytree(COLLECTION, copy)
    cache = tmp_path / "home" / ".ansible" / "test" / "cache"
    cache.mkdir(parents=True)
    for version in ("23_1_2", "24_2", "25_2"):
        (cache / f"get_pip_{version}.py").write_text(GET_PIP, encoding="utf-8")
    python = (tools / "python").resolve().name.removeprefix("python")
    command = ("ansible-test", "sanity", "--python", python, "--color", "no", "--lint")
    output = run(copy, tools, *command, home=tmp_path / "home")
    assert "ERROR" not in output
