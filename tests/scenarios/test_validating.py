"""`init` and `validate`: a first file, its problems, and the configuration that is in effect."""

import json
import re

from tests.scenarios.shell import Shell


def test_validate_in_every_form(shell: Shell) -> None:
    shell.company({})
    assert shell.run("validate")[0] == "Valid: reconcile.yml\n"
    assert json.loads(shell.run("validate", "--format", "json")[0]) == {
        "valid": True,
        "problems": [],
    }
    (shell.folder / "reconcile.yml").write_text("version: 1\nplatfrom: {}\n", encoding="utf-8")
    out, _ = shell.run("validate", code=2)
    assert "reconcile.yml:2:1: " in out
    assert "did you mean `platform`?" in out
    problems = json.loads(shell.run("validate", "--format", "json", code=2)[0])["problems"]
    assert {"file", "line", "column", "path", "message"} == set(problems[0])
    out, _ = shell.run("validate", "--format", "github", code=2)
    assert "::error file=reconcile.yml,line=2,col=1::" in out
    _, err = shell.run("plan", code=2)
    assert "error: reconcile.yml:2:1: " in err


def test_the_effective_configuration(shell: Shell) -> None:
    groups = [{"source": "corp", "select": ["*"]}]
    shell.company(
        {"uid=ann": None, "cn=team": {"member": ["uid=ann"]}}, vars={"who": "you"}, groups=groups
    )
    out, err = shell.run("validate", "--effective", "--var", "who=me")
    assert err == ""
    assert re.search(r"^  who: me +# --var$", out, re.MULTILINE)
    assert re.search(r"^  type: sql +# reconcile.yml:\d+$", out, re.MULTILINE)
    assert re.search(r"^      identifier: uid +# type ldif$", out, re.MULTILINE)
    assert re.search(
        r"^      # member_attribute: member, uniquemember, memberuid +# type ldif$",
        out,
        re.MULTILINE,
    )
    assert re.search(r"^  on_missing: block +# built-in$", out, re.MULTILINE)
    settings = json.loads(shell.run("validate", "--effective", "--format", "json")[0])
    assert {"path": "lifecycle.on_missing", "value": "block", "origin": "built-in"} in settings
    lines = (shell.folder / "reconcile.yml").read_text(encoding="utf-8").splitlines()
    place = f"reconcile.yml:{lines.index('  files:') + 1}"
    assert {"path": "sources[0].files", "value": ["corp.ldif"], "origin": place} in settings
    # What it prints is a desired-state file: the same plan comes of it.
    (shell.folder / "effective.yml").write_text(out, encoding="utf-8")
    plans = [
        json.loads(shell.run("plan", name, "--format", "json")[0])
        for name in ("reconcile.yml", "effective.yml")
    ]
    assert plans[0]["changes"] == plans[1]["changes"]
    assert len(plans[0]["changes"]) == 4
    again = shell.run("validate", "--effective", "effective.yml")[0]
    assert re.sub(" +#.*", "", again) == re.sub(" +#.*", "", out)


def test_the_effective_configuration_with_mistakes(shell: Shell) -> None:
    for form in ("github", "text"):
        arguments = (
            ("--effective", "--format", "github") if form == "github" else ("--format", "yaml")
        )
        out, err = shell.run("validate", *arguments, code=2)
        assert (out, "--effective prints yaml or json" in err) == ("", True)
    shell.desired(preset="procesmaker")
    for arguments in ((), ("--format", "json")):
        out, err = shell.run("validate", "--effective", *arguments, code=2)
        assert out == "", "what goes into a file is a configuration or nothing"
        assert "did you mean `processmaker`?" in err


def test_init_writes_a_file_that_only_lacks_its_secret(shell: Shell) -> None:
    _, err = shell.run("plan", code=2)
    assert "reconcile init" in err
    shell.run("init")
    assert shell.run("validate")[0] == "Valid: reconcile.yml\n"
    before = (shell.folder / "reconcile.yml").read_text(encoding="utf-8")
    _, err = shell.run("init", code=2)
    assert "already exists: it is not overwritten" in err
    assert (shell.folder / "reconcile.yml").read_text(encoding="utf-8") == before
    _, err = shell.run("init", "no/such/folder.yml", code=2)
    assert "cannot be written" in err
