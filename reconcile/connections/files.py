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
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final, NamedTuple, NoReturn

from jsonschema.validators import Draft202012Validator

from reconcile.config.schema import schema
from reconcile.config.schema.wording import WORDINGS
from reconcile.config.yaml.nodes import Path, shown, written
from reconcile.connections import processmaker_file
from reconcile.connections.describe import Settings
from reconcile.errors import ConfigError, Problem

FORMAT: Final = "reconcile connection"
VERSION: Final = 1
MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 20

# What YAML would take for a line break or refuse, what is half a character, and what shows other
# text than is there.
_UNWRITABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)
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
    data = _json(content, file)
    _check_text(data, file)
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
        _refuse(
            file,
            "this is not a connection file: expected one that `reconcile connection export` wrote, "
            "or one that was downloaded from the settings of an authentication source "
            "(AUTH_SOURCE_NAME, …)",
        )
    version = data.get("version")
    if type(version) is int and version != VERSION:
        _refuse(
            file,
            f"format version {version} is not supported, only {VERSION}: "
            "update reconcile, or export again",
        )


def _json(content: bytes, file: str) -> dict[str, Any]:
    """The object in a JSON file. Raises ConfigError."""
    if len(content) > MAX_BYTES:
        _refuse(file, f"larger than {MAX_BYTES // 1024} KiB: this is not a connection file")
    try:
        data = json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_number
        )
    except (RecursionError, ValueError) as error:
        # Raised outside the handler, so that the parser's error and its text are not chained.
        problem = _json_problem(error, file)
    else:
        if not isinstance(data, dict):
            _refuse(file, f"this is not a connection file: expected an object, got {shown(data)}")
        return data
    raise ConfigError([problem])


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object from pairs. Raises ValueError for a duplicate key."""
    values: dict[str, Any] = {}
    for key, value in pairs:
        if key in values:
            raise ValueError(f"the key {key[:60]!r} is given twice")
        values[key] = value
    return values


def _no_number(word: str) -> NoReturn:
    """Refuses `NaN` and `Infinity`, which Python's parser takes."""
    raise ValueError(f"{word} is not a JSON number")


def _json_problem(error: RecursionError | ValueError, file: str) -> Problem:
    """What the parser has to say, without any of the file's content but a key."""
    match error:
        case json.JSONDecodeError():
            return Problem(file, error.lineno, error.colno, "", f"not JSON: {error.msg}")
        case UnicodeDecodeError():
            return Problem(file, 0, 0, "", "not UTF-8 text")
        case RecursionError():
            return Problem(file, 0, 0, "", f"nested deeper than {MAX_DEPTH} levels")
    text = str(error)
    if "digits" in text:  # Python's own words are about a setting of the interpreter
        text = "a number has too many digits"
    return Problem(file, 0, 0, "", text)


def _check_text(data: dict[str, Any], file: str) -> None:
    """Refuses characters that cannot be written to a file or shown as they are."""
    problems = []
    pending: list[tuple[Path, Any]] = [((), data)]
    while pending:
        path, value = pending.pop()
        if len(path) > MAX_DEPTH:
            _refuse(file, f"nested deeper than {MAX_DEPTH} levels")
        pending += _within(path, value)
        match = _UNWRITABLE.search(value) if isinstance(value, str) else None
        if match:
            message = f"the character U+{ord(match[0]):04X} is not allowed"
            problems.append(Problem(file, 0, 0, written(path), message))
    if problems:
        raise ConfigError(dict.fromkeys(problems))


def _within(path: Path, value: Any) -> Iterable[tuple[Path, Any]]:
    """What a value holds, with the paths; a key of an object is at the path of the object."""
    if isinstance(value, dict):
        yield from (((*path, key), part) for key, part in value.items())
        yield from ((path, key) for key in value)
    elif isinstance(value, list):
        yield from (((*path, index), part) for index, part in enumerate(value))


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


def _refuse(file: str, text: str) -> NoReturn:
    """Raises ConfigError for the file as a whole."""
    raise ConfigError([Problem(file, 0, 0, "", text)])
