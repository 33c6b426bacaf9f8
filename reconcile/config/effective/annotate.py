"""Settings as YAML that can be read again, with a comment on where each value comes from."""

import json
import re
from collections.abc import Iterable, Iterator
from typing import Any, Final

from reconcile.config.effective.effective import Setting
from reconcile.config.templates import sandbox
from reconcile.config.yaml import documents
from reconcile.config.yaml.nodes import Path

_COLUMN: Final = 60
_WIDTH: Final = 100
_PLAIN: Final = re.compile(r"[A-Za-z/(][A-Za-z0-9 _./+@=()$:\\-]*|[0-9]+(?:ms|[smhdw])")
"""Texts that need no quotes, even in a list, unless they look like something else."""


def annotated(settings: Iterable[Setting], folder: str) -> str:
    """A desired-state file of the settings, which are in document order.

    Its relative paths start at `folder`.
    """
    heading = (
        "# The whole configuration; what follows a value says where it comes from.",
        f"# Relative paths start at the folder {_printable(folder)}",
    )
    return "".join(f"{line}\n" for line in (*heading, *_lines(settings)))


def _lines(settings: Iterable[Setting]) -> Iterator[str]:
    """The lines of all settings, with an empty one between the sections."""
    before: Path = ()
    for setting in settings:
        path = setting.path
        shared = _shared(before, path)
        is_key_of_top = len(path) == 1 and len(before) == 1
        if before and not shared and not is_key_of_top:
            yield ""
        if setting.remark:
            yield _remark(setting)
            continue
        before = path
        *above, last = _heads(path, shared)
        yield from above
        yield from _value(last, setting)


def _remark(setting: Setting) -> str:
    """Values that no key can say, as a comment."""
    *above, key = setting.path
    text = f"{'  ' * len(above)}# {_key(key)}: {', '.join(setting.value)}"
    return _commented(text, setting.origin)


def _heads(path: Path, shared: int) -> Iterator[str]:
    """The beginnings of the lines for the steps of a path below the first `shared` ones.

    Positions in lists become dashes before the key that follows them.
    """
    dashes = 0
    for depth in range(shared, len(path)):
        step = path[depth]
        if not isinstance(step, int):
            yield f"{'  ' * (depth - dashes)}{'- ' * dashes}{_key(step)}:"
            dashes = 0
            continue
        dashes += 1
        if depth == len(path) - 1:
            yield f"{'  ' * (depth + 1 - dashes)}{'- ' * dashes}".rstrip()


def _shared(before: Path, path: Path) -> int:
    """How many steps of a path are written already."""
    count = 0
    for old, new in zip(before[:-1], path[:-1], strict=False):
        if old != new:
            break
        count += 1
    return count


def _value(head: str, setting: Setting) -> Iterator[str]:
    """A value behind the beginning of its line; a long list on lines of its own."""
    value = setting.value
    if not isinstance(value, list):
        yield _commented(f"{head} {_scalar(value, template=setting.template)}", setting.origin)
        return
    items = [_scalar(item, template=setting.template) for item in value]
    line = f"{head} [{', '.join(items)}]"
    if len(line) <= _WIDTH or not items:
        yield _commented(line, setting.origin)
        return
    yield _commented(head, setting.origin)
    indent = " " * (len(head) - len(head.lstrip(" -")) + 2)
    origins = setting.item_origins or (setting.origin,) * len(items)
    for item, origin in zip(items, origins, strict=True):
        yield _commented(f"{indent}- {item}", origin)


def _commented(line: str, origin: str) -> str:
    """A line with the origin of its value, in a column of their own."""
    return f"{line:<{_COLUMN}}  # {_printable(origin)}"


def _printable(text: str) -> str:
    """A file name within a comment, which no character of it may end."""
    return "".join(char if char.isprintable() else "?" for char in text)


def _scalar(value: Any, *, template: bool) -> str:
    """A value that is no list and no mapping, as YAML."""
    if not isinstance(value, str):
        return json.dumps(value)
    # What is no template, but looks like one, has to come out of one.
    is_literal = not template and sandbox.is_template(value)
    return _text(f"{{{{ {value!r} }}}}" if is_literal else value)


def _key(key: str | int) -> str:
    """A key as YAML."""
    return _text(str(key))


_SEPARATOR: Final = re.compile(r": |:$| $")


def _text(text: str) -> str:
    """A text as YAML, in quotes if it needs them."""
    is_plain = _PLAIN.fullmatch(text) and not _SEPARATOR.search(text)
    if is_plain and documents.plain(text) == text:
        return text
    return "".join(map(_escaped, json.dumps(text, ensure_ascii=False)))


def _escaped(char: str) -> str:
    """A character of a text in quotes, as its code where it cannot be seen."""
    if char.isprintable():
        return char
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
