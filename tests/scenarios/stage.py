"""Plays a scenario file (docs in `README.md` beside this) on real parts: YAML files, LDIF, the sql platform.

The directory is written as `RDN path: attributes`, below dc=example,dc=com; what an entry is
follows from its RDN (`uid` a person, `cn` a group, `ou` an OU), and the usual attributes are filled
in unless they are given, or null.
"""

import base64
import re
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import yaml

from reconcile.app import identity_history
from reconcile.applying import GuardRules, apply, dumps, loads, recent_losses
from reconcile.config import Loaded, load
from reconcile.directories.ldif.adapter import LdifDirectory
from reconcile.directories.ldif.memory import MemoryDirectory
from reconcile.model.change import Change, Plan, Scope
from reconcile.model.notice import OF_ROLES
from reconcile.model.report import APPLIED, Report
from reconcile.model.text.dn import rdn
from reconcile.planning import Inputs, accepted, make_plan, unmatched_users
from reconcile.planning.selection.query import query
from reconcile.platforms.driver.platform import DrivenPlatform
from reconcile.platforms.memory.platform import MemoryPlatform
from reconcile.platforms.sql import SqlPlatform
from reconcile.ports import Holder, ManagedPlatform
from reconcile.render import rows
from reconcile.render.wording import sign

BASE = "dc=example,dc=com"
NOW = "2026-01-01T00:00:00Z"
HOLDER = Holder("tester", "here", 1, NOW)
_CLASSES = {
    "uid": "inetOrgPerson",
    "cn": "groupOfNames",
    "ou": "organizationalUnit",
    "dc": "domain",
}

DESIRED: dict[str, Any] = {
    "version": 1,
    "platform": {"type": "sql", "url": "sqlite:///platform.db"},
    "sources": [
        {
            "name": "corp",
            "type": "ldif",
            "files": ["corp.ldif"],
            "base_dn": BASE,
            "users": {"create": "all"},
        }
    ],
}


def ldif(entries: Mapping[str, Mapping[str, Any] | None], base: str = BASE) -> str:
    """The LDIF of a directory in short form."""
    lines = [
        "version: 1",
        "",
        f"dn: {base}",
        "objectClass: domain",
        f"dc: {base.partition(',')[0][3:]}",
        "",
    ]
    for name, given in entries.items():
        lines += [*_entry(name, dict(given or {}), base), ""]
    return "\n".join(lines)


def _entry(name: str, given: dict[str, Any], base: str) -> Iterator[str]:
    first = rdn(name)
    kind, value = first.split("=", 1)
    dn = f"{name},{base}"
    yield f"dn: {dn}" if dn.isascii() else f"dn:: {base64.b64encode(dn.encode()).decode()}"
    attributes: dict[str, Any] = {
        "objectClass": _CLASSES.get(kind, "inetOrgPerson"),
        kind: value,
        "entryUUID": f"id-{value}",
    }
    if kind == "uid":
        attributes |= {
            "cn": value,
            "sn": value.title(),
            "givenName": "The",
            "mail": f"{value}@example.com",
        }
    for attribute, values in (attributes | given).items():
        for one in values if isinstance(values, list) else [] if values is None else [values]:
            text = (
                f"{one},{base}"
                if attribute in ("member", "uniqueMember", "manager") and "dc=" not in one
                else str(one)
            )
            encoded = base64.b64encode(text.encode()).decode()
            plain = text.isascii() and text.isprintable() and text == text.strip()
            yield f"{attribute}: {text}" if plain else f"{attribute}:: {encoded}"


