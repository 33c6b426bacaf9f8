"""How known services differ from the generic one: the values of the keys that a file leaves out."""

from collections.abc import Mapping
from typing import Any, Final

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = {
    "generic": {},
    "aws": {
        "paging": "cursor",
        "update": "patch",
        "members": {"read": "users_filter"},
        "pace": {"concurrency": 4},
        "protect": ["AWS*"],
    },
    "github": {"paging": "index", "update": "patch", "pace": {"concurrency": 2}},
    "slack": {
        "paging": "index",
        "page_size": 1000,
        "update": "patch",
        "pace": {"concurrency": 3, "per_minute": 180},
    },
    "databricks": {
        "paging": "index",
        "update": "patch",
        "members": {"read": "each"},
        "fixed": ["group.externalId"],
        "pace": {"concurrency": 4},
    },
    "snowflake": {
        "paging": "index",
        "update": "patch",
        "members": {"read": "each"},
        "pace": {"concurrency": 4},
    },
    "google": {
        "paging": "none",
        "update": "patch",
        "members": {"read": "each"},
        "pace": {"concurrency": 2},
    },
    "entra": {
        "paging": "index",
        "update": "patch",
        "members": {"remove": "value"},
        "pace": {"concurrency": 4},
    },
    "canaille": {
        "paging": "none",
        "update": "patch",
        "match": ["user_name"],
        "members": {"reference": True},
        "fixed": ["user.userName", "group.displayName"],
        "require": {
            "name.formatted": "{first_name} {last_name}",
            "name.familyName": "{last_name}",
        },
        "drop": [
            *("externalId", "group.externalId", "roles", "manager"),
            *("emails.type", "emails.primary"),
        ],
        "pace": {"concurrency": 4},
    },
    "django-scim2": {
        "paging": "index",
        "page_size": 50,
        "update": "put",
        "members": {"per_request": 50, "remove": "value"},
        "drop": ["roles", "manager"],
        "pace": {"concurrency": 4},
    },
    "openwebui": {
        "paging": "index",
        "update": "patch",
        "members": {"read": "each"},
        "protect": ["admin*"],
        "pace": {"concurrency": 4},
    },
    "zscaler": {
        "paging": "index",
        "update": "patch",
        "pace": {"concurrency": 1, "per_minute": 300},
    },
}
"""Service → key → value. What a file says goes before; of `members` and `pace` each part does."""
