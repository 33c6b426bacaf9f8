"""The example of Django, over tables that a real `migrate` made, looked at by Django itself."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.scenarios.shell import Shell

EXAMPLE = Path(__file__).parents[2] / "examples" / "django"
USERS = """
import json
from django.contrib.auth.models import User
print(json.dumps({
    user.username: {
        "name": user.get_full_name(), "email": user.email, "active": user.is_active, "staff": user.is_staff,
        "super": user.is_superuser, "usable": user.has_usable_password(), "joined": user.date_joined.year > 2000,
        "groups": sorted(group.name for group in user.groups.all()),
    } for user in User.objects.all()
}))
"""


def django(folder: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "django", *arguments, "--settings", "settings"],
        cwd=folder,
        env=os.environ
        | {"PYTHONPATH": str(folder), "DJANGO_SUPERUSER_PASSWORD": "x"}
        | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def users(folder: Path, **environment: str) -> dict[str, object]:
    seen: dict[str, object] = json.loads(
        django(folder, "shell", "-v", "0", "-c", USERS, **environment)
    )
    return seen


@pytest.fixture
def project(shell: Shell) -> Shell:
    pytest.importorskip("django")
    shutil.copytree(
        EXAMPLE, shell.folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("db.sqlite3")
    )
    django(shell.folder, "migrate", "-v", "0")
    django(
        shell.folder,
        "createsuperuser",
        "--noinput",
        "--username",
        "Admin",
        "--email",
        "admin@example.com",
    )
    return shell


def grace_leaves(folder: Path) -> None:
    ldif = folder / "company.ldif"
    text = ldif.read_text()
    start, end = text.index("dn: uid=grace"), text.index("dn: uid=admin")
    without = text[:start] + text[end:]
    ldif.write_text(without.replace("member: uid=grace,ou=people,dc=example,dc=com\n", ""))


ADA = {
    "name": "Ada Lovelace",
    "email": "ada@example.com",
    "active": True,
    "staff": True,
    "super": False,
    "usable": False,
    "joined": True,
    "groups": ["editors", "readers"],
}


def test_django_sees_the_people_of_the_directory(project: Shell) -> None:
    project.run("validate")
    out, _ = project.run("test")
    assert "0 users, 0 groups, 0 memberships, 0 grants; 1 rows of auth_user are left out" in out
    assert "username 150" in out
    assert "auth_user cannot be deleted" not in out
    assert "django_admin_log.user_id" in out
    out, _ = project.run("apply", "--yes")
    assert "the platform reserves the name 'admin'" in out
    seen = users(project.folder)
    assert seen["ada"] == ADA
    grace = {"name": "Grace Hopper", "email": "grace@example.com"}
    assert seen["grace"] == {**ADA, **grace, "staff": False, "groups": ["readers"]}
    assert seen.keys() == {"ada", "grace", "Admin"}
    assert seen["Admin"]["super"]
    assert seen["Admin"]["groups"] == []
    project.run("plan", "--check")


def test_who_leaves_is_inactive_and_what_django_made_stays(project: Shell) -> None:
    project.run("apply", "--yes")
    django(
        project.folder,
        "shell",
        "-v",
        "0",
        "-c",
        "from django.contrib.auth.models import *; u = User.objects.get(username='ada');"
        "u.groups.add(Group.objects.create(name='by hand')); User.objects.create(username='local')",
    )
    grace_leaves(project.folder)
    project.run("apply", "--yes")
    seen = users(project.folder)
    assert not seen["grace"]["active"]
    assert seen["ada"]["groups"] == ["by hand", "editors", "readers"]
    assert seen["local"]["active"]
    project.run("plan", "--check")


def test_who_wrote_in_the_admin_site_is_not_deleted(project: Shell) -> None:
    project.run("apply", "--yes")
    django(
        project.folder,
        "shell",
        "-v",
        "0",
        "-c",
        "from django.contrib.auth.models import User; from django.contrib.admin.models import LogEntry, CHANGE;"
        "LogEntry.objects.create(user=User.objects.get(username='grace'), object_repr='x', action_flag=CHANGE)",
    )
    config = project.folder / "reconcile.yml"
    config.write_text(config.read_text().replace("on_missing: deactivate", "on_missing: delete"))
    grace_leaves(project.folder)
    out, err = project.run("apply", "--yes", code=6)
    assert "django_admin_log.user_id still refers to it" in out + err
    assert users(project.folder).keys() == {"ada", "grace", "Admin"}
