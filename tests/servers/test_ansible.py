"""The Ansible collection: playbooks against a real slapd, with SQLite and PostgreSQL as platforms."""

import re
import shutil
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

import reconcile.app.api
from tests.effort import sample
from tests.scenarios import forging
from tests.servers.ansible import BIN, ansible, play, sync
from tests.servers.postgresql import postgresql
from tests.servers.scim.services import TOKEN, scim2_server
from tests.servers.site import Site
from tests.servers.slapd import PASSWORD, Slapd

pytestmark = pytest.mark.server
TOP = Path(__file__).parents[2]
COLLECTION = TOP / "ansible_collections" / "reconcile" / "identity"
DOCS = (TOP / "docs" / "ansible.md").read_text(encoding="utf-8")
PLAN = "nightly.plan"


@pytest.fixture
def site(tmp_path: Path, server: Slapd) -> Site:
    made = Site(tmp_path)
    made.desired(server.url)
    return made


def path(site: Site, **options: Any) -> dict[str, Any]:
    """A task that synchronises the site."""
    secrets = {"CORP_PASSWORD": "{{ lookup('env', 'SECRET') }}"}
    return sync(path=str(site.folder / "reconcile.yml"), **({"secrets": secrets} | options))


def played(site: Site, *tasks: dict[str, Any], check: bool = False) -> list[dict[str, Any]]:
    """The results of the tasks; the password is nowhere, at the highest verbosity."""
    options = ["--diff", "-vvv", *(["--check"] if check else [])]
    result = play(site.folder, tasks, *options, SECRET=PASSWORD)
    assert result.code == 0, result.output
    assert PASSWORD not in result.output
    assert PASSWORD not in repr(result.results)
    return result.results


def users(result: dict[str, Any]) -> list[str]:
    return [user["username"] for user in result["users"]]


def test_check_mode_changes_nothing_and_the_second_run_neither(site: Site) -> None:
    info = {"reconcile.identity.info": {"path": str(site.folder / "reconcile.yml")}}
    planned, held = played(site, path(site, plan_file=str(site.folder / PLAN)), info, check=True)
    assert (planned["changed"], planned["exit_code"]) == (True, 0)
    assert planned["summary"].startswith("Plan: 11 to add")
    assert planned["diff"]["prepared"].count("  + user p") == 10
    assert (users(held), (site.folder / PLAN).exists()) == ([], True)

    # Another plan file with the same changes: that one is stale once they are made.
    other = shutil.copy(site.folder / PLAN, site.folder / "other.plan")
    forging.forged(other, created="2026-01-01T00:00:00Z")
    first, second, empty, again, stale, held = played(
        site,
        path(site, plan_file=str(site.folder / PLAN)),
        path(site),
        path(site, state="planned"),
        path(site, plan_file=str(site.folder / PLAN)),
        path(site, plan_file=str(other)),
        info,
    )
    assert (first["changed"], first["plan_digest"]) == (True, planned["plan_digest"])
    assert first["report"]["counts"]["applied"] == len(first["changes"]) == 11
    assert first["run"]
    assert (second["changed"], second["changes"], second["run"]) == (False, [], "")
    assert (empty["changed"], empty["diff"]["prepared"]) == (False, "")
    assert (again["changed"], again["changes"], again["exit_code"]) == (False, [], 0)
    assert (again["already_applied"], again["run"]) == (first["run"], "")
    assert (stale["failed"], stale["exit_code"], bool(stale["moved"])) == (True, 5, True)
    assert users(held) == [f"p{number}" for number in range(10)]


def test_a_refused_plan_fails_with_its_code_and_passes_once_accepted(
    site: Site, server: Slapd
) -> None:
    site.run("apply", "--yes")
    site.desired(server.url, users={"create": "all", "filter": "(uid=p1*)"})
    before = site.platform
    refused, planned = played(site, path(site), path(site, state="planned"))
    assert (refused["failed"], refused["exit_code"], refused["changed"]) == (True, 4, False)
    code = refused["violations"][0]["code"]
    assert code in refused["msg"]
    assert not refused["violations"][0]["accepted"]
    assert (planned["failed"], planned["exit_code"]) == (True, 4)
    assert planned["diff"]["prepared"].startswith("  - user p")
    assert site.platform == before
    codes = [one["code"] for one in planned["violations"]]
    accepted, cut = played(
        site, path(site, accept=codes, max_changes=2), path(site, state="planned", max_changes=0)
    )
    assert (accepted["changed"], accepted["exit_code"]) == (True, 0)
    assert (len(accepted["changes"]), accepted["changes_omitted"]) == (2, 7)
    assert cut["changed"] is False


