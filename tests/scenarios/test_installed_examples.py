"""`init --example`: what is installed with the program, copied and never over anything."""

from pathlib import Path

import pytest

from reconcile.app.setup import examples
from reconcile.errors import UsageError
from tests.scenarios.shell import Shell


def test_an_example_is_copied_into_a_new_folder(shell: Shell) -> None:
    out, _ = shell.run("init", "--list-examples")
    assert "quickstart        Quickstart: a directory in a file" in out
    assert (Path(out.splitlines()[-1].removeprefix("Documentation: ")) / "running.md").is_file()
    out, _ = shell.run("init", "--example", "quickstart")
    assert out == "Wrote quickstart. Read quickstart/README.md next.\n"
    copied = shell.folder / "quickstart"
    assert (copied / "run").stat().st_mode & 0o100
    shell.run("validate", "quickstart/reconcile.yml")
    before = {file: file.read_bytes() for file in copied.iterdir()}
    _, err = shell.run("init", "--example", "scim", "quickstart", code=2)
    assert "quickstart already exists: it is not overwritten" in err
    assert {file: file.read_bytes() for file in copied.iterdir()} == before


@pytest.mark.parametrize("name", ["", "..", "../schemas", "ansible", "/etc", "Quickstart"])
def test_only_what_is_listed_is_copied(tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="take one of adapter, django"):
        examples.copy(name, tmp_path / "new")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_copied_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UsageError, match="cannot be made: No such file"):
        examples.copy("quickstart", tmp_path / "no" / "folder")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    with pytest.raises(UsageError, match="already exists"):
        examples.copy("quickstart", tmp_path / "link")

    def full(*_: object, **__: object) -> None:
        (tmp_path / "new" / "reconcile.yml").write_text("half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("shutil.copytree", full)
    with pytest.raises(UsageError, match="cannot be written: No space left on device"):
        examples.copy("quickstart", tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "options",
    [
        ("--example", "quickstart", "--type", "ldap"),
        ("--example", "quickstart", "--list-examples"),
        ("--list-examples", "reconcile.yml"),
        ("--example", "quickstart", "--base", "dc=x"),
    ],
)
def test_options_that_do_not_go_together(shell: Shell, options: tuple[str, ...]) -> None:
    _, err = shell.run("init", *options, code=2)
    assert "--example and --list-examples go without the other options" in err
