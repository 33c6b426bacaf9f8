"""What has to be equal in a workspace of ProcessMaker, because the product keeps it in two places."""

from collections import Counter
from collections.abc import Iterator

from tests.processmaker.tables import Workspace

_SAME = ("USR_USERNAME", "USR_FIRSTNAME", "USR_LASTNAME", "USR_EMAIL", "USR_DUE_DATE")


def unequal(db: Workspace) -> set[str]:
    """Every place where the tables disagree, in a word and the row's UID; empty for a sound site."""
    return {*_users(db), *_roles(db), *_titles(db), *_references(db)}


def _users(db: Workspace) -> Iterator[str]:
    users = {row["USR_UID"]: row for row in db.rows("USERS")}
    twins = {row["USR_UID"]: row for row in db.rows("RBAC_USERS")}
    for user in users.keys() ^ twins.keys():
        yield f"no twin {user}"
    for user in users.keys() & twins.keys():
        row, twin = users[user], twins[user]
        yield from (f"{column} {user}" for column in _SAME if row[column] != twin[column])
        if (row["USR_STATUS"] in ("ACTIVE", "VACATION")) != bool(twin["USR_STATUS"]):
            yield f"USR_STATUS {user}"
    names = Counter(row["USR_USERNAME"].lower() for row in users.values() if row["USR_USERNAME"])
    yield from (f"two users {username}" for username, count in names.items() if count > 1)


def _roles(db: Workspace) -> Iterator[str]:
    codes = {row["ROL_UID"]: row["ROL_CODE"] for row in db.rows("RBAC_ROLES")}
    held: dict[str, list[str]] = {}
    for row in db.rows("RBAC_USERS_ROLES"):
        held.setdefault(row["USR_UID"], []).append(codes.get(row["ROL_UID"], ""))
    for row in db.rows("USERS"):
        if row["USR_STATUS"] != "CLOSED" and held.get(row["USR_UID"]) != [row["USR_ROLE"]]:
            yield f"role {row['USR_UID']}"


def _titles(db: Workspace) -> Iterator[str]:
    for table, prefix, category in (
        ("GROUPWF", "GRP", "GRP_TITLE"),
        ("DEPARTMENT", "DEP", "DEPO_TITLE"),
    ):
        titles = {row[f"{prefix}_UID"]: row[f"{prefix}_TITLE"] for row in db.rows(table)}
        copies = {
            row["CON_ID"]: row["CON_VALUE"]
            for row in db.rows("CONTENT", CON_CATEGORY=category, CON_LANG="en")
        }
        yield from (
            f"title {one}"
            for one in titles.keys() | copies.keys()
            if titles.get(one) != copies.get(one)
        )


def _references(db: Workspace) -> Iterator[str]:
    users = {row["USR_UID"]: row["USR_ID"] for row in db.rows("USERS")}
    groups = {row["GRP_UID"]: row["GRP_ID"] for row in db.rows("GROUPWF")}
    departments = {row["DEP_UID"] for row in db.rows("DEPARTMENT")} | {""}
    for row in db.rows("GROUP_USER"):
        pair = f"{row['USR_UID']} {row['GRP_UID']}"
        if row["USR_UID"] not in users or row["GRP_UID"] not in groups:
            yield f"member {pair}"
        elif row["USR_ID"] not in (0, users[row["USR_UID"]]):
            yield f"USR_ID {pair}"
        elif row["GRP_ID"] not in (0, groups[row["GRP_UID"]]):
            yield f"GRP_ID {pair}"
    for row in db.rows("DEPARTMENT"):
        if row["DEP_PARENT"] not in departments:
            yield f"DEP_PARENT {row['DEP_UID']}"
        if row["DEP_MANAGER"] and row["DEP_MANAGER"] not in users:
            yield f"DEP_MANAGER {row['DEP_UID']}"
    for row in db.rows("USERS"):
        if row["DEP_UID"] not in departments:
            yield f"DEP_UID {row['USR_UID']}"
        if row["USR_REPORTS_TO"] and row["USR_REPORTS_TO"] not in users:
            yield f"USR_REPORTS_TO {row['USR_UID']}"