def test_secrets_in_options_are_masked_everywhere(site: Site, server: Slapd) -> None:
    document = yaml.safe_load((site.folder / "reconcile.yml").read_text(encoding="utf-8"))
    document["sources"][0]["bind"]["password"] = PASSWORD
    document["platform"]["url"] = "sqlite:///inline.db"
    broken = {**document, "sources": [{**document["sources"][0], "nme": "x"}]}
    by_variable = {**document, "vars": {}}
    by_variable["sources"] = [
        {**document["sources"][0], "bind": {**document["sources"][0]["bind"], "password": UNSAFE}}
    ]
    inline, wrong, variable = played(
        site,
        sync(config=document, state="planned"),
        sync(config=broken, state="planned"),
        sync(config=by_variable, variables={"corp_word": PASSWORD}, state="planned"),
    )
    assert (inline["exit_code"], inline["failed"]) == (0, False), inline
    assert (wrong["exit_code"], wrong["failed"]) == (2, True)
    assert (variable["exit_code"], variable["failed"]) == (0, False), variable


UNSAFE = "{{ '{{' }} corp_word {{ '}}' }}"
"""What Ansible makes the template `{{ corp_word }}` of."""


@pytest.mark.full
def test_a_locked_platform_is_waited_for(site: Site) -> None:
    site.run("apply", "--yes")
    holder = (
        "import sys, time\n"
        "from reconcile.app import adapters, inputs, run_identity\n"
        "from pathlib import Path\n"
        "loaded = inputs.configuration([Path('reconcile.yml')], {})\n"
        "platform = adapters.platform(loaded.desired.platform, lambda *_: None)\n"
        "with platform.lock(['main'], run_identity.holder('night')):\n"
        "    print('held', flush=True)\n"
        "    sys.stdin.readline()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", holder],
        cwd=site.folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == "held\n"
            site.add(safety={"shrink": "none", "limits": {"users_lost": "none"}})
            document = yaml.safe_load((site.folder / "reconcile.yml").read_text(encoding="utf-8"))
            document["sources"][0]["users"] = {"create": "all", "filter": "(uid=p1)"}
            (site.folder / "reconcile.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
            began = time.monotonic()
            (locked,) = played(site, path(site, lock_timeout=2))
            assert (locked["failed"], locked["exit_code"]) == (True, 8)
            assert "night" in locked["msg"]
            assert time.monotonic() - began > 2
        finally:
            process.stdin.write("\n")
            process.stdin.close()
            process.wait(20)
    (done,) = played(site, path(site, lock_timeout=2))
    assert (done["changed"], done["exit_code"]) == (True, 0)


@contextmanager
def database(kind: str) -> Iterator[str]:
    """The URL of an empty platform."""
    if kind == "sqlite":
        yield "sqlite:///platform.db"
        return
    with postgresql() as running:
        running.create("ansible", "ansible", "x")
        yield running.url("ansible", "ansible", "x")


@pytest.mark.parametrize("kind", sample(["sqlite"], ["postgresql"]))
def test_two_hosts_on_one_platform(tmp_path: Path, server: Slapd, kind: str) -> None:
    """Both synchronise at once; one waits for the other, plans anew, and both end well."""
    with database(kind) as url:
        site = Site(tmp_path)
        site.desired(server.url)
        document = yaml.safe_load((site.folder / "reconcile.yml").read_text(encoding="utf-8"))
        document["platform"]["url"] = url
        (site.folder / "reconcile.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
        (site.folder / "reconcile.yml").chmod(0o600)  # the URL may have a password
        _two_hosts(tmp_path, path(site, lock_timeout=60))


def _two_hosts(tmp_path: Path, task: dict[str, Any]) -> None:
    inventory = {
        "all": {
            "vars": {
                "ansible_connection": "local",
                "ansible_python_interpreter": "{{ ansible_playbook_python }}",
            },
            "hosts": {"one": {}, "two": {}},
        }
    }
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    playbook = [{"hosts": "all", "gather_facts": False, "tasks": [task]}]
    (tmp_path / "play.yml").write_text(yaml.safe_dump(playbook), encoding="utf-8")
    arguments = ("play.yml", "--inventory", "inventory.yml")
    code, output = ansible(tmp_path, "ansible-playbook", *arguments, SECRET=PASSWORD)
    assert code == 0, output
    assert sorted(re.findall(r"(?:one|two) +: ok=1 +changed=(\d)", output)) == ["0", "1"], output


def test_a_scim_service_is_the_platform(tmp_path: Path, server: Slapd) -> None:
    """The token is a secret of the task; the second run changes nothing."""
    with scim2_server() as service:
        site = Site(tmp_path)
        site.desired(server.url)
        document = yaml.safe_load((site.folder / "reconcile.yml").read_text(encoding="utf-8"))
        document["platform"] = {
            "type": "scim",
            "url": service.url.replace("{workspace}", "ansible"),
            "auth": {"bearer": "{{ env('SCIM_TOKEN') }}"},
        }
        (site.folder / "reconcile.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
        secrets = {"CORP_PASSWORD": "{{ lookup('env', 'SECRET') }}", "SCIM_TOKEN": TOKEN}
        info = {
            "reconcile.identity.info": {
                "path": str(site.folder / "reconcile.yml"),
                "secrets": secrets,
                "gather": ["users"],
            }
        }
        tasks = (path(site, secrets=secrets), path(site, secrets=secrets), info)
        first, second, held = played(site, *tasks)
    assert (first["changed"], first["exit_code"]) == (True, 0), first
    assert (second["changed"], second["exit_code"]) == (False, 0), second
    assert users(held) == [f"p{number}" for number in range(10)]


def test_every_example_and_playbook_is_valid_yaml_with_known_options(tmp_path: Path) -> None:
    """The examples of `ansible-doc` and of the page name no option that does not exist."""
    blocks = re.findall(r"```yaml\n(.*?)```", DOCS, re.DOTALL)
    for module in ("sync", "info", "plan_info"):
        text = (COLLECTION / "plugins" / "modules" / f"{module}.py").read_text(encoding="utf-8")
        examples = re.findall(r'EXAMPLES = r"""\n(.*?)"""', text, re.DOTALL)[0]
        options = set(re.findall(r"^ {2}(\w+):$", _documentation(text, module), re.MULTILINE))
        for task in _tasks([examples, *blocks], f"reconcile.identity.{module}"):
            assert task.keys() <= options, task
            if "config" in task:  # raises ConfigError for what is wrong in it
                assert reconcile.app.api.secret_variables(configuration=task["config"]) == set()
    code, output = ansible(
        tmp_path,
        "ansible-doc",
        "-t",
        "module",
        "reconcile.identity.sync",
        "reconcile.identity.info",
    )
    assert code == 0, output
    assert "accept" in output
    code, output = ansible(
        tmp_path, "ansible-doc", "-t", "role", "reconcile.identity.scheduled_sync"
    )
    assert (code, "scheduled_sync_schedule" in output) == (0, True), output


def _documentation(text: str, module: str) -> str:
    """Its own options and the shared ones."""
    fragment = (COLLECTION / "plugins" / "doc_fragments" / "desired_state.py").read_text("utf-8")
    own = re.findall(r'DOCUMENTATION = r"""\n(.*?)"""', text, re.DOTALL)[0]
    return own if module == "plan_info" else own + fragment


def _tasks(blocks: list[str], module: str) -> list[dict[str, Any]]:
    class Loader(yaml.SafeLoader):
        """Knows the tag of Ansible."""

    Loader.add_constructor("!unsafe", lambda loader, node: loader.construct_scalar(node))
    found: list[dict[str, Any]] = []

    def walk(value: object) -> None:
        if isinstance(value, dict):
            if module in value:
                found.append(value[module])
            for below in value.values():
                walk(below)
        elif isinstance(value, list):
            for below in value:
                walk(below)

    for block in blocks:
        walk(yaml.load(block, Loader))
    return found


def test_the_collection_has_the_version_of_the_package() -> None:
    galaxy = yaml.safe_load((COLLECTION / "galaxy.yml").read_text(encoding="utf-8"))
    library = (COLLECTION / "plugins" / "module_utils" / "library.py").read_text(encoding="utf-8")
    assert galaxy["version"] == reconcile.__version__
    assert f'VERSION = "{reconcile.__version__}"' in library


def test_the_collection_is_built_for_galaxy(tmp_path: Path) -> None:
    arguments = ("collection", "build", str(COLLECTION), "--output-path", str(tmp_path))
    code, output = ansible(tmp_path, "ansible-galaxy", *arguments)
    assert code == 0, output
    (built,) = tmp_path.glob("*.tar.gz")
    assert built.name == f"reconcile-identity-{reconcile.__version__}.tar.gz"
    with tarfile.open(built) as archive:
        names = set(archive.getnames())
    assert {"MANIFEST.json", "plugins/modules/sync.py", "meta/runtime.yml"} <= names
    assert not [name for name in names if "__pycache__" in name]


def test_another_version_of_the_package_is_named(tmp_path: Path) -> None:
    """An old copy of the collection in a collections path goes before the one in the package."""
    copy = tmp_path / "old" / "ansible_collections" / "reconcile" / "identity"
    shutil.copytree(COLLECTION, copy)
    library = copy / "plugins" / "module_utils" / "library.py"
    text = library.read_text(encoding="utf-8")
    library.write_text(text.replace(f'"{reconcile.__version__}"', '"0.0.1"'), encoding="utf-8")
    result = play(tmp_path, [sync(path="x.yml")], ANSIBLE_COLLECTIONS_PATH=str(tmp_path / "old"))
    (failed,) = result.results
    assert failed["failed"]
    assert "0.0.1 found the package reconcile-identity " + reconcile.__version__ in failed["msg"]


def test_ansible_elsewhere_finds_the_collection_by_the_path_that_is_printed(tmp_path: Path) -> None:
    done = subprocess.run(
        [BIN / "reconcile", "ansible-path"], capture_output=True, text=True, check=True
    )
    folder = done.stdout.strip()
    environ = {"ANSIBLE_COLLECTIONS_SCAN_SYS_PATH": "false"}
    arguments = ("ansible-doc", "-t", "module", "-l", "reconcile.identity")
    _, hidden = ansible(tmp_path, *arguments, **environ)
    _, listed = ansible(tmp_path, *arguments, ANSIBLE_COLLECTIONS_PATH=folder, **environ)
    assert "reconcile.identity.sync" not in hidden
    assert "reconcile.identity.sync" in listed
    assert (Path(folder) / "ansible_collections" / "reconcile" / "identity" / "galaxy.yml").exists()
