"""Changes of single values in the text of a YAML file; all other bytes stay.

A library that rewrites the whole file keeps comments, but changes indentation, quotes and line
breaks elsewhere. Here the parser's marks say where a value is, and only that is replaced. Where
marks are not enough (aliases, merge keys, block text), the result would be wrong; `checked` detects
and refuses it.
"""

import re
from collections.abc import Callable, Mapping
from pathlib import Path as File
from typing import Any, Final

import yaml

from reconcile.config.yaml import documents
from reconcile.config.yaml.nodes import Path
from reconcile.connections import yaml_text
from reconcile.errors import Problem

ABSENT: Final = object()
"""A value that stands for "the key is not there"."""

_BOM = "\ufeff"


class Uneditable(Exception):
    """The text cannot be changed without touching more than the value."""


def edited(content: bytes, changes: Mapping[Path, Any]) -> bytes:
    """The content with values replaced, added, or (ABSENT) removed. Raises Uneditable."""

    def change(text: str) -> str:
        for path, value in changes.items():
            text = _set(text, path, value)
        return text

    def expect(data: Any) -> Any:
        for path, value in changes.items():
            _put(data, path, value)
        return data

    return _changed(content, change, expect)


def appended(content: bytes, item: Mapping[str, Any]) -> bytes:
    """The content with one more item at the end of `sources`. Raises Uneditable."""
    return _changed(content, lambda text: _append(text, item), lambda data: _with(data, item))


def excerpt(content: bytes, path: Path) -> str:
    """The lines for a path, as they are in the file."""
    text = _newlines(content.decode("utf-8-sig"))
    node = _find(_root(text), path)
    start, end = node.start_mark.index, _end(node, text)
    column = text[:start].rpartition("\n")[2]
    lines = (text[start:end] + _rest(text, end)).split("\n")
    return "\n".join([lines[0], *(line.removeprefix(" " * len(column)) for line in lines[1:])])


def _changed(content: bytes, change: Callable[[str], str], expect: Callable[[Any], Any]) -> bytes:
    whole = content.decode()
    bom, text = (_BOM, whole[1:]) if whole.startswith(_BOM) else ("", whole)
    crlf = "\r\n" in text
    if crlf and text.count("\r\n") != text.count("\n"):
        raise Uneditable("its lines end in two different ways")
    try:
        made = change(_newlines(text))
    except (yaml.YAMLError, _Elsewhere) as error:
        raise Uneditable(str(error)) from None
    result = (bom + (made.replace("\n", "\r\n") if crlf else made)).encode()
    if _data(result) != expect(_data(content)):
        raise Uneditable("anchors, aliases or unusual YAML are where something has to change")
    return result


def _data(content: bytes) -> Any:
    problems: list[Problem] = []
    document = documents.read(File(), content, exposed=False, problems=problems)
    return None if document is None or problems else document.root.data()


class _Elsewhere(Exception):
    """A path leads to a place where nothing can be added."""


def _newlines(text: str) -> str:
    return text.replace("\r\n", "\n")


def _root(text: str) -> yaml.Node:
    root = yaml.compose(text, Loader=documents.LOADER)
    if not isinstance(root, yaml.MappingNode):
        raise _Elsewhere("the file is not a mapping")
    return root


def _find(node: yaml.Node, path: Path) -> yaml.Node:
    for step in path:
        found = _child(node, step)
        if found is None:
            raise _Elsewhere(f"there is no {step}")
        node = found
    return node


def _child(node: yaml.Node, step: str | int) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        return next((value for key, value in node.value if key.value == step), None)
    if isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
        found: yaml.Node = node.value[step]
        return found
    return None


def _set(text: str, path: Path, value: Any) -> str:
    """The text with the value at a path replaced, added, or (ABSENT) removed."""
    root = _root(text)
    node, depth = _nearest(root, path)
    for step in reversed(path[depth + 1 :]):
        value = value if value is ABSENT else {step: value}
    key = path[depth]
    if not isinstance(node, yaml.MappingNode) or not isinstance(key, str):
        raise _Elsewhere("only keys of mappings can be changed")
    present = _child(node, key) is not None
    if value is ABSENT:
        return _removed(text, root, node, path[: depth + 1]) if present else text
    return _replace(text, node, key, value) if present else _insert(text, node, {key: value})


def _nearest(root: yaml.Node, path: Path) -> tuple[yaml.Node, int]:
    """The deepest existing node above the last step of a path, and its depth."""
    node = root
    for depth, step in enumerate(path[:-1]):
        child = _child(node, step)
        empty = isinstance(child, yaml.ScalarNode) and not child.value  # `users:` and nothing else
        if child is None or empty:
            return node, depth
        node = child
    return node, len(path) - 1


