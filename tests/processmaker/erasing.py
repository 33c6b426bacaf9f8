"""How the product erases a user: what it deletes, what it overwrites, and what it leaves behind."""

from typing import Final

from tests.processmaker.tables import ADMIN, ZERO_DATE, Workspace

_DELETED: Final[dict[str, dict[str, object]]] = {
    "GROUP_USER": {"USR_UID": None},
    "TASK_USER": {"USR_UID": None, "TU_RELATION": 1},
    "OBJECT_PERMISSION": {"USR_UID": None, "OP_USER_RELATION": 1},
    "PROCESS_USER": {"USR_UID": None, "PU_TYPE": "SUPERVISOR"},
    "DASHLET_INSTANCE": {"DAS_INS_OWNER_UID": None, "DAS_INS_OWNER_TYPE": "USER"},
    "SESSION": {"USR_UID": None},
    "LOGIN_LOG": {"USR_UID": None},
    "OAUTH_ACCESS_TOKENS": {"USER_ID": None},
    "OAUTH_REFRESH_TOKENS": {"USER_ID": None},
    "OAUTH_AUTHORIZATION_CODES": {"USER_ID": None},
    "PMOAUTH_USER_ACCESS_TOKENS": {"USER_ID": None},
    "OAUTH_CLIENTS": {"USR_UID": None},
}
"""The rows that go, by table; None stands for the user."""
_EMPTIED: Final = (
    *("USR_COUNTRY", "USR_CITY", "USR_LOCATION", "USR_ADDRESS", "USR_PHONE", "USR_FAX"),
    *("USR_CELLULAR", "USR_ZIP_CODE", "USR_TIME_ZONE"),
)


def erase(workspace: Workspace, user: str) -> None:
    """The DN, which has the name in it, the department, the position, the role and the subordinates' manager stay."""
    for table, where in _DELETED.items():
        equal = {name: user if value is None else value for name, value in where.items()}
        workspace.delete(table, **equal)
    workspace.update("PROCESS", {"PRO_CREATE_USER": user}, PRO_CREATE_USER=ADMIN)
    both = {
        "USR_USERNAME": "",
        "USR_FIRSTNAME": "unknown",
        "USR_LASTNAME": "unknown",
        "USR_EMAIL": "",
        "USR_DUE_DATE": ZERO_DATE,
        "USR_CREATE_DATE": f"{ZERO_DATE} 00:00:00",
        "USR_UPDATE_DATE": f"{ZERO_DATE} 00:00:00",
    }
    workspace.update(
        "USERS",
        {"USR_UID": user},
        **both,
        **dict.fromkeys(_EMPTIED, ""),
        USR_STATUS="CLOSED",
        USR_STATUS_ID=0,
        USR_BIRTHDAY=ZERO_DATE,
        USR_LAST_LOGIN=f"{ZERO_DATE} 00:00:00",
        USR_EXTENDED_ATTRIBUTES_DATA="{}",
    )
    # The product writes the text CLOSED into this number; a server that is not strict makes it 0.
    workspace.update("RBAC_USERS", {"USR_UID": user}, **both, USR_STATUS="CLOSED")