class Stage:
    """A folder with files, and a platform."""

    def __init__(self, folder: Path, platform: ManagedPlatform | None = None) -> None:
        """Without a platform, the one the files name."""
        self.folder = folder
        self._platform = platform
        self._loaded: tuple[bytes, Loaded] | None = None

    def placed(self, text: str) -> str:
        """A text whose places in files are told without the folder."""
        return text.replace(f"{self.folder}/", "")

    def write(self, desired: Mapping[str, Any], directories: Mapping[str, str]) -> None:
        """Writes the desired state and one LDIF file for each source."""
        (self.folder / "reconcile.yml").write_text(
            yaml.safe_dump(dict(desired), sort_keys=False), encoding="utf-8"
        )
        for name, text in directories.items():
            (self.folder / f"{name}.ldif").write_text(text, encoding="utf-8")

    @contextmanager
    def platform(self, settings: Any) -> Iterator[ManagedPlatform]:
        """The platform, closed afterwards if it was opened here."""
        if self._platform is not None:
            yield self._platform
        else:
            with closing(SqlPlatform(settings)) as opened:
                yield opened

    def plan(
        self, scope: Scope | None = None, at: str = NOW, accept: list[str] | None = None
    ) -> tuple[Plan, tuple[str, ...]]:
        """The plan, having gone through its file format, and its notices. `accept`: codes; None for all that can be."""
        made = make_plan(self.inputs(scope, at))
        codes = (
            [one.code for one in made.violations if one.acceptable] if accept is None else accept
        )
        made = accepted(made, codes, "tester")
        # A plan file has the numbers of people who are left out, and not who they are.
        counted = tuple(each.counted for each in made.left_out)
        made = msgspec.structs.replace(made, left_out=counted)
        data = dumps(made)
        read = loads(data, "plan")
        assert read == made
        assert dumps(read) == data
        # Roles that are new or unused are a part of many stories, and tested by themselves.
        return made, tuple(str(each) for each in made.notices if each.code not in OF_ROLES)

    def inputs(self, scope: Scope | None = None, at: str = NOW) -> Inputs:
        """Everything that a plan is made from, read now."""
        scope = scope or Scope()
        loaded = self.loaded()
        state = loaded.desired
        with self.platform(state.platform) as platform:
            current = tuple(platform.read(name) for name in state.platform.workspaces)
            snapshots = []
            for source in state.sources:
                if scope.sources and source.name not in scope.sources:
                    continue
                with closing(LdifDirectory(source)) as directory:
                    snapshot = directory.read(query(state, source))
                    strays = directory.find(*unmatched_users(snapshot, current))
                    snapshots.append(msgspec.structs.replace(snapshot, strays=strays))
            return Inputs(
                state,
                loaded.digest,
                loaded.files,
                (),
                scope,
                tuple(snapshots),
                current,
                platform.abilities,
                "test",
                at,
                {
                    name: recent_losses(platform, state.safety, name, at)
                    for name in state.platform.workspaces
                },
                {
                    one.workspace: identity_history.used(state.links, one, platform.history)
                    for one in current
                },
            )

    def settings(self) -> Any:
        """The platform settings of the files."""
        return self.loaded().desired.platform

    def loaded(self) -> Loaded:
        """The files, which are read anew when they have changed."""
        text = (self.folder / "reconcile.yml").read_bytes()
        if self._loaded is None or self._loaded[0] != text:
            loaded = load(
                [self.folder / "reconcile.yml"],
                environ={},
                sources={"ldif": LdifDirectory.problems},
                platforms={"sql": SqlPlatform.problems},
            )
            self._loaded = text, loaded
        return self._loaded[1]

    def apply(self, made: Plan, *, force: bool = False) -> Report:
        """Carries the plan out, at the time it was made."""
        with self.platform(self.settings()) as platform:
            rules = GuardRules(self.loaded().desired, foreign=True)
            return apply(
                made, platform, HOLDER._replace(started=made.created), rules=rules, force=force
            )

    def delete(self, usernames: list[str]) -> None:
        """What people delete on the platform, past the sync."""
        if self._platform is None:
            with closing(
                sqlite3.connect(self.folder / "platform.db", isolation_level=None)
            ) as database:
                database.execute("PRAGMA foreign_keys = ON")
                for username in usernames:
                    assert (
                        database.execute(
                            "DELETE FROM users WHERE username = ?", (username,)
                        ).rowcount
                        == 1
                    )
            return
        if not usernames:
            return
        if isinstance(self._platform, DrivenPlatform):
            application = self._platform._platform
            for theirs, row in application.read("main").rows["user"].items():
                if row["username"] in usernames:
                    application.delete("main", "user", theirs)
            return
        state = self._platform.read("main")
        gone = {user.id: user for user in state.users if user.username in usernames}
        left = msgspec.structs.replace(
            state,
            users=tuple(user for user in state.users if user.id not in gone),
            memberships=tuple(one for one in state.memberships if one.user not in gone),
            grants=tuple(one for one in state.grants if one.user not in gone),
            deleted=state.deleted | {(user.source, user.external_id) for user in gone.values()},
        )
        self._platform = MemoryPlatform(states=[left])

    def by_hand(self, changes: list[dict[str, Any]]) -> None:
        """What people do on the platform, told as changes."""
        if not changes:
            return
        with self.platform(self.settings()) as platform, platform.lock(["main"], HOLDER):
            for given in changes:
                change = msgspec.convert(
                    {
                        "key": "",
                        "before": None,
                        "after": None,
                        "reason": "",
                        "source": "",
                        "workspace": "main",
                    }
                    | given,
                    Change,
                )
                with platform.transaction("main") as writer:
                    writer.read()
                    assert list(writer.write([change])) == [APPLIED], change

    def state(self, workspace: str = "main") -> dict[str, list[str]]:
        """What the platform holds, in lines."""
        with self.platform(self.settings()) as platform:
            state = platform.read(workspace)
        origins = {(one.user, one.group): one.origin for one in state.memberships}
        granted = {(one.user, one.role): one.origin for one in state.grants}
        ids = {user.username: user.id for user in state.users}
        group_ids = {group.name: group.id for group in state.groups}
        names = {group.id: group.name for group in state.groups}
        nested = {
            (group.name, names[above]): origin
            for group in state.groups
            for above, origin in group.groups.items()
        }
        users = []
        for row in rows.users(state):
            user: Any = row
            own = ids[user["username"]]
            roles = [role + ("" if granted[own, role] else "*") for role in user["roles"]]
            groups = [
                name + ("" if origins[own, group_ids[name]] else "*") for name in user["groups"]
            ]
            parts = [re.sub(r"^erased-\d+", "erased-N", user["username"]), user["status"]]
            parts += [f"of {user['source']}"] if user["source"] else ["local"]
            parts += [f"roles {'+'.join(roles)}"] if roles else []
            parts += [f"groups {'+'.join(groups)}"] if groups else []
            parts += [f"in {user['department']}"] if user["department"] else []
            parts += [f"under {user['manager']}"] if user["manager"] else []
            parts += [f"{name}={text}" for name, text in user["attributes"].items()]
            users.append(" ".join(parts))
        return {
            "users": users,
            "groups": [_group(row, nested) for row in rows.groups(state)],
            "departments": [str(row["path"]) for row in rows.departments(state)],
        }


def _group(row: Any, nested: Mapping[tuple[str, str], str]) -> str:
    above = [name + ("" if nested[row["name"], name] else "*") for name in row["groups"]]
    return " within ".join([row["name"], *(["+".join(above)] if above else [])])


def told(change: Change) -> str:
    """A change in one line: sign, kind, key, the action where the sign does not say it, and what an update changes."""
    action = "" if change.action in ("create", "update", "delete") else f" {change.action}"
    fields = ""
    if change.action in ("update", "relink"):
        fields = " " + ", ".join(
            f"{name} {_told(change.before, name)} -> {_told(change.after, name)}"
            for name in change.after or {}
        )
    return f"{sign(change)} {change.kind} {change.key}{action}{fields}"


def _told(fields: Mapping[str, Any] | None, name: str) -> str:
    value = (fields or {})[name]
    if value and isinstance(value, dict):
        return ";".join(
            f"{key}={'nothing' if text is None else text or 'by hand'}"
            for key, text in value.items()
        )
    return str(value or "nothing")


__all__ = ["BASE", "DESIRED", "MemoryDirectory", "MemoryPlatform", "Stage", "ldif", "told"]
