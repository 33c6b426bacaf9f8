"""Fills a workspace as a site that has run for years: synchronised, administered, worked with, and damaged.

    product, directory = company(workspace)   # a small company, synchronised by the product
    belongings(workspace, "ann")              # what a user leaves in every table
    oddities(product)                         # what the product, upgrades and hands get wrong

`COMPANY` is the directory in the short form of `tests.scenarios.stage.ldif`.
"""

from datetime import datetime
from typing import Any, Final

from tests.processmaker.directory import Directory
from tests.processmaker.product import Product, Source
from tests.processmaker.tables import ADMIN, NOBODY, ROLES, ZERO_DATE, Workspace, uid
from tests.scenarios.stage import ldif

AT: Final = datetime(2025, 6, 2, 3, 0, 0)  # noqa: DTZ001 - the product knows no time zones
BASE: Final = "dc=example,dc=com"
_UNIQUE: Final = {"objectClass": "groupOfUniqueNames"}

Entries = dict[str, dict[str, Any] | None]


def person(surname: str, **more: Any) -> dict[str, Any]:
    return {"sn": surname, "givenName": "The"} | more


COMPANY: Final[Entries] = {
    "ou=Sales": None,
    "ou=Ads,ou=Sales": {"ou": "Ads"},
    "ou=Tech": None,
    "ou=Retired": None,
    "uid=ann,ou=Sales": person("Ash", telephoneNumber="+1 555 1", title="Head of Sales"),
    "uid=bob,ou=Sales": person("Birch", manager="uid=ann,ou=Sales"),
    "uid=cid,ou=Ads,ou=Sales": person("Cedar"),
    "uid=dan,ou=Tech": person("Dogwood", telephoneNumber="+1 555 4"),
    "uid=eve,ou=Tech": person("Elm"),
    "uid=fay,ou=Tech": person("Fir"),
    "uid=gil": person("Guava"),
    "uid=hal": person("Hazel"),
    "cn=staff": _UNIQUE
    | {"uniqueMember": ["uid=ann,ou=Sales", "uid=bob,ou=Sales", "uid=dan,ou=Tech", "uid=gil"]},
    "cn=devs": _UNIQUE | {"uniqueMember": ["uid=dan,ou=Tech", "uid=eve,ou=Tech"]},
}
"""Six people in departments, one who is only in a group, one who is in nothing."""
GROUPS: Final = ("staff", "devs")
DEPARTMENTS: Final = {
    "Sales": f"ou=Sales,{BASE}",
    "Ads": f"ou=Ads,ou=Sales,{BASE}",
    "Tech": f"ou=Tech,{BASE}",
}


def directory(entries: Entries) -> tuple[str, Directory]:
    """The LDIF text of a directory, and the product's view of it."""
    text = ldif(entries)
    return text, Directory(text)


def company(
    workspace: Workspace, entries: Entries | None = None, at: datetime = AT, **source: Any
) -> Product:
    """The product with one source `corp`, its groups and departments ticked, after its first run."""
    product = Product(workspace, at)
    grid = (("telephoneNumber", "USR_PHONE", ""), ("title", "badge", ""))
    product.add_source(Source("corp", retired_ou="Retired", **{"grid": grid} | source))
    workspace.insert("USER_EXTENDED_ATTRIBUTES", UEA_NAME="Badge", UEA_ATTRIBUTE_ID="badge")
    for title in GROUPS:
        product.select_group(f"cn={title},{BASE}", title)
    for title, dn in DEPARTMENTS.items():
        product.select_department(dn, title)
    product.cron({"corp": directory(COMPANY if entries is None else entries)[1]})
    return product


def people(product: Product) -> None:
    """What administrators do beside the synchroniser: local users, vacations, a role of their own, a manager."""
    db = product.db
    db.insert(
        "RBAC_ROLES",
        ROL_UID=uid("role", "clerk"),
        ROL_SYSTEM=ROLES["RBAC_ADMIN"][:-1] + "2",
        ROL_CODE="CLERK",
    )
    product.add_user("root", "PROCESSMAKER_ADMIN")
    product.add_user("clerk", "CLERK")
    by_hand = product.add_group("by hand")
    for username in ("root", "ann"):
        number = db.row("GROUPWF", GRP_UID=by_hand)["GRP_ID"]
        user = db.user(username)["USR_UID"]
        db.insert("GROUP_USER", GRP_UID=by_hand, GRP_ID=number, USR_UID=user)
    product.add_department("Reception")
    _status(db, "fay", "VACATION")
    product.set_manager("Tech", "dan")


def _status(db: Workspace, username: str, status: str) -> None:
    key = {"USR_UID": db.user(username)["USR_UID"]}
    db.update("USERS", key, USR_STATUS=status)
    db.update("RBAC_USERS", key, USR_STATUS=int(status in ("ACTIVE", "VACATION")))


