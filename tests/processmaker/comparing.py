"""Two workspaces row by row, with names in place of what each of them made up.

    differences(product_workspace, our_workspace)
    {"USERS ann USR_STATUS": ("INACTIVE", "ACTIVE"), "GROUP_USER bob staff": ("missing", "there")}

UIDs, passwords and the dates of creating and changing differ between any two sites; of the numbers
of rows it is compared whether there is one.
"""

from collections.abc import Mapping
from typing import Any, Final

from tests.processmaker.tables import Row, Workspace

_NAMED: Final = {
    "USERS": ("USR_UID", "USR_USERNAME"),
    "GROUPWF": ("GRP_UID", "GRP_TITLE"),
    "DEPARTMENT": ("DEP_UID", "DEP_TITLE"),
    "RBAC_ROLES": ("ROL_UID", "ROL_CODE"),
    "RBAC_AUTHENTICATION_SOURCE": ("AUTH_SOURCE_UID", "AUTH_SOURCE_NAME"),
}
_COMPARED: Final[dict[str, tuple[str, ...]]] = {
    "USERS": ("USR_UID",),
    "RBAC_USERS": ("USR_UID",),
    "RBAC_USERS_ROLES": ("USR_UID", "ROL_UID"),
    "GROUPWF": ("GRP_UID",),
    "GROUP_USER": ("USR_UID", "GRP_UID"),
    "DEPARTMENT": ("DEP_UID",),
    "CONTENT": ("CON_CATEGORY", "CON_ID", "CON_LANG"),
    "RBAC_AUTHENTICATION_SOURCE": ("AUTH_SOURCE_UID",),
}
"""The tables that a synchroniser writes, with what names a row in them."""
_OWN: Final = {"USR_PASSWORD", "USR_CREATE_DATE", "USR_UPDATE_DATE"}
_NUMBERS: Final = {"USR_ID", "GRP_ID"}
MISSING: Final = "missing"
THERE: Final = "there"

Named = dict[str, Row]


def named(workspace: Workspace) -> Named:
    """Every compared row, as `TABLE name name` → its columns."""
    names = _names(workspace)
    rows: Named = {}
    for table, keys in _COMPARED.items():
        for row in workspace.rows(table):
            plain = {
                column: _plain(column, value, names)
                for column, value in row.items()
                if column not in _OWN
            }
            rows[" ".join([table, *(str(plain[key]) for key in keys)])] = plain
    return rows


def _plain(column: str, value: Any, names: Mapping[str, str]) -> Any:
    if column in _NUMBERS:
        return THERE if value else MISSING
    return names.get(value, value) if isinstance(value, str) else value


def _names(workspace: Workspace) -> dict[str, str]:
    """What stands for each UID. Erased users have no name: they are counted in the order of their DNs."""
    names = {
        row[key]: row[name]
        for table, (key, name) in _NAMED.items()
        for row in workspace.rows(table)
    }
    erased = sorted(user for user, name in names.items() if not name)
    return names | {user: f"erased {number}" for number, user in enumerate(erased, 1)}


def differences(theirs: Workspace, ours: Workspace) -> dict[str, tuple[Any, Any]]:
    """`TABLE name COLUMN` → what the product has, and what we have."""
    first, second = named(theirs), named(ours)
    found: dict[str, tuple[Any, Any]] = {}
    for key in sorted(first.keys() | second.keys()):
        if key not in first or key not in second:
            found[key] = (MISSING, THERE) if key not in first else (THERE, MISSING)
        else:
            found |= _of_row(key, first[key], second[key])
    return found


def _of_row(
    key: str, first: Mapping[str, Any], second: Mapping[str, Any]
) -> dict[str, tuple[Any, Any]]:
    return {
        f"{key} {column}": (first[column], second[column])
        for column in first
        if first[column] != second[column]
    }
