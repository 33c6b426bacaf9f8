"""What ProcessMaker itself would have done: its pages for authentication sources, and its `ldapcron`.

    product = Product(workspace, at=datetime(2026, 1, 1))
    product.add_source(Source("corp"))
    product.select_department("corp", "ou=Sales,dc=example,dc=com", directory)
    product.cron({"corp": directory})

It is an oracle: it writes the rows that the product's documentation and tables say it writes, faults
included. It matches people by username alone, with regard to case, knows persons, groups and
departments by fixed object classes, looks for users one level below a unit, and erases active users
whose username is gone. What the product leaves to chance (UIDs, order) follows from counting.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tests.processmaker import erasing
from tests.processmaker.directory import GROUPS, PERSONS, UNITS, Directory, Entry, above, first
from tests.processmaker.php import serialized, unserialized
from tests.processmaker.tables import NOBODY, ROLES, Row, Workspace, keys, tables, uid

ACTIVE_CONTROLS: Final = {"512", "544", "66048", "66080"}
OPERATOR: Final = "PROCESSMAKER_OPERATOR"
_EPOCH: Final = datetime(1601, 1, 1, tzinfo=UTC)


class BaseMissing(Exception):
    """The base DN of a source does not exist: the run ends, for the other sources too."""


@dataclass(frozen=True)
class Source:
    """An authentication source, as the product's page has it."""

    name: str = "corp"
    base: str = "dc=example,dc=com"
    kind: str = "ldap"
    identifier: str = "uid"
    retired_ou: str = ""
    role: str = OPERATOR
    grid: tuple[tuple[str, str, str], ...] = ()
    """LDAP attribute, field of the user, role ('' for every role)."""
    server: str = "ldap.example.com"

    @property
    def uid(self) -> str:
        return uid("source", self.name)

    def data(self) -> dict[str, Any]:
        """What AUTH_SOURCE_DATA holds."""
        return {
            "LDAP_TYPE": self.kind,
            "AUTH_SOURCE_AUTO_REGISTER": "0",
            "AUTH_SOURCE_IDENTIFIER_FOR_USER": self.identifier,
            "AUTH_SOURCE_USERS_FILTER": "",
            "AUTH_SOURCE_RETIRED_OU": self.retired_ou,
            "USR_ROLE": self.role,
            "AUTH_SOURCE_SHOWGRID": "on" if self.grid else "off",
            "AUTH_SOURCE_GRID_ATTRIBUTE": [
                {"attributeLdap": attribute, "attributeUser": field, "attributeRole": role}
                for attribute, field, role in self.grid
            ],
            "LDAP_PAGE_SIZE_LIMIT": "1000",
        }