def processes(product: Product) -> None:
    """A process whose task, permission and supervisor use the group devs; one of ann's own."""
    db = product.db
    devs = db.row("GROUPWF", GRP_TITLE="devs")["GRP_UID"]
    db.insert(
        "PROCESS",
        PRO_UID=uid("process", 1),
        PRO_TITLE="Leave requests",
        PRO_CREATE_DATE="2025-01-01",
        PRO_CREATE_USER=db.user("ann")["USR_UID"],
    )
    db.insert("TASK_USER", TAS_UID=uid("task", 1), USR_UID=devs, TU_RELATION=2)
    db.insert(
        "OBJECT_PERMISSION",
        OP_UID=uid("permission", 1),
        PRO_UID=uid("process", 1),
        USR_UID=devs,
        OP_USER_RELATION=2,
    )
    db.insert(
        "PROCESS_USER",
        PU_UID=uid("supervisor", 1),
        PRO_UID=uid("process", 1),
        USR_UID=devs,
        PU_TYPE="GROUP_SUPERVISOR",
    )


def belongings(db: Workspace, username: str) -> None:
    """A row of this user in every table that has one, copies of the name included; a case above all."""
    row = db.user(username)
    user, names = (
        row["USR_UID"],
        {name: row[f"USR_{name}"] for name in ("USERNAME", "FIRSTNAME", "LASTNAME")},
    )
    made, when = uid("belongings", username), "2025-05-01 10:00:00"
    task, process = {"TAS_UID": uid("task", 2)}, {"PRO_UID": uid("process", 2)}
    db.insert("TASK_USER", **task, USR_UID=user, TU_RELATION=1)
    db.insert("OBJECT_PERMISSION", OP_UID=made, **process, USR_UID=user, OP_USER_RELATION=1)
    db.insert("PROCESS_USER", PU_UID=made, **process, USR_UID=user, PU_TYPE="SUPERVISOR")
    db.insert(
        "PROCESS", PRO_UID=made, PRO_TITLE="Owned", PRO_CREATE_DATE=when, PRO_CREATE_USER=user
    )
    db.insert(
        "DASHLET_INSTANCE",
        DAS_INS_UID=made,
        DAS_INS_OWNER_TYPE="USER",
        DAS_INS_OWNER_UID=user,
        DAS_INS_CREATE_DATE=when,
    )
    db.insert("SESSION", SES_UID=made, USR_UID=user)
    db.insert("LOGIN_LOG", LOG_UID=made, USR_UID=user, LOG_IP="192.0.2.7")
    db.insert(
        "OAUTH_CLIENTS",
        CLIENT_ID=made,
        CLIENT_SECRET="x",
        CLIENT_NAME=f"App of {username}",
        CLIENT_DESCRIPTION="",
        CLIENT_WEBSITE="",
        REDIRECT_URI="",
        USR_UID=user,
    )
    token = {"CLIENT_ID": made, "USER_ID": user, "EXPIRES": when}
    db.insert("OAUTH_ACCESS_TOKENS", ACCESS_TOKEN=made, **token)
    db.insert("OAUTH_REFRESH_TOKENS", REFRESH_TOKEN=made, **token)
    db.insert("OAUTH_AUTHORIZATION_CODES", AUTHORIZATION_CODE=made, **token)
    db.insert(
        "PMOAUTH_USER_ACCESS_TOKENS",
        ACCESS_TOKEN=made,
        USER_ID=user,
        SESSION_ID=made,
        SESSION_NAME="s",
    )
    db.insert("USERS_PROPERTIES", USR_UID=user, USR_PASSWORD_HISTORY=f"history of {username}")
    db.insert("USER_CONFIG", USR_ID=row["USR_ID"], USC_NAME="inbox", USC_SETTING=f"of {username}")
    db.insert(
        "NOTIFICATION_DEVICE",
        DEV_UID=made,
        USR_UID=user,
        DEV_REG_ID=f"phone of {username}",
        DEV_CREATE=when,
        DEV_UPDATE=when,
    )
    _case(db, user, row["USR_ID"], names, {"APP_UID": made, **task, **process}, when)


