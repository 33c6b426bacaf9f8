"""The product's tables, as far as they matter here, and the side table of reconcile."""

from typing import Final

import sqlalchemy as sa

metadata = sa.MetaData()


def _table(name: str, *texts: str, numbers: tuple[str, ...] = ()) -> sa.Table:
    """A table with columns of text and of numbers; dates are text here."""
    return sa.Table(
        name,
        metadata,
        *(sa.Column(text, sa.String) for text in texts),
        *(sa.Column(number, sa.Integer) for number in numbers),
    )


users: Final = _table(
    "USERS",
    *("USR_UID", "USR_USERNAME", "USR_PASSWORD", "USR_FIRSTNAME", "USR_LASTNAME", "USR_EMAIL"),
    *("USR_DUE_DATE", "USR_CREATE_DATE", "USR_UPDATE_DATE", "USR_STATUS", "DEP_UID", "USR_ROLE"),
    *("USR_REPORTS_TO", "USR_REPLACED_BY", "USR_UX", "USR_EXTENDED_ATTRIBUTES_DATA"),
    *("USR_ADDRESS", "USR_PHONE", "USR_FAX", "USR_CELLULAR", "USR_ZIP_CODE", "USR_POSITION"),
    *("USR_COUNTRY", "USR_CITY", "USR_LOCATION", "USR_TIME_ZONE", "USR_DEFAULT_LANG"),
    *("USR_RESUME", "USR_BIRTHDAY", "USR_LAST_LOGIN", "USR_BOOKMARK_START_CASES"),
    *("USR_PMDRIVE_FOLDER_UID", "USR_UNIT_COST"),
    numbers=("USR_ID", "USR_STATUS_ID", "USR_COST_BY_HOUR"),
)
rbac_users: Final = _table(
    "RBAC_USERS",
    *("USR_UID", "USR_USERNAME", "USR_PASSWORD", "USR_FIRSTNAME", "USR_LASTNAME", "USR_EMAIL"),
    *("USR_DUE_DATE", "USR_CREATE_DATE", "USR_UPDATE_DATE", "USR_AUTH_TYPE", "UID_AUTH_SOURCE"),
    *("USR_AUTH_USER_DN", "USR_AUTH_SUPERVISOR_DN"),
    numbers=("USR_STATUS",),
)
roles: Final = _table("RBAC_ROLES", "ROL_UID", "ROL_SYSTEM", "ROL_CODE", numbers=("ROL_STATUS",))
users_roles: Final = _table("RBAC_USERS_ROLES", "USR_UID", "ROL_UID")
sources: Final = _table(
    "RBAC_AUTHENTICATION_SOURCE",
    *("AUTH_SOURCE_UID", "AUTH_SOURCE_NAME", "AUTH_SOURCE_PROVIDER", "AUTH_SOURCE_SERVER_NAME"),
    *("AUTH_SOURCE_VERSION", "AUTH_SOURCE_BASE_DN", "AUTH_SOURCE_SEARCH_USER"),
    *("AUTH_SOURCE_PASSWORD", "AUTH_SOURCE_ATTRIBUTES", "AUTH_SOURCE_OBJECT_CLASSES"),
    "AUTH_SOURCE_DATA",
    numbers=("AUTH_SOURCE_PORT", "AUTH_SOURCE_ENABLED_TLS", "AUTH_ANONYMOUS"),
)
groups: Final = _table(
    "GROUPWF",
    *("GRP_UID", "GRP_TITLE", "GRP_STATUS", "GRP_LDAP_DN", "GRP_UX"),
    numbers=("GRP_ID",),
)
members: Final = _table("GROUP_USER", "GRP_UID", "USR_UID", numbers=("GRP_ID", "USR_ID"))
departments: Final = _table(
    "DEPARTMENT",
    *("DEP_UID", "DEP_TITLE", "DEP_PARENT", "DEP_MANAGER", "DEP_STATUS", "DEP_LDAP_DN"),
)
content: Final = _table("CONTENT", "CON_CATEGORY", "CON_PARENT", "CON_ID", "CON_LANG", "CON_VALUE")
attributes: Final = _table("USER_EXTENDED_ATTRIBUTES", "UEA_NAME", "UEA_ATTRIBUTE_ID")
tasks: Final = _table("TASK_USER", "TAS_UID", "USR_UID", numbers=("TU_RELATION",))
permissions: Final = _table(
    "OBJECT_PERMISSION", "OP_UID", "PRO_UID", "USR_UID", numbers=("OP_USER_RELATION",)
)
process_users: Final = _table("PROCESS_USER", "PRO_UID", "USR_UID", "PU_TYPE")
processes: Final = _table("PROCESS", "PRO_UID", "PRO_TITLE", "PRO_CREATE_USER")
dashlets: Final = _table(
    "DASHLET_INSTANCE", "DAS_INS_UID", "DAS_INS_OWNER_TYPE", "DAS_INS_OWNER_UID"
)
delegations: Final = _table("APP_DELEGATION", "USR_UID")

kept: Final = sa.Table(
    "RECONCILE_KEPT",
    sa.MetaData(),
    sa.Column("KIND", sa.String(16), primary_key=True),
    sa.Column("UID", sa.String(32), primary_key=True),
    sa.Column("VALUE", sa.Text, nullable=False),
    mariadb_engine="InnoDB",
    mariadb_default_charset="utf8mb4",
)
"""What the product has no place for, or must not see; `kept` says what."""
REQUIRED: Final = (
    *(users, rbac_users, roles, users_roles, sources, groups, members, departments, content),
)
"""Without one of these a database is none of the product's."""
