"""Changes of single values in the text of a YAML file; all other bytes stay.

A library that writes a whole file again keeps comments, but moves indentation, quotes and line
breaks of what did not change. Here the parser's marks say where a value stands, and only that is
replaced. What marks cannot show (aliases, merge keys, block text) ends in a text that does not say
what it should; `_changed` finds out and refuses it.
"""

from collections.abc import Callable, Mapping
from pathlib import Path as File
from typing import Any, Final, NamedTuple

import yaml

from reconcile.config.yaml import documents
from reconcile.config.yaml.nodes import Path
from reconcile.connections import yaml_text
from reconcile.connections.yaml_nodes import (
    NotEditable,
    child,
    end_of,
    end_of_line,
    find,
    is_block,
    nearest,
    rest_of_line,
    root,
    start_of,
)
from reconcile.errors import Problem

ABSENT: Final = object()
"""A value that stands for "the key does not exist"."""

_BOM = "\ufeff"


class Uneditable(Exception):
    """The text cannot be changed without touching more than the value."""


def edited(content: bytes, changes: Mapping[Path, Any]) -> bytes:
    """The content with values replaced, added, or (ABSENT) removed. Raises Uneditable.

    `{("sources", 0, "tls", "mode"): "ldaps"}` replaces one word of this:

        sources:
          - name: corp   # head office
            tls: { mode: starttls }
    """

    def change(text: str) -> str:
        """One change after the other, because each moves the marks of the next."""
        for path, value in changes.items():
            text = _set(text, path, value)
        return text

    def expect(data: Any) -> Any:
        """The changes as they are meant."""
        for path, value in changes.items():
            _put(data, path, value)
        return data

    return _changed(content, change, expect)


def appended(content: bytes, item: Mapping[str, Any]) -> bytes:
    """The content with one more item at the end of `sources`.

    The list may be missing, or be written within brackets. Raises Uneditable.
    """
    return _changed(content, lambda text: _append(text, item), lambda data: _with(data, item))


def excerpt(content: bytes, path: Path) -> str:
    """The lines that say what a path names, as they stand in the file.

    They are indented as if the first of them began at the left margin.
    """
    text = _newlines(content.decode("utf-8-sig"))
    node = find(root(text), path)
    start = start_of(node)
    column = text[:start].rpartition("\n")[2]
    first, *others = text[start : end_of_line(node, text)].split("\n")
    return "\n".join([first, *(line.removeprefix(" " * len(column)) for line in others)])


def _changed(content: bytes, change: Callable[[str], str], expect: Callable[[Any], Any]) -> bytes:
    """The content after `change`, if its data is then what `expect` makes of the old data."""
    file = _decoded(content)
    try:
        text = change(file.text)
    except (yaml.YAMLError, NotEditable) as error:
        raise Uneditable(str(error)) from None
    result = (file.bom + text.replace("\n", file.line_end)).encode()
    if _data(result) != expect(_data(content)):
        raise Uneditable("anchors, aliases or unusual YAML are where something has to change")
    return result


class _File(NamedTuple):
    """A file as text with plain line ends, and how it was written."""

    bom: str
    text: str
    line_end: str


def _decoded(content: bytes) -> _File:
    """The text of a file. Raises Uneditable where its line ends differ."""
    whole = content.decode()
    text = whole.removeprefix(_BOM)
    bom = whole.removesuffix(text)
    line_end = "\r\n" if "\r\n" in text else "\n"
    if text.count(line_end) != text.count("\n"):
        raise Uneditable("its lines end in two different ways")
    return _File(bom, _newlines(text), line_end)


def _data(content: bytes) -> Any:
    """What the content says; None where it is faulty."""
    problems: list[Problem] = []
    document = documents.read(File(), content, exposed=False, problems=problems)
    return None if document is None or problems else document.root.data()


def _newlines(text: str) -> str:
    """The text with line ends as the parser's marks count them."""
    return text.replace("\r\n", "\n")


def _set(text: str, path: Path, value: Any) -> str:
    """The text with the value at a path replaced, added, or (ABSENT) removed."""
    top = root(text)
    node, depth = nearest(top, path)
    key = path[depth]
    if not isinstance(node, yaml.MappingNode) or not isinstance(key, str):
        raise NotEditable("only keys of mappings can be changed")
    exists = child(node, key) is not None
    if value is ABSENT:
        return _removed(text, top, node, path[: depth + 1]) if exists else text
    # Mappings on the way to the value that do not exist are written with it.
    for step in reversed(path[depth + 1 :]):
        value = {step: value}
    return _replace(text, node, key, value) if exists else _insert(text, node, {key: value})