def _case(
    db: Workspace, user: str, number: int, names: dict[str, str], case: dict[str, str], when: str
) -> None:
    """A case at the user, who also sent it: the delegation, and the lists with copies of the names."""
    current = {f"DEL_CURRENT_USR_{name}": text for name, text in names.items()}
    previous = {f"DEL_PREVIOUS_USR_{name}": text for name, text in names.items()}
    previous["DEL_PREVIOUS_USR_UID"] = user
    ids = {"USR_UID": user, "USR_ID": number}
    db.insert(
        "APP_DELEGATION",
        **case,
        **ids,
        DEL_INDEX=1,
        DEL_DELEGATE_DATE=when,
        DEL_DATA="",
        DEL_TITLE="A case",
    )
    date = {"DEL_DELEGATE_DATE": when}
    db.insert("LIST_INBOX", **case, **ids, **previous, **date)
    db.insert("LIST_PARTICIPATED_HISTORY", **case, **ids, **previous, **current, **date)
    db.insert("LIST_PARTICIPATED_LAST", **case, **ids, **previous, **current, **date)
    db.insert("LIST_COMPLETED", **case, **ids, **current, DEL_PREVIOUS_USR_UID=user)
    db.insert("LIST_CANCELED", **case, **ids, **current, **date, DEL_PREVIOUS_USR_UID=user)
    db.insert(
        "LIST_PAUSED",
        **case,
        **ids,
        **previous,
        **current,
        **date,
        APP_PAUSED_DATE=when,
        APP_RESTART_DATE=when,
    )
    db.insert(
        "LIST_MY_INBOX", **case, **ids, **previous, **current, **date, DEL_CURRENT_USR_UID=user
    )
    db.insert("LIST_UNASSIGNED", **case, **previous, **date, APP_UPDATE_DATE=when)
    full = f"{names['LASTNAME']} {names['FIRSTNAME']}"
    db.insert(
        "APP_CACHE_VIEW",
        **case,
        **date,
        USR_UID=user,
        PREVIOUS_USR_UID=user,
        APP_CURRENT_USER=full,
        APP_DEL_PREVIOUS_USER=full,
    )


def oddities(product: Product) -> None:
    """Every kind of damage that such tables are known to have."""
    db = product.db
    users = {row["USR_USERNAME"]: row["USR_UID"] for row in db.rows("USERS")}
    # Statuses and roles that disagree.
    db.update("RBAC_USERS", {"USR_UID": users["cid"]}, USR_STATUS=0)
    db.update("USERS", {"USR_UID": users["eve"]}, USR_ROLE="PROCESSMAKER_MANAGER")
    # Somebody without a twin, in each direction, and somebody without a role.
    made = product.add_user("half")
    db.delete("RBAC_USERS", USR_UID=made)
    made = product.add_user("other-half")
    db.delete("USERS", USR_UID=made)
    made = product.add_user("roleless")
    db.delete("RBAC_USERS_ROLES", USR_UID=made)
    # Two groups of one title, of which one is not active; a group without its copy of the title.
    product.add_group("twice")
    second = product.add_group("twice")
    db.update("GROUPWF", {"GRP_UID": second}, GRP_STATUS="INACTIVE")
    made = product.add_group("no content")
    db.delete("CONTENT", CON_ID=made)
    made = product.add_group("renamed in one place")
    db.update("CONTENT", {"CON_ID": made}, CON_VALUE="the old name")
    # Memberships, departments, managers and managers of departments that lead nowhere.
    db.insert("GROUP_USER", GRP_UID=uid("nothing"), USR_UID=users["ann"])
    db.insert("GROUP_USER", GRP_UID=second, USR_UID=uid("nobody"))
    product.add_department("Lost", uid("no department"))
    db.update("DEPARTMENT", {"DEP_TITLE": "Ads"}, DEP_MANAGER=uid("nobody"))
    db.update("USERS", {"USR_UID": users["root"]}, USR_REPORTS_TO=uid("nobody"))
    # Users whom the product erased: all of them have the same empty name, and dates that do not exist.
    for number in range(2):
        erased(db, number)


def erased(db: Workspace, number: int) -> None:
    """A user that the product erased before."""
    user, zero = uid("erased", number), f"{ZERO_DATE} 00:00:00"
    both = {
        "USR_UID": user,
        "USR_FIRSTNAME": "unknown",
        "USR_LASTNAME": "unknown",
        "USR_PASSWORD": NOBODY,
        "USR_DUE_DATE": ZERO_DATE,
        "USR_CREATE_DATE": zero,
        "USR_UPDATE_DATE": zero,
    }
    db.insert(
        "USERS", **both, USR_STATUS="CLOSED", USR_STATUS_ID=0, USR_ROLE="PROCESSMAKER_OPERATOR"
    )
    db.insert(
        "RBAC_USERS",
        **both,
        USR_STATUS=0,
        USR_AUTH_TYPE="ldapadvanced",
        UID_AUTH_SOURCE=uid("source", "corp"),
        USR_AUTH_USER_DN=f"uid=gone{number},ou=Sales,{BASE}",
    )
    db.insert("RBAC_USERS_ROLES", USR_UID=user, ROL_UID=ROLES["PROCESSMAKER_OPERATOR"])


def filled(workspace: Workspace) -> Product:
    """Everything: a site to take over."""
    product = company(workspace)
    people(product)
    processes(product)
    belongings(workspace, "ann")
    belongings(workspace, "bob")
    oddities(product)
    return product


__all__ = ["ADMIN", "COMPANY", "belongings", "company", "directory", "filled", "oddities"]
