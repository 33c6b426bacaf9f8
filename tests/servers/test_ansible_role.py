"""The role `scheduled_sync` and the example fleet, run by Ansible on this machine."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from tests.scenarios.stage import ldif
from tests.servers.ansible import ansible, wheel

pytestmark = pytest.mark.server
TOP = Path(__file__).parents[2]
FLEET = TOP / "examples" / "ansible" / "fleet"
SECRET = 'a "b" $c \\d'
ACCOUNT = "reconcile-test"

needs_root = pytest.mark.skipif(
    os.geteuid() != 0 and os.environ.get("CI") != "true", reason="the role makes a system account"
)


@pytest.fixture(scope="session")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this tree."""
    return wheel(tmp_path_factory.mktemp("wheel"))


@pytest.fixture
def host(built: Path) -> Iterator[Path]:
    """A playbook with the role, for this host; nothing is left of it."""
    with tempfile.TemporaryDirectory() as folder:  # pytest's own are closed to other accounts
        tmp_path = Path(folder)
        tmp_path.chmod(0o755)
        _write_playbook(tmp_path, built)
        yield tmp_path
    subprocess.run(["userdel", ACCOUNT], capture_output=True, check=False)


def _write_playbook(tmp_path: Path, built: Path) -> None:
    (tmp_path / "units").mkdir()
    state = tmp_path / "lib"
    (tmp_path / "desired.yml").write_text(
        "version: 1\n"
        f"platform: {{type: sql, url: 'sqlite:///{state}/acme.db'}}\n"
        "sources:\n"
        f"  - {{name: corp, type: ldif, base_dn: 'dc=example,dc=com', files: ['{state}/corp.ldif']}}\n",
        encoding="utf-8",
    )
    _dependencies(tmp_path / "needed")
    variables = {
        "scheduled_sync_package": f"reconcile-identity @ file://{built}",
        "scheduled_sync_python": sys.executable,
        "scheduled_sync_venv": str(tmp_path / "venv"),
        "scheduled_sync_config_folder": str(tmp_path / "etc"),
        "scheduled_sync_unit_folder": str(tmp_path / "units"),
        "scheduled_sync_user": ACCOUNT,
        "scheduled_sync_start": False,
        "scheduled_sync_pip_arguments": "--no-compile",  # few of the modules are ever imported
        "scheduled_sync_desired_state": "{{ lookup('ansible.builtin.file', 'desired.yml') }}",
        "scheduled_sync_secrets": {"LDAP_PASSWORD": SECRET},
    }
    role = {
        "name": "Schedule",
        "ansible.builtin.include_role": {"name": "reconcile.identity.scheduled_sync"},
        "vars": variables,
    }
    playbook = [
        {
            "hosts": "localhost",
            "gather_facts": False,
            "environment": {"PYTHONPATH": str(tmp_path / "needed"), "PIP_NO_DEPS": "1"},
            "tasks": [role],
        }
    ]
    (tmp_path / "role.yml").write_text(yaml.safe_dump(playbook, sort_keys=False), encoding="utf-8")


def _dependencies(folder: Path) -> None:
    """What the package needs, without the package itself, so that nothing is downloaded."""
    folder.mkdir()
    for installed in next((Path(sys.prefix) / "lib").glob("python*/site-packages")).iterdir():
        if "reconcile" not in installed.name:
            (folder / installed.name).symlink_to(installed)


def run(folder: Path, *options: str, code: int = 0) -> tuple[int, str]:
    """How many tasks changed, and the output; the secret is not in it."""
    ended, output = ansible(folder, "ansible-playbook", "role.yml", "--diff", "-vvv", *options)
    assert ended == code, output
    assert SECRET not in output.replace("\\\\", "\\").replace('\\"', '"')
    return int(re.findall(r"changed=(\d+) ", output)[-1]), output


@needs_root
def test_a_host_is_scheduled_once_and_cleared_again(host: Path) -> None:
    """Foreseen, installed, idempotent, hardened, used, removed."""
    (host / "etc").mkdir()
    assert (run(host, "--check")[0], list((host / "etc").iterdir())) == (2, [])
    (host / "etc").rmdir()
    assert run(host)[0] == 7
    assert run(host)[0] == 0
    assert (host / "etc" / "secrets.env").stat().st_mode & 0o777 == 0o600
    assert (host / "etc" / "reconcile.yml").stat().st_mode & 0o777 == 0o640
    _units_are_hardened(host / "units")
    _the_service_works(host)
    changed, _ = run(host, "-e", "scheduled_sync_state=absent")
    assert (changed, list((host / "units").iterdir())) == (2, [])
    assert [entry.name for entry in (host / "etc").iterdir()] == [".reconcile"]
    assert not (host / "venv").exists()


