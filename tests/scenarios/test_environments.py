"""Variables and overlays on the command line: the later option wins, and says where it came from."""

from pathlib import Path

import pytest

from tests.scenarios.shell import Shell


@pytest.fixture
def shell(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Shell:
    started = Shell(tmp_path, capsys, monkeypatch)
    started.company({"uid=ann": None}, vars={"tier": "dev"})
    (tmp_path / "prod.yml").write_text("tier: prod\n", "utf-8")
    (tmp_path / "more.yml").write_text("tier: [more]\nunused: 1\n", "utf-8")
    return started


@pytest.mark.parametrize(
    ("options", "value"),
    [
        ("", "tier: env  # RECONCILE_VAR_tier"),
        ("--var-file prod.yml", "tier: prod  # prod.yml:1"),
        ("--var tier=x --var-file prod.yml", "tier: prod  # prod.yml:1"),
        ("--var-file prod.yml --var tier=x", "tier: x  # --var"),
        ("--var-file=prod.yml --var-file=more.yml", "tier: [more]  # more.yml:1"),
        ("--var tier=x --var tier=y", "tier: y  # --var"),
    ],
)
def test_the_later_option_wins(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, options: str, value: str
) -> None:
    monkeypatch.setenv("RECONCILE_VAR_tier", "env")
    monkeypatch.setenv("RECONCILE_VAR_elsewhere", "of another program")
    out, err = shell.run("validate", "--effective", *options.split())
    (line,) = (each for each in out.splitlines() if "tier:" in each)
    assert " ".join(line.split()).replace(" #", "  #") == value
    warned = "more.yml:2: the variable unused is neither declared in `vars` nor used" in err
    assert warned == ("more" in options)


def test_a_plan_of_staging_is_not_applied_to_production(shell: Shell) -> None:
    (shell.folder / "over.yml").write_text(
        "overlay: true\nsources: [{name: corp, note: production}]\n", "utf-8"
    )
    shell.run("plan", "reconcile.yml", "over.yml", "--out", "the.plan")
    _, err = shell.run("apply", "the.plan", "--config", "reconcile.yml", "--yes", code=5)
    assert "is not the one the plan was made from" in err
    shell.run("apply", "the.plan", "--config", "reconcile.yml", "--config", "over.yml", "--yes")


def test_a_variable_file_that_is_missing_or_a_wrong_var(shell: Shell) -> None:
    _, err = shell.run("plan", "--var-file", "none.yml", code=2)
    assert "none.yml: no such variable file" in err
    _, err = shell.run("plan", "--var", "nonsense", code=2)
    assert "'nonsense' is not of the form name=value" in err
