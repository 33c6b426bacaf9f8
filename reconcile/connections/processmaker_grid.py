"""The extended attributes of ProcessMaker's flat connection file: a grid with a row for each."""

import re

from reconcile.config.templates.entry_templates import RESERVED
from reconcile.config.yaml.nodes import shortened
from reconcile.connections.describe import Settings
from reconcile.connections.processmaker_rest import warn_of_the_rest
from reconcile.connections.processmaker_values import Values

ATTRIBUTE = re.compile(r"[A-Za-z][A-Za-z0-9-]*(?:;[A-Za-z0-9-]+)*|[0-9]+(?:\.[0-9]+)+")
"""The name of an attribute in the directory."""
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def attributes(values: Values) -> list[Settings] | None:
    """The extended attributes; None if the file does not mention them."""
    key = "AUTH_SOURCE_GRID_ATTRIBUTE"
    grid, switch = values.value(key), values.value("AUTH_SOURCE_SHOWGRID")
    rows = list(grid.values()) if isinstance(grid, dict) else grid
    if rows in (None, ""):
        return None
    if not isinstance(rows, list):
        values.fault(key, "expected a list of attributes")
        return None
    if rows and str(switch).lower() in ("0", "off") and isinstance(switch, str):
        values.warn(f"{key} is left out: AUTH_SOURCE_SHOWGRID is off")
        return None
    settings: list[Settings] = []
    for number, row in enumerate(rows):
        _take_attribute(values, settings, f"{key}[{number}]", row)
    return settings


def _take_attribute(values: Values, attributes: list[Settings], place: str, row: object) -> None:
    """Adds the attribute in a row of the grid to `attributes`."""
    if not isinstance(row, dict):
        values.fault(place, "expected attributeLdap, attributeUser and attributeRole")
        return
    cells = Values(row)
    attribute = cells.text("attributeLdap")
    field, role = cells.text("attributeUser"), cells.text("attributeRole")
    warn_of_the_rest(cells)
    values.warnings += [f"{place}: {text}" for text in cells.warnings]
    values.faults += [(f"{place}.{key}", text) for key, text in cells.faults]
    if field and ATTRIBUTE.fullmatch(attribute):
        _put(attributes, field, f"{{{{ {_variable(attribute)} }}}}", role)
    else:
        pair = f"{shortened(attribute)} to {shortened(field)}"
        values.warn(f"{place} is left out: {pair} names no attribute")


def _variable(attribute: str) -> str:
    """How a template names an attribute: bare, if that is a name and has no other meaning."""
    if _NAME.fullmatch(attribute) and attribute not in RESERVED:
        return attribute
    return f"attr['{attribute}']"


def _put(attributes: list[Settings], field: str, value: str, role: str) -> None:
    """Adds an attribute; one for several roles is one attribute. `role`: "" for all of them."""
    new: Settings = {"field": field, "value": value}
    if not role:
        attributes.append(new)
        return
    for attribute in attributes:
        if "roles" in attribute and attribute == new | {"roles": attribute["roles"]}:
            attribute["roles"] = list(dict.fromkeys([*attribute["roles"], role]))
            return
    attributes.append(new | {"roles": [role]})
