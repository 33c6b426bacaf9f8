"""A workspace of ProcessMaker 3.8 on a MariaDB server: its tables, and the rows of a fresh installation.

    url = create_site(admin_url(server), "workflow")
    with Workspace(url) as workspace:
        workspace.insert("USERS", USR_UID=uid("ann"), USR_USERNAME="ann")
        workspace.rows("USERS", USR_USERNAME="ann")

The product has no unique keys on usernames, titles or DNs, nor foreign keys. It talks to the server
in a mode that is not strict, and so does `Workspace`; `sql_mode` makes the server strict for others.
"""

import hashlib
import itertools
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final, Self

import pymysql
from pymysql.cursors import DictCursor
from sqlalchemy import URL, make_url

from tests.servers.mariadb import MariaDB

ACCOUNT: Final = "pm"
PASSWORD: Final = "pm"
STRICT: Final = (
    "ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,"
    "ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION"
)
"""The default mode of MySQL 8."""
LENIENT: Final = ""
"""What ProcessMaker's own installation guide has administrators set."""
NOBODY: Final = "0" * 32
"""The authentication source of local users, and the password of directory users."""
ZERO_DATE: Final = "0000-00-00"
CREATED: Final = "2024-01-02 03:04:05"

Row = dict[str, Any]
_numbers = itertools.count(1)


def seeded(number: int) -> str:
    """The UID of a row that every installation has."""
    return f"{number:032}"


ADMIN: Final = seeded(1)
GUEST: Final = seeded(2)
ROLES: Final = {
    "RBAC_ADMIN": seeded(1),
    "PROCESSMAKER_ADMIN": seeded(2),
    "PROCESSMAKER_OPERATOR": seeded(3),
    "PROCESSMAKER_MANAGER": seeded(4),
    "PROCESSMAKER_GUEST": seeded(5),
}
_ROLE_NAMES: Final = {
    "PROCESSMAKER_ADMIN": "System Administrator",
    "PROCESSMAKER_OPERATOR": "Operator",
    "PROCESSMAKER_MANAGER": "Manager",
}


def uid(*parts: object) -> str:
    """A UID as the product makes them, 32 digits and letters to f; the same for the same parts."""
    return hashlib.md5("/".join(map(str, parts)).encode(), usedforsecurity=False).hexdigest()


