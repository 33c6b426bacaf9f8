"""The README's commands, run as they stand there, in a clone; its picture, made again."""

import os
import pty
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import NamedTuple

from docs.picture import COLUMNS, svg

TOP = Path(__file__).parents[2]
TARGETS = ["user:plindqvist", "user:tengstrom", "user:oyildirim", "user:tashdown"]


class Step(NamedTuple):
    """A command and the output the README promises; a line `…` stands for any lines, `…` in a line for any text."""

    command: str
    output: list[str]


def steps() -> list[Step]:
    blocks = re.findall(
        r"^```console\n(.*?)^```$",
        (TOP / "README.md").read_text(encoding="utf-8"),
        re.MULTILINE | re.DOTALL,
    )
    found: list[Step] = []
    for line in "".join(blocks).splitlines():
        if line.startswith("$ "):
            found.append(Step(line[2:], []))
        else:
            found[-1].output.append(line)
    return found


def clone(folder: Path) -> Path:
    """What git has of this project, in a repository of its own, with the environment of this test as its .venv."""
    top = folder / "reconcile"
    files = subprocess.run(
        ["git", "ls-files", "-z"], cwd=TOP, check=True, capture_output=True, text=True
    ).stdout
    for name in filter(None, files.split("\0")):
        if (TOP / name).exists():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(TOP / name, top / name)
    # What Python has compiled it need not compile again.
    for compiled in (TOP / "reconcile").rglob("__pycache__"):
        shutil.copytree(compiled, top / compiled.relative_to(TOP), dirs_exist_ok=True)
    git = ["git", "-c", "user.name=x", "-c", "user.email=x@example.com"]
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-q", "-m", "x"]):
        subprocess.run([*git, *command], cwd=top, check=True, capture_output=True)
    return top


def test_the_tutorial(tmp_path: Path) -> None:
    top = clone(tmp_path)
    bash = shutil.which("bash")
    assert bash
    # `make demo` and the virtual environment are tried by the build itself; here they are the ones
    # the tests run in.
    binaries = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{binaries}:{os.environ['PATH']}", "PYTHONPATH": str(top)}
    script = ["set -e"]
    for number, step in enumerate(steps()):
        replaced = {"make demo": "examples/quickstart/run", ". .venv/bin/activate": ":"}.get(
            step.command, step.command
        )
        tolerated = " || true" if step.command.startswith("reconcile validate wrong") else ""
        script.append(f"{{ {replaced}{tolerated}; }} > {tmp_path}/{number}.out 2>&1")
    done = subprocess.run(
        [bash, "-c", "\n".join(script)], cwd=top, env=environment, check=False, timeout=120
    )
    for number, step in enumerate(steps()):
        output = (tmp_path / f"{number}.out").read_text(encoding="utf-8")
        pattern = "".join(
            r"(?:.*\n)*?" if line == "…" else re.escape(line).replace("…", ".*") + r" *\n"
            for line in step.output
        )
        assert re.fullmatch(pattern, output), (
            f"{step.command}\n--- promised\n{chr(10).join(step.output)}\n--- got\n{output}"
        )
    assert done.returncode == 0
    status = subprocess.run(
        ["git", "status", "--porcelain"], cwd=top, check=True, capture_output=True, text=True
    ).stdout
    assert status == "", "the tutorial leaves the clone as it was"


def test_every_command_of_the_readme_exists() -> None:
    text = (TOP / "README.md").read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "reconcile", "--help"], check=True, capture_output=True, text=True
    )
    commands = set(re.findall(r"^  (\w[\w-]*)  ", done.stdout, re.MULTILINE))
    assert set(re.findall(r"`reconcile (\w[\w-]*)", text)) <= commands
    table = text.partition("## Commands")[2]
    assert all(re.search(rf"\b{command}\b", table) for command in commands)


def test_every_extra_is_named() -> None:
    extras = tomllib.loads((TOP / "pyproject.toml").read_text(encoding="utf-8"))["project"][
        "optional-dependencies"
    ]
    table = (
        (TOP / "README.md")
        .read_text(encoding="utf-8")
        .partition("| extra | for |")[2]
        .partition("\n\n")[0]
    )
    named = [
        name for row in table.splitlines()[2:] for name in re.findall(r"`(\w+)`", row.split("|")[1])
    ]
    assert set(named) == extras.keys() - {"dev", "checks"}


def test_the_shell_completes() -> None:
    asked = {
        "_RECONCILE_COMPLETE": "bash_complete",
        "COMP_WORDS": "reconcile plan --un",
        "COMP_CWORD": "2",
    }
    command = [
        sys.executable,
        "-c",
        "import sys; from reconcile.cli import main; sys.argv[0] = 'reconcile'; main()",
    ]
    done = subprocess.run(
        command, env=os.environ | asked, check=False, capture_output=True, text=True
    )
    assert done.stdout == "plain,--undo\n"


def test_every_link_leads_somewhere() -> None:
    for file in [*TOP.glob("*.md"), *TOP.glob("docs/*.md"), *TOP.glob("examples/*/*.md")]:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", file.read_text(encoding="utf-8")):
            assert target.startswith("https://") or (file.parent / target).exists(), (
                f"{file}: {target}"
            )


def test_the_picture_shows_what_the_quickstart_really_plans(tmp_path: Path) -> None:
    assert picture(tmp_path) == (TOP / "docs" / "plan.svg").read_text(encoding="utf-8")


def picture(folder: Path) -> str:
    """The README's picture, from a run of the quickstart."""
    here = folder / "quickstart"
    shutil.copytree(
        TOP / "examples" / "quickstart", here, ignore=shutil.ignore_patterns("*.db", "*.plan")
    )
    command = [sys.executable, "-m", "reconcile"]
    subprocess.run([*command, "apply", "--yes"], cwd=here, check=True, capture_output=True)
    shutil.copy(here / "company-month-2.ldif", here / "company.ldif")
    arguments = [part for target in TARGETS for part in ("--target", target)]
    output = typed([*command, "plan", *arguments], here)
    return svg(output, "reconcile plan")


def typed(command: list[str], folder: Path) -> str:
    """What a command shows on a terminal."""
    ours, theirs = pty.openpty()
    wide = os.environ | {"COLUMNS": str(COLUMNS)}
    child = subprocess.Popen(
        command, cwd=folder, stdout=theirs, stderr=subprocess.DEVNULL, env=wide
    )
    os.close(theirs)
    seen = b""
    try:
        while chunk := os.read(ours, 4096):
            seen += chunk
    except OSError:
        pass  # a pty whose other side is closed answers EIO: that is its end
    os.close(ours)
    assert child.wait() == 0
    return seen.decode().replace("\r\n", "\n")
