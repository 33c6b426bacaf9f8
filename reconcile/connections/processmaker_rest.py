"""What an import of ProcessMaker's flat connection file leaves out, with a warning for each."""

import re
from typing import Final

from reconcile.config.yaml.nodes import shortened
from reconcile.connections.processmaker_values import Values

_OF_THE_FORM: Final = re.compile(
    r"(AUTH_SOURCE_)?CUSTOM_.*|AUTH_SOURCE_ATTRIBUTE_IDS|AUTH_SOURCE_GRID_TEXT|.*-checkbox"
)
"""Used only by the product's settings page: copies of other keys and states of its fields."""


def warn_of_the_rest(values: Values) -> None:
    """Warnings about every key with a value that the import does not use."""
    if values.text("AUTH_SOURCE_PASSWORD"):
        values.warn(
            "AUTH_SOURCE_PASSWORD is ignored: a password never comes from a file like this. "
            "Change it if it was real"
        )
    if values.text("AUTH_SOURCE_UID"):
        values.warn("AUTH_SOURCE_UID is ignored: sources are identified by name")
    if role := values.text("USR_ROLE"):
        name = values.text("AUTH_SOURCE_NAME")
        values.warn(
            f"USR_ROLE is left out: role_mappings say which role people get, "
            f"as in {{role: {shortened(role)}, source: {shortened(name)}, default: true}}"
        )
    _warn_of_unread(values)


def _warn_of_unread(values: Values) -> None:
    """Keys that nothing reads: unknown ones, and those of the product's own page that are set."""
    for key, value in values.unread():
        if not _OF_THE_FORM.fullmatch(key):
            values.warn(f"{shortened(key)} is not known and is ignored")
        elif value not in ("0", 0, False):
            values.warn(
                f"{shortened(key)} is ignored: it belongs to the page it was downloaded from"
            )