class Workspace:
    """A workspace's database, as the product sees it: each statement is kept at once."""

    def __init__(self, url: str, *, sql_mode: str = LENIENT) -> None:
        self.url = url
        parts = make_url(url)
        self.connection = pymysql.connect(
            host=parts.host or "127.0.0.1",
            port=parts.port or 3306,
            user=parts.username,
            password=parts.password or "",
            database=parts.database,
            charset="utf8mb4",
            autocommit=True,
            cursorclass=DictCursor,
            ssl_disabled=True,
        )
        self.sql("SET SESSION sql_mode = %s", sql_mode)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.connection.close()

    def sql(self, statement: str, *values: object) -> list[Row]:
        """The rows of any statement, a dictionary each."""
        with self.connection.cursor() as cursor:
            cursor.execute(statement, values or None)
            return list(cursor.fetchall())

    def many(self, table: str, rows: list[Row]) -> None:
        """Inserts rows that have the same columns."""
        if not rows:
            return
        columns = list(rows[0])
        places = ", ".join(["%s"] * len(columns))
        statement = f"INSERT INTO `{table}` ({', '.join(columns)}) VALUES ({places})"
        with self.connection.cursor() as cursor:
            cursor.executemany(statement, [tuple(row[name] for name in columns) for row in rows])

    def insert(self, table: str, **values: object) -> None:
        """Inserts a row; columns that are left out get their default."""
        self.many(table, [values])

    def rows(self, table: str, order: str = "", **equal: object) -> list[Row]:
        """All rows whose columns have these values, by primary key unless ordered otherwise."""
        clause, values = _where(equal)
        by = order or ", ".join(keys(table))
        return self.sql(
            f"SELECT * FROM `{table}`{clause}" + (f" ORDER BY {by}" if by else ""), *values
        )

    def row(self, table: str, **equal: object) -> Row:
        """The only row whose columns have these values."""
        rows = self.rows(table, **equal)
        assert len(rows) == 1, f"{len(rows)} rows of {table} with {equal}"
        return rows[0]

    def count(self, table: str, **equal: object) -> int:
        clause, values = _where(equal)
        return int(self.sql(f"SELECT count(*) AS n FROM `{table}`{clause}", *values)[0]["n"])

    def update(self, table: str, where: Mapping[str, object], **values: object) -> None:
        """Changes the rows whose columns have the values of `where`."""
        clause, equal = _where(where)
        assigned = ", ".join(f"{name} = %s" for name in values)
        self.sql(f"UPDATE `{table}` SET {assigned}{clause}", *values.values(), *equal)

    def delete(self, table: str, **equal: object) -> None:
        clause, values = _where(equal)
        self.sql(f"DELETE FROM `{table}`{clause}", *values)

    def user(self, username: str) -> Row:
        """The row of USERS, with that of RBAC_USERS under `rbac` (None where it has no twin)."""
        row = self.row("USERS", USR_USERNAME=username)
        twins = self.rows("RBAC_USERS", USR_UID=row["USR_UID"])
        return row | {"rbac": twins[0] if twins else None}

    def members(self, title: str) -> set[str]:
        """The usernames of a group's members."""
        rows = self.sql(
            "SELECT USR_USERNAME FROM GROUPWF JOIN GROUP_USER USING (GRP_UID)"
            " JOIN USERS ON USERS.USR_UID = GROUP_USER.USR_UID WHERE GRP_TITLE = %s",
            title,
        )
        return {str(row["USR_USERNAME"]) for row in rows}

    def everything(self) -> dict[str, list[Row]]:
        """All rows of the product's tables, by table; empty tables are left out."""
        found = {name: self.rows(name) for name in tables()}
        return {name: rows for name, rows in found.items() if rows}

    def text(self) -> str:
        """Every value in every table of the database, our own tables too, to look for what must be gone."""
        names = [str(next(iter(row.values()))) for row in self.sql("SHOW TABLES")]
        return "\n".join(repr(self.sql(f"SELECT * FROM `{name}`")) for name in names)


def _where(equal: Mapping[str, object]) -> tuple[str, list[object]]:
    clauses = [f"{name} <=> %s" for name in equal]
    return (" WHERE " + " AND ".join(clauses) if clauses else ""), list(equal.values())


@cache
def _statements() -> tuple[str, ...]:
    text = Path(__file__).with_name("tables.sql").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("--")]
    return tuple(part.strip() for part in "\n".join(lines).split(";\n") if part.strip(" \n;"))


@cache
def tables() -> dict[str, str]:
    """The statement that creates each table."""
    return {statement.split()[2]: statement for statement in _statements()}


@cache
def keys(table: str) -> tuple[str, ...]:
    """The columns of a table's primary key; nothing where it has none."""
    _, _, rest = tables().get(table, "").partition("PRIMARY KEY (")
    return tuple(name.strip() for name in rest.partition(")")[0].split(",") if name.strip())


def admin_url(server: MariaDB) -> str:
    """How the administrator of the tests' server comes in."""
    return f"mariadb+pymysql://root@127.0.0.1:{server.port}/mysql?ssl_disabled=true"


def create_site(admin: str, workspace: str = "workflow") -> str:
    """Creates the database `wf_WORKSPACE` of a fresh workspace; the url under which its account reaches it.

    The account may do everything in all databases of workspaces, and nothing elsewhere.
    """
    with Workspace(admin) as server:
        server.sql(f"CREATE DATABASE `wf_{workspace}` CHARACTER SET utf8 COLLATE utf8_general_ci")
        server.sql(f"CREATE USER IF NOT EXISTS {ACCOUNT}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}'")
        server.sql(f"GRANT ALL ON `wf\\_%`.* TO {ACCOUNT}@'127.0.0.1'")
    made = make_url(admin).set(username=ACCOUNT, password=PASSWORD, database=f"wf_{workspace}")
    url = _text(made)
    with Workspace(url) as fresh:
        for statement in tables().values():
            fresh.sql(statement)
        seed(fresh)
    return url


def drop_site(admin: str, workspace: str) -> None:
    with Workspace(admin) as server:
        server.sql(f"DROP DATABASE `wf_{workspace}`")


