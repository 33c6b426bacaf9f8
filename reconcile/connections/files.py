"""Connection files: JSON text to settings and back. Their content is never trusted.

The beginning of a file of our own:

    {
      "format": "reconcile connection",
      "version": 1,
      "ca_certificates": ["5f0c…"],
      "source": {
        "name": "corp",
        "type": "openldap",
        "servers": ["ldap://ldap.example.com"],
        "tls": {"mode": "starttls", "ca_file": "ca.pem", "server_name": null, "verify": "full"},
        "bind": {"dn": "cn=reader,dc=example,dc=com"},
        "base_dn": "dc=example,dc=com"
      }
    }
"""

import json
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final, NamedTuple

from jsonschema.validators import Draft202012Validator

from reconcile.config.schema import schema
from reconcile.config.schema.wording import WORDINGS
from reconcile.config.yaml.nodes import written
from reconcile.connections import processmaker_file
from reconcile.connections.describe import Settings
from reconcile.connections.untrusted_json import parse, refuse
from reconcile.errors import ConfigError, Problem

FORMAT: Final = "reconcile connection"
VERSION: Final = 1

_IGNORED = (
    "its password is ignored: a password never comes from a file like this. "
    "Change it if it was real"
)


class Connection(NamedTuple):
    """What a connection file says."""

    file: str
    settings: Settings
    """As `describe.described` returns them, but only those in the file; None for a key that the
    file says is not set."""
    ca_certificates: tuple[str, ...] = ()
    """SHA-256 fingerprints of the certificates in the CA file."""
    warnings: tuple[str, ...] = ()
    """What is in the file but cannot be imported."""


def dumps(settings: Settings, ca_certificates: Sequence[str]) -> str:
    """The connection file of a source's settings."""
    document = {
        "format": FORMAT,
        "version": VERSION,
        **({"ca_certificates": list(ca_certificates)} if ca_certificates else {}),
        "source": settings,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def is_connection(content: bytes) -> bool:
    """Whether the content of a file looks like the result of `dumps`; its beginning is enough."""
    return re.match(rb'\s*\{\s*"format":\s*"reconcile connection"', content) is not None


def loads(content: bytes, file: str) -> Connection:
    """The connection in a file of our own format or ProcessMaker's.

    Raises ConfigError with every problem.
    """
    data = parse(content, file)
    if "format" not in data and processmaker_file.is_flat(data):
        return _from_processmaker(data, file)
    _check_format(data, file)
    warnings = _without_password(data)
    if problems := list(_faults(data, file)):
        raise ConfigError(dict.fromkeys(problems))
    return Connection(file, data["source"], tuple(data.get("ca_certificates", ())), tuple(warnings))


def _from_processmaker(data: dict[str, Any], file: str) -> Connection:
    """The connection in a file of ProcessMaker. Raises ConfigError."""
    try:
        settings, warnings = processmaker_file.settings(data)
    except processmaker_file.UnusableFile as unusable:
        problems = [Problem(file, 0, 0, key, text) for key, text in unusable.faults]
        raise ConfigError(problems) from None
    return Connection(file, settings, warnings=tuple(warnings))


def _check_format(data: dict[str, Any], file: str) -> None:
    """Refuses files of other formats and versions. A version that is no number is a fault."""
    if data.get("format") != FORMAT:
        refuse(
            file,
            "this is not a connection file: expected one that `reconcile connection export` wrote, "
            "or one that was downloaded from the settings of an authentication source "
            "(AUTH_SOURCE_NAME, …)",
        )
    version = data.get("version")
    if type(version) is int and version != VERSION:
        refuse(
            file,
            f"format version {version} is not supported, only {VERSION}: "
            "update reconcile, or export again",
        )


def _without_password(data: dict[str, Any]) -> list[str]:
    """Removes a password from the data. Returns a warning if there was one."""
    source = data.get("source")
    bind = source.get("bind") if isinstance(source, dict) else None
    password = bind.pop("password", None) if isinstance(bind, dict) else None
    return [] if password in (None, "") else [_IGNORED]


def _faults(data: dict[str, Any], file: str) -> Iterator[Problem]:
    """What of the data is not as the schema has it."""
    rules = schema.read("connection.schema.json")
    for error in Draft202012Validator(rules).iter_errors(data):
        wording = WORDINGS[str(error.validator)]
        for fault in wording(
            tuple(error.absolute_path), error.instance, error.validator_value, error.schema
        ):
            message = f"the key `{fault.missing}` is missing" if fault.missing else fault.message
            yield Problem(file, 0, 0, written(fault.path), message)
