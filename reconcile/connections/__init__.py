"""Connections as files: one source's settings exported as JSON and imported as YAML.

- `describe`: a source as plain settings, without its password.
- `files`: our own format, written, and read by `untrusted_json`.
- `processmaker_file`: the format of ProcessMaker 3.x, read: its single `_values`, its `_filters`,
  its `_grid` of attributes; the `_rest` leads to warnings.
- `yaml_text`: settings as YAML text. `yaml_edit`: changes in YAML files, the rest untouched.
- `place`: where an import writes in the desired-state files; `wishes`: what it changes there.
- `cautions`: warnings after it.
- `fingerprints`: of certificate authorities.
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