class Product:
    """One workspace, administered and synchronised by the product itself."""

    def __init__(self, workspace: Workspace, at: datetime) -> None:
        self.db = workspace
        self.at = at
        self.sources: dict[str, Source] = {}
        self.impossible: list[str] = []
        """Usernames of the last run that belong to somebody else."""
        self._made = 0

    def _uid(self, kind: str) -> str:
        self._made += 1
        return uid("product", kind, self._made)

    @property
    def now(self) -> str:
        return self.at.strftime("%Y-%m-%d %H:%M:%S")

    # The product's pages

    def add_source(self, source: Source) -> None:
        """*New connection*."""
        self.sources[source.name] = source
        self.db.insert(
            "RBAC_AUTHENTICATION_SOURCE",
            AUTH_SOURCE_UID=source.uid,
            AUTH_SOURCE_NAME=source.name,
            AUTH_SOURCE_PROVIDER="ldapAdvanced",
            AUTH_SOURCE_SERVER_NAME=source.server,
            AUTH_SOURCE_BASE_DN=source.base,
            AUTH_SOURCE_SEARCH_USER=f"cn=admin,{source.base}",
            AUTH_SOURCE_PASSWORD="2NnV3ujj3w==",
            AUTH_SOURCE_DATA=serialized(source.data()),
        )

    def select_group(self, dn: str, title: str) -> str:
        """Ticks a group: an active group of that title gets the DN, otherwise a new one."""
        for row in self.db.rows("GROUPWF", GRP_TITLE=title, GRP_STATUS="ACTIVE"):
            self.db.update("GROUPWF", {"GRP_UID": row["GRP_UID"]}, GRP_LDAP_DN=dn)
            return str(row["GRP_UID"])
        return self.add_group(title, dn)

    def add_group(self, title: str, dn: str = "") -> str:
        """A group with its copy of the title; without a DN it is one that a person made."""
        made = self._uid("group")
        self.db.insert("GROUPWF", GRP_UID=made, GRP_TITLE=title, GRP_LDAP_DN=dn)
        self._content("GRP_TITLE", made, title)
        return made

    def deselect_group(self, source: str, title: str) -> None:
        """Unticks a group: its members go with the next run."""
        row = self.db.row("GROUPWF", GRP_TITLE=title)
        self.db.update("GROUPWF", {"GRP_UID": row["GRP_UID"]}, GRP_LDAP_DN="")
        self._to_unassign(source, "GROUPS_TO_UNASSIGN", row["GRP_UID"])

    def select_department(self, dn: str, title: str) -> str:
        """Ticks a department, whose parent has to be ticked before it; matched by title as groups are."""
        parents = self.db.rows("DEPARTMENT", DEP_LDAP_DN=above(dn))
        parent = str(parents[0]["DEP_UID"]) if parents else ""
        for row in self.db.rows("DEPARTMENT", DEP_TITLE=title, DEP_PARENT=parent):
            self.db.update("DEPARTMENT", {"DEP_UID": row["DEP_UID"]}, DEP_LDAP_DN=dn)
            return str(row["DEP_UID"])
        return self.add_department(title, parent, dn)

    def add_department(self, title: str, parent: str = "", dn: str = "") -> str:
        made = self._uid("department")
        self.db.insert(
            "DEPARTMENT", DEP_UID=made, DEP_TITLE=title, DEP_PARENT=parent, DEP_LDAP_DN=dn
        )
        self._content("DEPO_TITLE", made, title)
        return made

    def deselect_department(self, source: str, title: str) -> None:
        row = self.db.row("DEPARTMENT", DEP_TITLE=title)
        self.db.update("DEPARTMENT", {"DEP_UID": row["DEP_UID"]}, DEP_LDAP_DN="")
        self._to_unassign(source, "DEPARTMENTS_TO_UNASSIGN", row["DEP_UID"])

    def add_user(self, username: str, role: str = OPERATOR, **columns: object) -> str:
        """A local user that an administrator makes."""
        row = {
            "USR_USERNAME": username,
            "USR_PASSWORD": uid("password", username),
            "USR_FIRSTNAME": "Local",
            "USR_LASTNAME": username.title(),
            "USR_EMAIL": f"{username}@example.org",
        } | columns
        return self._insert_user(row, role, {"USR_AUTH_TYPE": "MYSQL", "UID_AUTH_SOURCE": NOBODY})

    def import_user(self, source: str, dn: str, directory: Directory) -> str:
        """*Import Users*: one person, with the source's role."""
        settings = self.sources[source]
        return self._person(settings, dn, directory.entries[dn], settings.role)

    def set_manager(self, department: str, username: str) -> None:
        """Makes a user the manager of a department: everybody in it reports to them from then on."""
        row = self.db.row("DEPARTMENT", DEP_TITLE=department)
        manager = self.db.user(username)["USR_UID"]
        self.db.update("DEPARTMENT", {"DEP_UID": row["DEP_UID"]}, DEP_MANAGER=manager)
        for user in self.db.rows("USERS", DEP_UID=row["DEP_UID"]):
            if user["USR_UID"] != manager:
                self.db.update("USERS", {"USR_UID": user["USR_UID"]}, USR_REPORTS_TO=manager)

    def login(self, username: str) -> str:
        """The DN as which the product binds when this user logs in; empty for a local user.

        Raises AssertionError where the product would not let the user in.
        """
        user = self.db.user(username)
        twin = user["rbac"]
        assert twin is not None, "no row in RBAC_USERS"
        assert user["USR_STATUS"] in ("ACTIVE", "VACATION"), user["USR_STATUS"]
        assert twin["USR_STATUS"] == 1, "not active in RBAC_USERS"
        assert user["USR_DUE_DATE"] > self.at.date(), "past its due date"
        assert self.db.rows("RBAC_USERS_ROLES", USR_UID=user["USR_UID"]), "no role"
        if twin["USR_AUTH_TYPE"] == "MYSQL":
            return ""
        assert twin["USR_AUTH_TYPE"] == "ldapadvanced", twin["USR_AUTH_TYPE"]
        self.db.row("RBAC_AUTHENTICATION_SOURCE", AUTH_SOURCE_UID=twin["UID_AUTH_SOURCE"])
        return str(twin["USR_AUTH_USER_DN"])

    # ldapcron

    def cron(self, directories: Mapping[str, Directory]) -> None:
        """One run over all sources, each with its directory; one that is not named cannot be reached."""
        self.impossible = []
        for name, source in self.sources.items():
            directory = directories[name]
            if source.base not in directory.entries:
                raise BaseMissing(source.base)
            found: dict[str, str] = {}
            for dn, entry in directory.below(source.base, PERSONS):
                username = first(entry, source.identifier)
                if username:
                    found[username] = dn
                    self._update(source, username, entry)
            self._departments(source, directory)
            self._groups(source, directory)
            self._unassign(source)
            if source.kind == "ad":
                self._managers(source, directory, found)
            self._retired(source, directory)
            self._erase(source, found)

    def _departments(self, source: Source, directory: Directory) -> None:
        for row in self.db.rows("DEPARTMENT", order="DEP_LDAP_DN"):
            dn, department = str(row["DEP_LDAP_DN"]), row["DEP_UID"]
            if dn not in directory.entries or not _within(dn, source.base):
                continue
            listed = self._people(source, directory.children(dn, PERSONS), OPERATOR)
            for user in self.db.rows("USERS", DEP_UID=department):
                if user["USR_UID"] not in listed and self._owned(source, user["USR_UID"]):
                    self.db.update("USERS", {"USR_UID": user["USR_UID"]}, DEP_UID="")
            for user, entry in listed.items():
                if self.db.row("USERS", USR_UID=user)["DEP_UID"] != department and entry:
                    self.db.update("USERS", {"USR_UID": user}, DEP_UID=department)
                    self.db.update("RBAC_USERS", {"USR_UID": user}, USR_AUTH_USER_DN=entry)

    def _groups(self, source: Source, directory: Directory) -> None:
        for row in self.db.rows("GROUPWF", order="GRP_LDAP_DN"):
            entry = directory.entries.get(str(row["GRP_LDAP_DN"]))
            if entry is None or not _within(str(row["GRP_LDAP_DN"]), source.base):
                continue
            if not GROUPS & {name.lower() for name in entry.get("objectclass", [])}:
                continue
            # A login in memberUid is taken for a DN, too, and names nobody then.
            names = [*entry.get("member", []), *entry.get("uniquemember", [])]
            members = {dn: directory.entries[dn] for dn in names if dn in directory.entries}
            persons = [pair for pair in members.items() if _is_person(pair[1])]
            listed = self._people(source, persons, source.role)
            for user in self.db.rows("GROUP_USER", GRP_UID=row["GRP_UID"]):
                if user["USR_UID"] not in listed:
                    self.db.delete("GROUP_USER", GRP_UID=row["GRP_UID"], USR_UID=user["USR_UID"])
            held = {user["USR_UID"] for user in self.db.rows("GROUP_USER", GRP_UID=row["GRP_UID"])}
            for user, name in listed.items():
                if user not in held and name:
                    self.db.insert(
                        "GROUP_USER", GRP_UID=row["GRP_UID"], GRP_ID=row["GRP_ID"], USR_UID=user
                    )
                    self.db.update("RBAC_USERS", {"USR_UID": user}, USR_AUTH_USER_DN=name)

    def _people(
        self,
        source: Source,
        entries: Iterator[tuple[str, Entry]] | list[tuple[str, Entry]],
        role: str,
    ) -> dict[str, str]:
        """User → the DN; "" for one who stays where they are, being inactive or somebody else's.

        Who is not a user yet becomes one.
        """
        listed: dict[str, str] = {}
        for dn, entry in entries:
            username = first(entry, source.identifier)
            others = self._named(username)
            if any(not self._synchronised(source, user["USR_UID"]) for user in others):
                self.impossible.append(username)
                listed |= {user["USR_UID"]: "" for user in others}
            elif username:
                listed[self._person(source, dn, entry, role)] = dn
        return listed

    def _person(self, source: Source, dn: str, entry: Entry, role: str) -> str:
        """A person's user, made where there is none."""
        username = first(entry, source.identifier)
        for user in self._named(username):
            return str(user["USR_UID"])
        row = {
            "USR_USERNAME": username,
            "USR_PASSWORD": NOBODY,
            "USR_BIRTHDAY": self.at.date(),
            **self._profile(source, entry, role),
        }
        status = (
            "ACTIVE" if first(entry, "useraccountcontrol") in ACTIVE_CONTROLS | {""} else "INACTIVE"
        )
        row |= {"USR_STATUS": status}
        auth = {
            "USR_AUTH_TYPE": "ldapadvanced",
            "UID_AUTH_SOURCE": source.uid,
            "USR_AUTH_USER_DN": dn,
        }
        return self._insert_user(row, role, auth)

    def _named(self, username: str) -> list[Row]:
        """Users of exactly this username: the database itself would not mind the case."""
        rows = self.db.rows("USERS", USR_USERNAME=username)
        return [row for row in rows if row["USR_USERNAME"] == username]

    def _owned(self, source: Source, user: object) -> bool:
        return bool(self.db.rows("RBAC_USERS", USR_UID=user, UID_AUTH_SOURCE=source.uid))

    def _synchronised(self, source: Source, user: object) -> bool:
        """Whether the synchroniser knows a user as its own: one who is inactive is nobody to it."""
        equal = {"UID_AUTH_SOURCE": source.uid, "USR_STATUS": 1}
        return bool(self.db.rows("RBAC_USERS", USR_UID=user, **equal))

    def _insert_user(self, row: Row, role: str, auth: Row) -> str:
        made = self._uid("user")
        both = {
            "USR_UID": made,
            "USR_DUE_DATE": self.at.date().replace(year=self.at.year + 2),
            "USR_CREATE_DATE": self.now,
            "USR_UPDATE_DATE": self.now,
        } | row
        self.db.insert("USERS", **{"USR_STATUS": "ACTIVE", "USR_ROLE": role} | both)
        shared = {name: text for name, text in both.items() if name in columns("RBAC_USERS")}
        status = int(both.get("USR_STATUS", "ACTIVE") in ("ACTIVE", "VACATION"))
        self.db.insert("RBAC_USERS", **shared | auth | {"USR_STATUS": status})
        self.db.insert("RBAC_USERS_ROLES", USR_UID=made, ROL_UID=self._role(role))
        return made

    def _role(self, code: str) -> str:
        return ROLES.get(code) or str(self.db.row("RBAC_ROLES", ROL_CODE=code)["ROL_UID"])

    def _profile(self, source: Source, entry: Entry, role: str) -> Row:
        """The columns that the directory has values for; absent attributes leave out theirs."""
        row: Row = {
            "USR_FIRSTNAME": first(entry, "givenname"),
            "USR_LASTNAME": first(entry, "sn"),
            "USR_EMAIL": first(entry, "mail", "userprincipalname"),
        }
        expires = first(entry, "accountexpires")
        if expires not in ("", "0", "9223372036854775807"):
            row["USR_DUE_DATE"] = (_EPOCH + timedelta(microseconds=int(expires) // 10)).date()
        extended = {}
        for attribute, field, only in source.grid:
            value = first(entry, attribute)
            if value and only in ("", role):
                (row if field in columns("USERS") else extended)[field] = value
        if extended:
            row["USR_EXTENDED_ATTRIBUTES_DATA"] = json.dumps(extended)
        return {name: value for name, value in row.items() if value}

    def _update(self, source: Source, username: str, entry: Entry) -> None:
        """Brings a user of the source up to date; one that is inactive stays as it is.

        The DN is that of the day on which the user came into a department or group.
        """
        for user in self._named(username):
            if not self._synchronised(source, user["USR_UID"]):
                continue
            row = self._profile(source, entry, str(user["USR_ROLE"]))
            if first(entry, "useraccountcontrol") not in ACTIVE_CONTROLS | {""}:
                row["USR_STATUS"] = "INACTIVE"
            key = {"USR_UID": user["USR_UID"]}
            if any(str(user[name]) != str(value) for name, value in row.items()):
                row["USR_UPDATE_DATE"] = self.now
                self.db.update("USERS", key, **row)
            shared = {name: text for name, text in row.items() if name in columns("RBAC_USERS")}
            if "USR_STATUS" in shared:
                shared["USR_STATUS"] = 0
            if shared:
                self.db.update("RBAC_USERS", key, **shared)

    def _managers(self, source: Source, directory: Directory, found: Mapping[str, str]) -> None:
        """By exact DN, among the users that are known."""
        users = {
            row["USR_AUTH_USER_DN"]: row["USR_UID"]
            for row in self.db.rows("RBAC_USERS", UID_AUTH_SOURCE=source.uid)
        }
        for dn in found.values():
            if dn in users:
                manager = users.get(first(directory.entries[dn], "manager"), "")
                self.db.update("USERS", {"USR_UID": users[dn]}, USR_REPORTS_TO=manager)

    def _retired(self, source: Source, directory: Directory) -> None:
        """Who is in a unit of that name anywhere is inactive, whichever source the user belongs to."""
        if not source.retired_ou:
            return
        for dn, entry in directory.below(source.base, UNITS):
            if first(entry, "ou").lower() != source.retired_ou.lower():
                continue
            for _, person in directory.children(dn, PERSONS):
                for user in self._named(first(person, source.identifier)):
                    key = {"USR_UID": user["USR_UID"]}
                    self.db.update("USERS", key, USR_STATUS="INACTIVE", DEP_UID="")
                    self.db.update("RBAC_USERS", key, USR_STATUS=0)

    def _erase(self, source: Source, found: Mapping[str, str]) -> None:
        """Active users whose username the directory does not have, letter by letter."""
        for row in self.db.rows("RBAC_USERS", UID_AUTH_SOURCE=source.uid, USR_STATUS=1):
            if row["USR_USERNAME"] not in found:
                erasing.erase(self.db, str(row["USR_UID"]))

    def _unassign(self, source: Source) -> None:
        """Empties what was unticked since the last run."""
        row = self.db.row("RBAC_AUTHENTICATION_SOURCE", AUTH_SOURCE_UID=source.uid)
        data = unserialized(row["AUTH_SOURCE_DATA"])
        for group in data.pop("GROUPS_TO_UNASSIGN", []):
            self.db.delete("GROUP_USER", GRP_UID=group)
        for department in data.pop("DEPARTMENTS_TO_UNASSIGN", []):
            self.db.update("USERS", {"DEP_UID": department}, USR_REPORTS_TO="")
            self.db.update("USERS", {"DEP_UID": department}, DEP_UID="")
        self._set_data(source, data)

    def _to_unassign(self, source: str, key: str, unassigned: object) -> None:
        row = self.db.row("RBAC_AUTHENTICATION_SOURCE", AUTH_SOURCE_UID=self.sources[source].uid)
        data = unserialized(row["AUTH_SOURCE_DATA"])
        data[key] = [*data.get(key, []), unassigned]
        self._set_data(self.sources[source], data)

    def _set_data(self, source: Source, data: Mapping[str, Any]) -> None:
        key = {"AUTH_SOURCE_UID": source.uid}
        self.db.update("RBAC_AUTHENTICATION_SOURCE", key, AUTH_SOURCE_DATA=serialized(dict(data)))

    def _content(self, category: str, owner: str, title: str) -> None:
        self.db.insert(
            "CONTENT", CON_CATEGORY=category, CON_ID=owner, CON_LANG="en", CON_VALUE=title
        )


def columns(table: str) -> set[str]:
    """The columns of a table of the product."""
    lines = tables()[table].splitlines()[1:-1]
    return {line.split()[0] for line in lines if "KEY" not in line.split()[:2]}


def _within(dn: str, base: str) -> bool:
    return dn.endswith(f",{base}")


def _is_person(entry: Entry) -> bool:
    return bool(PERSONS & {name.lower() for name in entry.get("objectclass", [])})


__all__ = ["BaseMissing", "Product", "Source", "columns", "keys"]