def _removed(text: str, top: yaml.Node, node: yaml.MappingNode, path: Path) -> str:
    """The text without an existing key; a mapping that loses its last one becomes `{}`."""
    key = str(path[-1])
    if len(node.value) > 1:
        return _without(text, node, key)
    parent, holder = find(top, path[:-2]), path[-2]
    if not isinstance(parent, yaml.MappingNode) or not isinstance(holder, str):
        raise NotEditable("nothing would be left")
    return _replace(text, parent, holder, {})


def _index(parent: yaml.MappingNode, key: str) -> int:
    """Which of the pairs of a mapping has the key."""
    return [name.value for name, _ in parent.value].index(key)


def _replace(text: str, parent: yaml.MappingNode, key: str, value: Any) -> str:
    """The text with another value for an existing key."""
    name, node = parent.value[_index(parent, key)]
    start, end, new = start_of(node), end_of(node, text), yaml_text.inline(value)
    if is_block(node):
        # A block starts on a line of its own; what replaces it stands behind the key.
        colon = text.index(":", name.end_mark.index) + 1
        comment = text[colon:start].partition("\n")[0].rstrip()
        return f"{text[:colon]} {new}{comment}{text[end:]}"
    space = " " if text[start - 1] == ":" else ""
    return f"{text[:start]}{space}{new}{text[end:]}"


def _insert(text: str, parent: yaml.MappingNode, values: Mapping[str, Any]) -> str:
    """The text with new keys at the end of a mapping."""
    pairs = yaml_text.inline(dict(values)).removeprefix("{").removesuffix("}")
    if not parent.value:
        return f"{text[: start_of(parent)]}{{{pairs}}}{text[parent.end_mark.index :]}"
    first_key, last_value = parent.value[0][0], parent.value[-1][1]
    if parent.flow_style:
        end = end_of(last_value, text)
        return f"{text[:end]}, {pairs}{text[end:]}"
    end = end_of_line(last_value, text)
    return f"{text[:end]}\n{' ' * first_key.start_mark.column}{pairs}{text[end:]}"


def _without(text: str, parent: yaml.MappingNode, key: str) -> str:
    """The text without a key of a mapping that has others."""
    pairs = parent.value
    index = _index(parent, key)
    name, value = pairs[index]
    if index == 0:
        return text[: start_of(name)] + text[start_of(pairs[1][0]) :]
    if parent.flow_style:
        return text[: end_of(pairs[index - 1][1], text)] + text[end_of(value, text) :]
    line_end = text.rindex("\n", 0, start_of(name))
    return text[:line_end] + text[end_of_line(value, text) :]


def _append(text: str, item: Mapping[str, Any]) -> str:
    """The text with one more source: in a new list, in an empty one, or at the end of one."""
    top = root(text)
    node = child(top, "sources")
    if node is None:
        return _with_list(text, top, item)
    if not isinstance(node, yaml.SequenceNode):
        raise NotEditable("`sources` is not a list")
    if not node.value:
        return _into_empty(text, node, item)
    last = node.value[-1]
    if node.flow_style:
        end = end_of(last, text)
        return f"{text[:end]}, {yaml_text.inline(item)}{text[end:]}"
    end = end_of_line(last, text)
    indent = " " * node.start_mark.column
    first, *others = yaml_text.block(dict(item)).rstrip("\n").split("\n")
    lines = "\n".join([f"{indent}- {first}", *(f"{indent}  {line}" for line in others)])
    return f"{text[:end]}\n{lines}{text[end:]}"


def _with_list(text: str, top: yaml.MappingNode, item: Mapping[str, Any]) -> str:
    """The text with the key `sources` and a list of one."""
    if top.flow_style:
        return _insert(text, top, {"sources": [item]})
    line_break = "" if text.endswith("\n") else "\n"
    return f"{text}{line_break}{yaml_text.block({'sources': [item]})}"


def _into_empty(text: str, node: yaml.SequenceNode, item: Mapping[str, Any]) -> str:
    """The text with `[]` replaced by a list of one, below the key and its comment."""
    lines = yaml_text.block({"sources": [item]}).partition("\n")[2].rstrip("\n")
    start, end = start_of(node), node.end_mark.index
    rest = rest_of_line(text, end)
    return f"{text[:start].rstrip(' ')}{rest}\n{lines}{text[end + len(rest) :]}"


def _put(data: Any, path: Path, value: Any) -> None:
    """Does to data what `_set` does to the text."""
    *steps, key = path
    for step in steps:
        is_missing = isinstance(step, str) and data.get(step) is None
        if is_missing and value is ABSENT:
            return
        if is_missing:
            data[step] = {}
        data = data[step]
    if value is ABSENT:
        data.pop(key, None)
    else:
        data[key] = value


def _with(data: Any, item: Mapping[str, Any]) -> Any:
    """Does to data what `_append` does to the text."""
    data["sources"] = [*(data.get("sources") or []), item]
    return data