@contextmanager
def site(admin: str) -> Iterator[str]:
    """The url of a fresh workspace, which is dropped afterwards."""
    workspace = f"w{next(_numbers)}"
    url = create_site(admin, workspace)
    try:
        yield url
    finally:
        drop_site(admin, workspace)


@contextmanager
def sql_mode(admin: str, mode: str) -> Iterator[None]:
    """The mode of every connection that is opened meanwhile and sets none itself."""
    with Workspace(admin) as server:
        before = server.sql("SELECT @@GLOBAL.sql_mode AS mode")[0]["mode"]
        server.sql("SET GLOBAL sql_mode = %s", mode)
        try:
            yield
        finally:
            server.sql("SET GLOBAL sql_mode = %s", before)


def template(url: str) -> str:
    """The url with `{workspace}` in place of the workspace, as `platform.url` takes it."""
    made = make_url(url)
    assert made.database is not None
    return url.replace(f"/{made.database}", "/wf_{workspace}")


ENVIRONMENT: Final = {"PM_DB_PASSWORD": PASSWORD}
"""Where `declared` has the password."""


def declared(url: str) -> dict[str, Any]:
    """The platform of a url in a desired-state file, its password in the environment."""
    secret = "{{ env('PM_DB_PASSWORD') }}"
    return {
        "type": "processmaker",
        "url": template(url).replace(f":{PASSWORD}@", f":{secret}@"),
        "workspaces": [name(url)],
    }


def name(url: str) -> str:
    """The workspace of a url."""
    return str(make_url(url).database).removeprefix("wf_")


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)


def seed(workspace: Workspace) -> None:
    """The rows that the product's installation makes."""
    workspace.many(
        "RBAC_SYSTEMS",
        [
            {"SYS_UID": seeded(number), "SYS_CODE": code, "SYS_CREATE_DATE": CREATED}
            for number, code in ((1, "RBAC"), (2, "PROCESSMAKER"))
        ],
    )
    workspace.many(
        "RBAC_ROLES",
        [
            {
                "ROL_UID": role,
                "ROL_SYSTEM": seeded(1 if code == "RBAC_ADMIN" else 2),
                "ROL_CODE": code,
                "ROL_CREATE_DATE": CREATED,
                "ROL_UPDATE_DATE": CREATED,
            }
            for code, role in ROLES.items()
        ],
    )
    workspace.many(
        "CONTENT",
        [
            {"CON_CATEGORY": "ROL_NAME", "CON_ID": ROLES[code], "CON_LANG": "en", "CON_VALUE": text}
            for code, text in _ROLE_NAMES.items()
        ],
    )
    workspace.many(
        "RBAC_PERMISSIONS",
        [
            {"PER_UID": seeded(number), "PER_CODE": code, "PER_CREATE_DATE": CREATED}
            for number, code in ((1, "PM_LOGIN"), (2, "PM_SETUP"), (3, "PM_USERS"))
        ],
    )
    for role in ("PROCESSMAKER_ADMIN", "PROCESSMAKER_MANAGER"):
        workspace.insert("RBAC_ROLES_PERMISSIONS", ROL_UID=ROLES[role], PER_UID=seeded(3))
    for number, username, active in ((1, "admin", True), (2, "guest", False)):
        _seed_user(workspace, seeded(number), username, active=active)


def _seed_user(workspace: Workspace, user: str, username: str, *, active: bool) -> None:
    role = f"PROCESSMAKER_{username.upper()}"
    both = {
        "USR_UID": user,
        "USR_USERNAME": username,
        "USR_PASSWORD": uid("password", username),
        "USR_FIRSTNAME": "Administrator" if active else "Guest",
        "USR_EMAIL": f"{username}@processmaker.com",
        "USR_DUE_DATE": "2030-01-01",
        "USR_CREATE_DATE": CREATED,
        "USR_UPDATE_DATE": CREATED,
    }
    workspace.insert("USERS", **both, USR_STATUS="ACTIVE" if active else "INACTIVE", USR_ROLE=role)
    workspace.insert(
        "RBAC_USERS",
        **both,
        USR_STATUS=int(active),
        USR_AUTH_TYPE="MYSQL",
        UID_AUTH_SOURCE=NOBODY,
    )
    workspace.insert("RBAC_USERS_ROLES", USR_UID=user, ROL_UID=ROLES[role])
