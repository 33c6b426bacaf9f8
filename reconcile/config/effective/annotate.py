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
    before: Path = ()
    for setting in settings:
        path = setting.path
        shared = _shared(before, path)
        # An empty line between the sections, but not between keys of the top.
        if before and not shared and (len(path) > 1 or len(before) > 1):
            yield ""
        if setting.remark:
            text = f"{'  ' * (len(path) - 1)}# {_key(path[-1])}: {', '.join(setting.value)}"
            yield _commented(text, setting.origin)
            continue
        before = path
        *above, last = _heads(path, shared)
        yield from above
        yield from _value(last, setting)


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
    yield from (
        _commented(f"{indent}- {item}", origin) for item, origin in zip(items, origins, strict=True)
    )


def _commented(line: str, origin: str) -> str:
    return f"{line:<{_COLUMN}}  # {_printable(origin)}"


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else "?" for char in text)


def _scalar(value: Any, *, template: bool) -> str:
    if isinstance(value, str):
        # Text that looks like a template but is not one has to be the result of one.
        return _text(
            f"{{{{ {value!r} }}}}" if not template and sandbox.is_template(value) else value
        )
    return json.dumps(value)


def _key(key: str | int) -> str:
    return _text(str(key))


def _text(text: str) -> str:
    """A text as YAML, in quotes if it needs them."""
    if (
        _PLAIN.fullmatch(text)
        and documents.plain(text) == text
        and not re.search(r": |:$| $", text)
    ):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escaped(char) for char in quoted)


def _escaped(char: str) -> str:
    return f"\\u{ord(char):04x}" if ord(char) < 0x10000 else f"\\U{ord(char):08x}"
