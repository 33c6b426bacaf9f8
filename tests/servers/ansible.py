"""Runs playbooks with the Ansible of the development environment, in a folder of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import yaml

BIN = Path(sys.executable).parent
TOP = Path(__file__).parents[2]


class Played(NamedTuple):
    """What a playbook did: its exit code, what it printed, and the result of each task."""

    code: int
    output: str
    results: list[dict[str, Any]]


def wheel(folder: Path) -> Path:
    """The wheel of this tree, built in the folder without a download."""
    options = ["--no-build-isolation", "--no-deps", "--quiet", "--wheel-dir", str(folder)]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, str(TOP)], check=True, capture_output=True
    )
    (built,) = folder.glob("*.whl")
    return built


def ansible(
    folder: Path,
    command: str,
    *arguments: str,
    python: Path | None = None,
    seconds: float = 300,
    **environ: str,
) -> tuple[int, str]:
    """Runs a command of Ansible: exit code, and both of its outputs.

    `python` is the interpreter of the environment it is installed in, by default this one.
    Raises TimeoutExpired after so many `seconds`.
    """
    home = folder / "home"
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        [python or sys.executable, (python.parent if python else BIN) / command, *arguments],
        cwd=folder,
        env={
            **os.environ,
            "HOME": str(home),
            "ANSIBLE_LOCALHOST_WARNING": "false",
            "ANSIBLE_INVENTORY_UNPARSED_WARNING": "false",
            "ANSIBLE_NOCOLOR": "true",
            "ANSIBLE_PIPELINING": "true",  # one process a task instead of six
            "ANSIBLE_SSH_ARGS": "-C",  # no shared connections: their sockets' paths are too long
            "LC_ALL": "C.UTF-8",
            **environ,
        },
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def play(folder: Path, tasks: Sequence[dict[str, Any]], *options: str, **environ: str) -> Played:
    """Runs tasks on localhost, each after the other even if one fails; with their results."""
    steps = [
        {"name": f"Task {number}", **task, "register": f"r{number}", "ignore_errors": True}
        for number, task in enumerate(tasks)
    ]
    names = ", ".join(f"r{number}" for number in range(len(tasks)))
    results = folder / "results.json"
    kept = {
        "name": "Keep the results",
        "ansible.builtin.copy": {"content": f"{{{{ [{names}] | to_json }}}}", "dest": str(results)},
        "check_mode": False,
        "diff": False,
        "no_log": True,
    }
    document = [{"hosts": "localhost", "gather_facts": False, "tasks": [*steps, kept]}]
    (folder / "play.yml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    code, output = ansible(folder, "ansible-playbook", "play.yml", *options, **environ)
    assert results.exists(), output
    found: list[dict[str, Any]] = json.loads(results.read_text(encoding="utf-8"))
    results.unlink()
    return Played(code, output, found)


def sync(**options: Any) -> dict[str, Any]:
    """A task with the module `sync`."""
    return {"reconcile.identity.sync": options}
