"""The whole story: a rule changes in Git, its plan is reviewed, signed and applied, and drift is found."""

import sqlite3
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.forge.github import GitHub
from tests.forge.on_github import OnGitHub, python
from tests.forge.programs import Answer, Programs
from tests.forge.repository import Repository
from tests.servers.forking import Execute
from tests.servers.slapd import PASSWORD, SUFFIX, Slapd, modify, program, slapd
from tests.servers.sources import ldif, people

pytestmark = pytest.mark.server


def state(server: Slapd, platform: Path, **more: Any) -> dict[str, Any]:
    source = {
        "name": "corp",
        "type": "openldap",
        "servers": [server.url],
        "tls": {"mode": "none"},
        "bind": {"dn": server.admin, "password": "{{ env('LDAP_PASSWORD') }}"},
        "base_dn": SUFFIX,
        "users": {"create": "all"},
    }
    return {
        "version": 1,
        "platform": {"type": "sql", "url": f"sqlite:///{platform}"},
        "sources": [source],
    } | more


@pytest.fixture
def company(tmp_path: Path) -> Iterator[Slapd]:
    with slapd(tmp_path / "slapd", ldif(people(10))) as running:
        yield running


def key(folder: Path, name: str) -> str:
    """Makes a key pair; returns a line that allows it to sign."""
    made = [program("ssh-keygen", "openssh-client"), "-q", "-t", "ed25519", "-N", "", "-f", name]
    subprocess.run(made, cwd=folder, check=True)
    public = (folder / f"{name}.pub").read_text(encoding="utf-8").rsplit(" ", 1)[0]
    return f'{name}@example.com namespaces="plan@reconcile" {public}'


def signature(folder: Path, name: str, plan: Path) -> str:
    """What a person types to sign a plan, as they paste it into a comment."""
    command = ["ssh-keygen", "-Y", "sign", "-n", "plan@reconcile", "-f", name]
    done = subprocess.run(
        command, cwd=folder, input=plan.read_bytes(), check=True, capture_output=True
    )
    return f"I approve.\r\n\r\n{done.stdout.decode()}".replace("\n", "\r\n")


def test_reviewed_applied_exactly_watched(company: Slapd, tmp_path: Path, quick: Execute) -> None:
    platform = tmp_path / "platform.db"
    repository = Repository(tmp_path)

    def reconcile(arguments: Sequence[str], folder: Path, environ: Mapping[str, str]) -> Answer:
        return quick(arguments, folder, environ, "")

    def run(*arguments: str, code: int = 0) -> str:
        here = repository.folder / "identity"
        ended, out, err = reconcile(arguments, here, {"LDAP_PASSWORD": PASSWORD})
        assert ended == code, err
        return out

    repository.commit(state(company, platform), "Everyone in the directory")
    run("apply", "--yes")
    forge = GitHub()
    answers = {"gh": forge.gh, "python": python, "python3": python, "reconcile": reconcile}
    with Programs(tmp_path / "programs", answers) as programs:
        at = OnGitHub(repository, programs, forge, tmp_path, PASSWORD)

        # A commit changes a mapping, and its plan becomes a comment.
        wanted = state(company, platform, role_mappings=[{"role": "viewer", "default": True}])
        head = repository.commit(wanted, "Everyone is a viewer")
        planned = at.plan(head)
        assert planned.code == 0, planned.output
        assert "Plan: 10 to add, 0 to change, 0 to remove." in at.comment()

        # It has to be signed by people whom the environment of the apply job names.
        merged = at.merge(head, wanted)
        plan = planned.run.artefacts["plan"]
        alice, _ = key(tmp_path, "alice"), key(tmp_path, "mallory")
        at.variables["vars.ALLOWED_SIGNERS"] = alice
        at.say("mallory", signature(tmp_path, "mallory", plan))
        at.say(
            "alice", signature(tmp_path, "alice", planned.run.artefacts["plan"].parent / "summary")
        )
        applied = at.job("apply", merged)
        assert (applied.code, "is signed by 0" in applied.output) == (2, True), applied.output
        at.say("alice", signature(tmp_path, "alice", plan))
        applied = at.job("apply", merged)
        assert applied.code == 0, applied.output
        with closing(sqlite3.connect(platform)) as connection:
            assert connection.execute("select count(*) from grants").fetchone() == (10,)
        assert "alice@example.com" in run("history", "--format", "json")

        # The directory is changed by hand: the nightly job fails, and names what is different.
        assert at.job("drift", merged).code == 0
        person = f"dn: uid=p3,ou=people,{SUFFIX}\nchangetype: modify\n"
        modify(company, f"{person}replace: mail\nmail: someone@example.com\n")
        drift = at.job("drift", merged)
        assert drift.code == 3, drift.output
        assert "0 to add, 1 to change, 0 to remove" in forge.issues[1].body
        page = drift.run.artefacts["drift"].read_text(encoding="utf-8")
        assert "someone@example.com" in page
        assert "someone@example.com" not in forge.issues[1].body

        # Metrics tell it, too.
        run("plan", "--drift", "--metrics", str(tmp_path / "drift.prom"), code=3)
        metrics = (tmp_path / "drift.prom").read_text(encoding="utf-8").splitlines()
        assert "reconcile_last_exit_code 3" in metrics
        assert any(line.startswith("reconcile_pending_changes") for line in metrics)
