"""JSON whose content is never trusted: its size, depth, keys and characters are checked."""

import json
import re
from collections.abc import Iterable
from typing import Any, Final, NoReturn

from reconcile.config.yaml.nodes import Path, shown, written
from reconcile.errors import ConfigError, Problem

MAX_BYTES: Final = 1024 * 1024
MAX_DEPTH: Final = 20

# What YAML would take for a line break or refuse, what is half a character, and what shows other
# text than is there.
_UNWRITABLE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069"
    "\ud800-\udfff\ufeff\ufffe\uffff]"
)


def parse(content: bytes, file: str) -> dict[str, Any]:
    """The object in a JSON file, whose text can be shown as it is. Raises ConfigError."""
    data = _json(content, file)
    _check_text(data, file)
    return data


def refuse(file: str, text: str) -> NoReturn:
    """Raises ConfigError for the file as a whole."""
    raise ConfigError([Problem(file, 0, 0, "", text)])


def _json(content: bytes, file: str) -> dict[str, Any]:
    """The object in a JSON file. Raises ConfigError."""
    if len(content) > MAX_BYTES:
        refuse(file, f"larger than {MAX_BYTES // 1024} KiB: this is not a connection file")
    try:
        data = json.loads(
            content.decode("utf-8-sig"), object_pairs_hook=_unique, parse_constant=_no_number
        )
    except (RecursionError, ValueError) as error:
        # Raised outside the handler, so that the parser's error and its text are not chained.
        problem = _json_problem(error, file)
    else:
        if not isinstance(data, dict):
            refuse(file, f"this is not a connection file: expected an object, got {shown(data)}")
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
            refuse(file, f"nested deeper than {MAX_DEPTH} levels")
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
