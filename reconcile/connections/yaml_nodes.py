"""Where the values of a YAML text stand, by the parser's marks."""

import re
from collections.abc import Iterable
from typing import Any, Final

import yaml

from reconcile.config.yaml import documents
from reconcile.config.yaml.nodes import Path

_REST_OF_LINE: Final = re.compile(r"[ \t]*(?:#[^\n]*)?(?=\n|\Z)")


class NotEditable(Exception):
    """A path leads to a place where nothing can be added."""


def root(text: str) -> yaml.MappingNode:
    """The mapping that a file is. Raises NotEditable, yaml.YAMLError."""
    node = yaml.compose(text, Loader=documents.LOADER)
    if not isinstance(node, yaml.MappingNode):
        raise NotEditable("the file is not a mapping")
    return node


def find(node: yaml.Node, path: Path) -> yaml.Node:
    """The node at a path below another. Raises NotEditable."""
    for step in path:
        below = child(node, step)
        if below is None:
            raise NotEditable(f"there is no {step}")
        node = below
    return node


def child(node: yaml.Node, step: str | int) -> yaml.Node | None:
    """The value of a key or the item at an index; None where there is none."""
    return next((below for key, below in _children(node) if key == step), None)


def _children(node: yaml.Node) -> Iterable[tuple[Any, yaml.Node]]:
    """The keys or indexes of a node, each with what it leads to."""
    if isinstance(node, yaml.MappingNode):
        return [(key.value, value) for key, value in node.value]
    if isinstance(node, yaml.SequenceNode):
        return enumerate(node.value)
    return ()


def nearest(node: yaml.Node, path: Path) -> tuple[yaml.Node, int]:
    """The deepest existing node above the last step of a path, and how many steps lead to it."""
    for depth, step in enumerate(path[:-1]):
        below = child(node, step)
        if below is None or _is_empty(below):
            return node, depth
        node = below
    return node, len(path) - 1


def _is_empty(node: yaml.Node) -> bool:
    """Whether it is the value of a key with nothing behind it, as in `users:`."""
    return isinstance(node, yaml.ScalarNode) and not node.value


def is_block(node: yaml.Node) -> bool:
    """Whether it is a mapping or list over several lines, without brackets."""
    return isinstance(node, yaml.CollectionNode) and not node.flow_style


def start_of(node: yaml.Node) -> int:
    """Where a value begins in the text."""
    index: int = node.start_mark.index
    return index


def end_of(node: yaml.Node, text: str) -> int:
    """Where a value ends: the parser puts the end of a block after comments and empty lines."""
    if is_block(node) and node.value:
        last = node.value[-1]
        return end_of(last[1] if isinstance(last, tuple) else last, text)
    end: int = node.end_mark.index
    is_block_text = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    return len(text[:end].rstrip(" \n")) if is_block_text else end


def rest_of_line(text: str, end: int) -> str:
    """The rest of the line, if it is only a comment."""
    match = _REST_OF_LINE.match(text, end)
    return match[0] if match else ""


def end_of_line(node: yaml.Node, text: str) -> int:
    """Where a value ends, with the comment behind it."""
    end = end_of(node, text)
    return end + len(rest_of_line(text, end))
