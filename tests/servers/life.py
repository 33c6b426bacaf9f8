"""The life of a product's users under its preset: a part of a real directory that one test has to itself.

    life = Life(folder, server, "processmaker", quick)
    life.add({"ou=Sales": {}, "uid=ann,ou=Sales": {}, "cn=team": {"member": ["uid=ann,ou=Sales"]}})
    life.rules(departments=[life.rule("ou=Sales")])
    life.apply()

Names are below the test's own organizational unit unless they end in the server's suffix. What an
entry is follows from its RDN: `ou` a unit, `cn` a group, `uid` a person; on Active Directory `cn`
is a person unless it has an objectClass.
"""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from tests.servers.forking import Execute
from tests.servers.samba import Samba
from tests.servers.site import Site
from tests.servers.slapd import Slapd, modify
from tests.servers.sources import ldif

RIGHT = "Kein-Wörtchen-davon"
"""Everybody's password in OpenLDAP."""
Entries = Mapping[str, Mapping[str, Any]]


class Life(Site):
    """A site with one source, `corp`, on an OpenLDAP server or a domain of Active Directory."""

    def __init__(self, folder: Path, server: Slapd | Samba, preset: str, execute: Execute) -> None:
        super().__init__(folder, server.password)
        self.execute = execute
        self.server = server
        self.preset = preset
        self.domain = isinstance(server, Samba)
        self.root = f"ou={folder.name},{server.suffix}"
        self.add({self.root: {}})

    # The directory

    def dn(self, name: str) -> str:
        """The whole DN of a name."""
        return (
            name
            if name.casefold().endswith(self.server.suffix.casefold())
            else f"{name},{self.root}"
        )

    def add(self, entries: Entries) -> None:
        """Adds entries with the usual attributes, unless they are given, or None."""
        self._change(
            ldif({self.dn(name): self._entry(name, given) for name, given in entries.items()}),
            "add",
        )

    def _entry(self, name: str, given: Mapping[str, Any]) -> dict[str, list[str]]:
        kind, value = name.split(",", 1)[0].split("=", 1)
        entry: dict[str, Any] = {}
        if kind.casefold() == "ou":
            entry = {"objectClass": "organizationalUnit"}
        elif kind == "uid":
            entry = {
                "objectClass": "inetOrgPerson",
                "cn": value,
                "sn": value.title(),
                "givenName": "The",
            }
            entry |= {"mail": f"{value}@example.com", "userPassword": RIGHT}
        elif self.domain and "objectClass" not in given:
            entry = {
                "objectClass": "user",
                "sAMAccountName": value,
                "sn": value.title(),
                "givenName": "The",
            }
            entry |= {"mail": f"{value}@example.test", "userAccountControl": "544"}
        elif not self.domain:
            entry = {"objectClass": "groupOfNames"}
        entry |= given
        return {
            name: self._values(name, values) for name, values in entry.items() if values is not None
        }

    def _values(self, name: str, values: Any) -> list[str]:
        listed = values if isinstance(values, list) else [values]
        return [self.dn(one) if name in ("member", "manager") else one for one in listed]

    def change(self, name: str, **attributes: Any) -> None:
        """Replaces all values of attributes; None and [] take them away."""
        lines = [f"dn: {self.dn(name)}", "changetype: modify"]
        for attribute, given in attributes.items():
            values = [] if given is None else self._values(attribute, given)
            lines += [f"replace: {attribute}", *(f"{attribute}: {value}" for value in values), "-"]
        self._change("\n".join([*lines, ""]))

    def move(self, name: str, rdn: str = "", above: str = "") -> None:
        """Renames an entry, or moves it below another one."""
        lines = [
            f"dn: {self.dn(name)}",
            "changetype: modrdn",
            f"newrdn: {rdn or name.split(',', 1)[0]}",
        ]
        lines += ["deleteoldrdn: 1", *([f"newsuperior: {self.dn(above)}"] if above else []), ""]
        self._change("\n".join(lines))

    def delete(self, *names: str) -> None:
        """Deletes entries."""
        self._change("\n".join(f"dn: {self.dn(name)}\nchangetype: delete\n" for name in names))

    def _change(self, changes: str, kind: str = "") -> None:
        if kind:
            changes = "\n".join(
                f"{line}\nchangetype: {kind}" if line.startswith("dn:") else line
                for line in changes.splitlines()
            )
        modify(self.server, f"{changes}\n")

    # The desired state

    def source(self, users: Mapping[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
        """The source, with more settings of its users, and of its own."""
        made = {
            "name": "corp",
            "type": "active_directory" if self.domain else "openldap",
            "servers": [self.server.url],
            "tls": {"mode": "none"},
            "bind": {"dn": self.server.admin, "password": "{{ env('CORP_PASSWORD') }}"},
            "base_dn": self.root,
            "timeout": {"connect": "10s", "read": "30s"},
        }
        if self.domain:  # whose group Users is far from the test's own unit
            made |= {"base_dn": self.server.suffix, "departments": {"base": self.root}}
            users = {"base": self.root} | dict(users or {})
        return made | ({"users": dict(users)} if users else {}) | changes

    def rules(
        self, users: Mapping[str, Any] | None = None, settings: Any = (), **more: Any
    ) -> None:
        """Writes the desired state: the preset, the source (`settings` are those of its own), and what is given."""
        self.write(self.source(users, **dict(settings)), **({"preset": self.preset} | more))

    def rule(self, *select: str, **more: Any) -> dict[str, Any]:
        """A rule on groups or departments."""
        return {"source": "corp", "select": list(select)} | more

    # The commands

    def plan(self) -> list[str]:
        """What would change, as `kind key action`, guards or no guards; sources are left out."""
        changes = json.loads(self.run("plan", "--format", "json", code=(0, 4))[0])["changes"]
        return [
            f"{one['kind']} {one['key']} {one['action']}"
            for one in changes
            if one["kind"] != "source"
        ]

    def apply(self, *options: str) -> str:
        """Applies, has nothing left to do, and gives what apply said."""
        out, _ = self.run("apply", "--yes", *options)
        self.run("plan", "--check")
        return out

    def apply_loss(self, *options: str) -> str:
        """Applies what takes all of something away: whatever guards object to is accepted by its code."""
        told = json.loads(self.run("plan", "--format", "json", code=(0, 4))[0])
        accepted = [part for one in told["violations"] for part in ("--accept", one["code"])]
        self.run("plan", "--out", "loss.plan", *accepted)
        out, _ = self.run("apply", "loss.plan", "--yes", *options)
        self.run("plan", "--check")
        (self.folder / "loss.plan").unlink()
        return out

    def rows(self, kind: str, name: str = "username") -> dict[str, dict[str, Any]]:
        """What the platform holds: `users` by username, `groups` by name, `departments` by path."""
        return {row[name]: row for row in json.loads(self.run(kind, "--format", "json")[0])}

    def users(self, field: str = "status") -> dict[str, Any]:
        """One field of every user."""
        return {name: row[field] for name, row in self.rows("users").items()}

    def members(self) -> dict[str, list[str]]:
        """Who is in every group."""
        return {name: row["members"] for name, row in self.rows("groups", "name").items()}

    def login(self, name: str, *options: str, password: str = RIGHT, code: int = 0) -> str:
        """What a login is told."""
        out, err = self.run("login", name, *options, code=code, given=f"{password}\n")
        told = [
            line.removeprefix("error: ") for line in err.splitlines() if line.startswith("error: ")
        ]
        return out.strip() or "\n".join(told)

    def sql(self, *statements: str) -> list[Any]:
        """What people and the application do on the platform; the rows of the last statement."""
        with closing(
            sqlite3.connect(self.folder / "platform.db", isolation_level=None)
        ) as connection:
            connection.execute("PRAGMA foreign_keys = ON")
            return [connection.execute(statement).fetchall() for statement in statements][-1]

    def local(self, username: str, **fields: str) -> None:
        """Adds an account of the platform's own."""
        names, values = ["username", *fields], [username, *fields.values()]
        texts = ", ".join(f"'{value}'" for value in values)
        self.sql(f"INSERT INTO users (workspace_id, {', '.join(names)}) VALUES (1, {texts})")

    def grant(self, username: str, role: str) -> None:
        """Gives a role by hand, and takes every other away."""
        where = f"user_id = (SELECT id FROM users WHERE username = '{username}')"
        self.sql(
            f"DELETE FROM grants WHERE {where}",
            f"INSERT INTO roles (workspace_id, name) SELECT 1, '{role}' WHERE '{role}' NOT IN (SELECT name FROM roles)",
            "INSERT INTO grants (user_id, role_id) SELECT u.id, r.id FROM users u, roles r "
            f"WHERE u.username = '{username}' AND r.name = '{role}'",
        )
