"""Connections as files: one source's settings out as JSON, and in again as YAML.

- `describing`: a source as plain settings, without its password.
- `files`: our own format, read and written. `flat`: the flat format of ProcessMaker 3.x, read.
- `yamltext`: settings as YAML text. `editing`: YAML files changed where needed and left alone elsewhere.
- `placing`: what an import does to the desired-state files. `cautions`: what a person has to know about it.
- `certificates`: fingerprints of certificate authorities.
"""

from reconcile.connections.describe import described
from reconcile.connections.files import Connection, dumps, is_connection, loads
from reconcile.connections.fingerprints import fingerprints
from reconcile.connections.place import Files, Found, Placed, add, find, update

__all__ = [
    "Connection",
    "Files",
    "Found",
    "Placed",
    "add",
    "described",
    "dumps",
    "find",
    "fingerprints",
    "is_connection",
    "loads",
    "update",
]
