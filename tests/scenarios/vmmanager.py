"""A company whose users are kept in VMmanager, which is the stand-in behind HTTP."""

import json
from typing import Any

from reconcile.testing.vmmanager import VmManagerStandIn
from tests.scenarios.shell import Shell
from tests.scenarios.stage import DESIRED

ADMINS, STAFF = "cn=admins,dc=example,dc=com", "cn=staff,dc=example,dc=com"
USER = {"role": "@user", "default": True}
NAMES = {"fields": {"username": "{{ mail }}"}, "require": ["email"]}
"""The names of VMmanager before 2025.10."""


class VmCompany:
    """The files, the commands, and what VMmanager has then."""

    def __init__(self, shell: Shell, service: VmManagerStandIn) -> None:
        self.shell = shell
        self.service = service

    def write(
        self, people: dict[str, Any], users: dict[str, Any] | None = None, **more: Any
    ) -> None:
        """The directory and the desired state; everyone is a @user unless `more` says otherwise."""
        (source,) = DESIRED["sources"]
        platform = {
            "type": "vmmanager",
            "url": self.service.url,
            "auth": {"email": self.service.email, "password": "{{ env('VM_PASSWORD') }}"},
            "login": "email" if self.service.unknowns.login == "email" else "username",
        }
        desired = {
            "preset": "vmmanager",
            "platform": platform | more.pop("platform", {}),
            "state": "sqlite:///ledger.db",
            "sources": [source | {"users": {"create": "all"} | (users or {})}],
            "role_mappings": [USER],
        }
        self.shell.company(people, **(desired | more))

    def plan(self, *options: str, code: Any = 0) -> list[str]:
        """What would change, as `kind key action`; sources are left out."""
        changes = json.loads(self.shell.run("plan", "--format", "json", *options, code=code)[0])
        return [
            f"{one['kind']} {one['key']} {one['action']}"
            for one in changes["changes"]
            if one["kind"] != "source"
        ]

    def apply(self) -> str:
        """Applies, and has nothing left to do."""
        out, _ = self.shell.run("apply", "--yes")
        self.shell.run("plan", "--check")
        return out

    def apply_loss(self) -> str:
        """Applies what the guards refuse: every violation is accepted by its code."""
        planned = json.loads(self.shell.run("plan", "--format", "json", code=4)[0])
        accepted = [part for one in planned["violations"] for part in ("--accept", one["code"])]
        self.shell.run("plan", "--out", "loss.plan", *accepted)
        out, _ = self.shell.run("apply", "loss.plan", "--yes")
        self.shell.run("plan", "--check")
        return out

    def accounts(self) -> dict[str, str]:
        """Login → state and role, as VMmanager has them, without the account that makes requests."""
        return {
            one["login"]: f"{'active' if one['active'] else 'suspended'} {one['roles'][0]}"
            for one in self.service.store.accounts.values()
            if one["login"] != self.service.email
        }
