"""What is installed from a wheel works like what is installed from the sources."""

import subprocess
import sys
import zipfile
from pathlib import Path

TOP = Path(__file__).parents[2]
INSTALLED = """
import sys
sys.path.insert(0, sys.argv.pop(1))
from reconcile import cli
cli.main()
"""


def test_a_wheel_holds_schemas_migrations_and_types(tmp_path: Path) -> None:
    options = ["--no-build-isolation", "--no-deps", "--quiet", "--wheel-dir", str(tmp_path)]
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", *options, str(TOP)], check=True, capture_output=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
        archive.extractall(tmp_path / "site")
    for schema in (TOP / "schemas").glob("*.json"):
        assert f"reconcile/schemas/{schema.name}" in names
    assert "reconcile/py.typed" in names
    for asset in ("page.html", "page.css", "page.js"):
        assert f"reconcile/render/html/{asset}" in names
    collection = "ansible_collections/reconcile/identity"
    for file in ("galaxy.yml", "LICENSE", "plugins/modules/sync.py", "meta/runtime.yml"):
        assert f"{collection}/{file}" in names
    assert not any(name.startswith(f"{collection}/tests/") for name in names)
    assert not any(name.endswith("__init__.py") for name in names if collection in name)
    assert any(name.startswith("reconcile/platforms/sql/migrations/versions/") for name in names)
    assert {"reconcile/docs/running.md", "reconcile/examples/quickstart/run"} <= names
    for command, output in (
        ("init", "Wrote reconcile.yml"),
        ("validate", "Valid: reconcile.yml"),
        ("init --list-examples", f"Documentation: {tmp_path / 'site' / 'reconcile' / 'docs'}"),
        ("init --example quickstart try", "Wrote try. Read try/README.md next."),
        ("validate try/reconcile.yml", "Valid: try/reconcile.yml"),
    ):
        done = subprocess.run(
            [sys.executable, "-I", "-c", INSTALLED, str(tmp_path / "site"), *command.split()],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert output in done.stdout, done.stderr
