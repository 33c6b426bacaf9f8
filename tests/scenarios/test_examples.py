"""The examples are what their scripts make, run as their READMEs say, and carry the line for editors."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.forking import Execute

TOP = Path(__file__).parents[2]
EXAMPLES = TOP / "examples"


def run(command: list[str], folder: Path) -> str:
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(TOP),
    }
    done = subprocess.run(
        command,
        cwd=folder,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.mark.parametrize(("month", "file"), [("1", "company.ldif"), ("2", "company-month-2.ldif")])
def test_the_company_is_what_its_script_makes(month: str, file: str) -> None:
    made = run([sys.executable, "make_company.py", "--month", month], EXAMPLES / "quickstart")
    assert made == (EXAMPLES / "quickstart" / file).read_text(encoding="utf-8")


def test_the_quickstart_runs_again_and_again(tmp_path: Path) -> None:
    folder = tmp_path / "quickstart"
    shutil.copytree(
        EXAMPLES / "quickstart", folder, ignore=shutil.ignore_patterns("*.db", "*.plan")
    )
    first = run(["./run"], folder)
    assert "Done: 808 applied, 0 failed, 0 skipped." in first
    assert "No changes." in first
    # The digest of a plan file, which has a time, is all that may differ.
    digest = re.compile("sha256:[0-9a-f]{64}")
    assert digest.sub("", run(["./run"], folder)) == digest.sub("", first)


def test_the_company_on_a_scim_service(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("*.db", "*.plan", "server", ".reconcile")
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=ignored)
    output = run(["./run"], tmp_path / "examples" / "scim")
    assert "0 failed, 0 skipped." in output
    assert "No changes." in output
    assert "can be read completely" in output


def test_a_company_takes_over_vmmanager(tmp_path: Path) -> None:
    ignored = shutil.ignore_patterns("*.db", "*.plan", "server", ".reconcile")
    shutil.copytree(EXAMPLES, tmp_path / "examples", ignore=ignored)
    readme = (EXAMPLES / "vmmanager" / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```sh\n(.*?)```", readme, re.DOTALL)
    install, command = block.splitlines()
    assert install == "pip install 'reconcile-identity[vmmanager]'"
    output = run([f"./{command}"], tmp_path)
    assert "Done: 111 applied, 0 failed, 0 skipped." in output
    assert "No changes." in output
    assert "builds@vm.example" in output
    assert "admin@vm.example" not in output


@pytest.mark.server
def test_the_company_behind_a_real_server(tmp_path: Path) -> None:
    for needed in ("slapd", "openssl"):
        if shutil.which(needed, path=os.environ["PATH"] + ":/usr/sbin") is None:
            (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(
                f"{needed} is not installed"
            )
    shutil.copytree(
        EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("*.db", "*.plan", "server")
    )
    output = run(["./run"], tmp_path / "examples" / "openldap")
    assert "808 applied, 0 failed, 0 skipped." in output
    assert "No changes." in output
    assert not (tmp_path / "examples" / "openldap" / "server" / "slapd.pid").exists(), (
        "the server is stopped"
    )


@pytest.mark.parametrize(
    ("preset", "users", "said"),
    [("processmaker", 193, "on_existing"), ("vmmanager", 95, "username")],
)
def test_presets(preset: str, users: int, said: str, tmp_path: Path, quick: Execute) -> None:
    """Each plans, applies and has nothing left to do; and so has what --effective makes of it, on the same platform."""
    folder = tmp_path / "examples" / "presets"
    shutil.copytree(
        EXAMPLES, tmp_path / "examples", ignore=shutil.ignore_patterns("*.db", "*.plan", "server")
    )

    def reconcile(*arguments: str) -> str:
        code, out, err = quick(arguments, folder, os.environ, "")
        assert code == 0, out + err
        return out

    file = f"{preset}.yml"
    output = reconcile("plan", file, "--out", "first.plan")
    assert re.search(rf"^  users +{users}$", output, re.MULTILINE)
    reconcile("apply", "first.plan", "--yes", "--config", file)
    effective = reconcile("validate", "--effective", file)
    assert re.search(rf" {said}: .*# preset {preset}$", effective, re.MULTILINE)
    (folder / "effective.yml").write_text(effective, encoding="utf-8")
    for again in (file, "effective.yml"):
        assert "No changes." in reconcile("plan", "--check", again)


@pytest.mark.parametrize(
    "file", sorted(EXAMPLES.glob("*/*.yml")), ids=lambda file: str(file.relative_to(EXAMPLES))
)
def test_editors_find_the_schema(file: Path) -> None:
    first = file.read_text(encoding="utf-8").splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    assert (
        file.parent / first.removeprefix(prefix)
    ).resolve() == TOP / "schemas" / "config.schema.json"