@needs_root
@pytest.mark.full
def test_check_mode_and_a_broken_desired_state_change_nothing(host: Path) -> None:
    changed, _ = run(host, "--check")
    assert (changed, (host / "venv").exists(), (host / "etc").exists()) == (2, False, False)
    run(host)
    assert run(host, "--check")[0] == 0
    kept = (host / "etc" / "reconcile.yml").read_bytes()
    (host / "desired.yml").write_text("version: 1\nsorces: []\n", encoding="utf-8")
    _, output = run(host, code=2)
    assert "failed to validate" in output
    assert (host / "etc" / "reconcile.yml").read_bytes() == kept
    absent = ("-e", "scheduled_sync_state=absent")
    assert run(host, "--check", *absent)[0] == 2
    assert (host / "venv").exists()
    run(host, *absent)
    assert run(host, *absent)[0] == 0
    assert run(host, "--check", *absent)[0] == 0


def _units_are_hardened(units: Path) -> None:
    service = units / "reconcile-sync.service"
    done = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", str(service)],
        capture_output=True,
        text=True,
        check=False,
    )
    level = re.search(r"exposure level for reconcile-sync.service: ([\d.]+)", done.stdout)
    assert level, done.stdout + done.stderr
    assert float(level[1]) <= 2.5
    subprocess.run(
        ["systemd-analyze", "verify", str(service), str(units / "reconcile-sync.timer")],
        check=True,
        capture_output=True,
    )


def _the_service_works(host: Path) -> None:
    """What systemd would start, as the account it would be started as."""
    state = host / "lib"
    state.mkdir()
    (state / "corp.ldif").write_text(ldif({"uid=ann": None}), encoding="utf-8")
    shutil.chown(state, ACCOUNT, ACCOUNT)
    text = (host / "units" / "reconcile-sync.service").read_text(encoding="utf-8")
    command = re.findall(r"^ExecStart=(.*)$", text, re.MULTILINE)[0].split()
    done = subprocess.run(
        ["setpriv", f"--reuid={ACCOUNT}", f"--regid={ACCOUNT}", "--clear-groups", *command],
        env={"PATH": os.defpath, "PYTHONPATH": str(host / "needed"), "LDAP_PASSWORD": SECRET},
        cwd=state,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert (state / "acme.db").exists()


def test_a_fleet_is_synchronised_and_the_summary_fails_if_any_was_refused(tmp_path: Path) -> None:
    fleet = tmp_path / "fleet"
    shutil.copytree(FLEET, fleet)
    hosts = yaml.safe_load((fleet / "inventory.yml").read_text(encoding="utf-8"))["all"]["hosts"]
    assert len(hosts) == 50
    some = list(hosts)[:4]
    for number, name in enumerate(some):
        people = {"ou=Sales": None} | {f"uid=p{one},ou=Sales": None for one in range(20 + number)}
        (fleet / f"{name}.ldif").write_text(ldif(people), encoding="utf-8")
    limit = ("--inventory", "inventory.yml", "--limit", ",".join(some), "--forks", "4")
    code, output = ansible(fleet, "ansible-playbook", "site.yml", "--check", "--diff", *limit)
    assert (code, list(fleet.glob("*.db"))) == (0, []), output
    assert "4 of 4 workspaces changed." in output
    code, output = ansible(fleet, "ansible-playbook", "site.yml", *limit)
    assert code == 0, output
    assert "4 of 4 workspaces changed." in output

    (fleet / f"{some[1]}.ldif").write_text(ldif({"ou=Sales": None}), encoding="utf-8")
    (fleet / f"{some[2]}.ldif").unlink()
    inventory = (fleet / "inventory.yml").read_text(encoding="utf-8")
    refusing = "{ansible_connection: ssh, ansible_host: 127.0.0.1, ansible_port: 1}"
    (fleet / "inventory.yml").write_text(
        inventory.replace(f"{some[3]}:", f"{some[3]}: {refusing}"), encoding="utf-8"
    )
    code, output = ansible(fleet, "ansible-playbook", "site.yml", *limit)
    assert code in {2, 4, 6}, output  # by what Ansible counts more: the failed task, or the host
    assert f"Not synchronised: {', '.join(some[1:])}." in output
    assert f"{some[1]}: Refused by the safety rules" in output
    assert f"{some[2]}.ldif cannot be read: No such file" in output
    assert re.search(rf"{some[3]}: .*ssh: .*Connection refused", output), output