def _removed(text: str, root: yaml.Node, node: yaml.MappingNode, path: Path) -> str:
    """The text without an existing key; a mapping that loses its last one becomes `{}`."""
    key = str(path[-1])
    if len(node.value) > 1:
        return _without(text, node, key)
    above, holder = _find(root, path[:-2]), path[-2]
    if not isinstance(above, yaml.MappingNode) or not isinstance(holder, str):
        raise _Elsewhere("nothing would be left")
    return _replace(text, above, holder, {})


def _replace(text: str, parent: yaml.MappingNode, key: str, value: Any) -> str:
    name, node = next(pair for pair in parent.value if pair[0].value == key)
    start, end, new = node.start_mark.index, _end(node, text), yaml_text.inline(value)
    if isinstance(node, yaml.CollectionNode) and not node.flow_style:
        # A block starts on a line of its own; its replacement comes after the key.
        colon = text.index(":", name.end_mark.index) + 1
        comment = text[colon:start].partition("\n")[0].rstrip()
        return f"{text[:colon]} {new}{comment}{text[end:]}"
    return f"{text[:start]}{' ' if text[start - 1] == ':' else ''}{new}{text[end:]}"


def _insert(text: str, parent: yaml.MappingNode, values: Mapping[str, Any]) -> str:
    pairs = yaml_text.inline(dict(values)).removeprefix("{").removesuffix("}")
    if not parent.value:
        return f"{text[: parent.start_mark.index]}{{{pairs}}}{text[parent.end_mark.index :]}"
    end = _end(parent.value[-1][1], text)
    if parent.flow_style:
        return f"{text[:end]}, {pairs}{text[end:]}"
    end += len(_rest(text, end))
    column = parent.value[0][0].start_mark.column
    return f"{text[:end]}\n{' ' * column}{pairs}{text[end:]}"


def _without(text: str, parent: yaml.MappingNode, key: str) -> str:
    pairs = parent.value
    index = next(index for index, (name, _) in enumerate(pairs) if name.value == key)
    start, end = pairs[index][0].start_mark.index, _end(pairs[index][1], text)
    if index == 0:
        return text[:start] + text[pairs[1][0].start_mark.index :]
    if parent.flow_style:
        return text[: _end(pairs[index - 1][1], text)] + text[end:]
    start = text.rindex("\n", 0, start)
    return text[:start] + text[end + len(_rest(text, end)) :]


def _append(text: str, item: Mapping[str, Any]) -> str:
    """The text with one more source: in a new list, in an empty one, or at the end of one."""
    root = _root(text)
    node = _child(root, "sources")
    if node is None and isinstance(root, yaml.MappingNode) and root.flow_style:
        return _insert(text, root, {"sources": [item]})
    if node is None:
        line_break = "" if text.endswith("\n") else "\n"
        return f"{text}{line_break}{yaml_text.block({'sources': [item]})}"
    if not isinstance(node, yaml.SequenceNode):
        raise _Elsewhere("`sources` is not a list")
    if not node.value:
        return _into_empty(text, node, item)
    end = _end(node.value[-1], text)
    if node.flow_style:
        return f"{text[:end]}, {yaml_text.inline(item)}{text[end:]}"
    end += len(_rest(text, end))
    indent = " " * node.start_mark.column
    first, *others = yaml_text.block(dict(item)).rstrip("\n").split("\n")
    lines = "\n".join([f"{indent}- {first}", *(f"{indent}  {line}" for line in others)])
    return f"{text[:end]}\n{lines}{text[end:]}"


def _into_empty(text: str, node: yaml.SequenceNode, item: Mapping[str, Any]) -> str:
    """The text with `[]` replaced by a list of one, below the key and its comment."""
    lines = yaml_text.block({"sources": [item]}).partition("\n")[2].rstrip("\n")
    start, end = node.start_mark.index, node.end_mark.index
    rest = _rest(text, end)
    return f"{text[:start].rstrip(' ')}{rest}\n{lines}{text[end + len(rest) :]}"


def _end(node: yaml.Node, text: str) -> int:
    """Where a value ends: the parser puts the end of a block after comments and empty lines."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last, text)
    end: int = node.end_mark.index
    if isinstance(node, yaml.ScalarNode) and node.style in {"|", ">"}:
        return len(text[:end].rstrip(" \n"))
    return end


def _rest(text: str, end: int) -> str:
    """The rest of the line, if it is only a comment."""
    found = re.compile(r"[ \t]*(?:#[^\n]*)?(?=\n|\Z)").match(text, end)
    return found[0] if found else ""


def _put(data: Any, path: Path, value: Any) -> None:
    *above, key = path
    for step in above:
        if isinstance(step, str) and data.get(step) is None:
            if value is ABSENT:
                return
            data[step] = {}
        data = data[step]
    if value is ABSENT:
        data.pop(key, None)
    else:
        data[key] = value


def _with(data: Any, item: Mapping[str, Any]) -> Any:
    data["sources"] = [*(data.get("sources") or []), item]
    return data
