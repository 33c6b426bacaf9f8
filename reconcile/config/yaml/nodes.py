"""A YAML value with its place in the file, and how paths and values are shown to people."""

import re
from typing import Final, NamedTuple, TypeAlias

Scalar: TypeAlias = str | int | float | bool | None
Path: TypeAlias = tuple[str | int, ...]
"""Where in a document: keys and list positions from the top."""


class Place(NamedTuple):
    """Counted from 1; 0 is the whole file."""

    line: int
    column: int


Keys: TypeAlias = dict[str, Place]
_BARE = re.compile(r"[A-Za-z_][\w-]{0,59}", re.ASCII)


class Node:
    """A value and its place. Aliased nodes are shared; `size` counts them in full."""

    __slots__ = ("height", "keys", "place", "size", "value")

    def __init__(self, place: Place, value: "Scalar | list[Node] | dict[str, Node]") -> None:
        """The keys of a mapping, and the size of what has children, are set later."""
        self.place = place
        self.value = value
        self.keys: Keys = {}
        self.size = 1
        self.height = 0

    def children(self) -> "list[Node]":
        """The nodes directly below."""
        if isinstance(self.value, dict):
            return list(self.value.values())
        return self.value if isinstance(self.value, list) else []

    def child(self, step: str | int) -> "Node | None":
        """The node of a key or position directly below; None if there is none."""
        match self.value, step:
            case dict(), str():
                return self.value.get(step)
            case list(), int() if step < len(self.value):
                return self.value[step]
        return None

    def measure(self) -> None:
        """Takes size and height from the children, which must be complete."""
        for child in self.children():
            self.size += child.size
            self.height = max(self.height, child.height + 1)

    def data(self) -> object:
        """The plain value, without places."""
        if isinstance(self.value, dict):
            return {key: node.data() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.data() for node in self.value]
        return self.value

    def find(self, path: Path, *, key: bool = False) -> Place:
        """The place of what a path names, or of the nearest thing above that exists.

        Of a list or mapping that has a key it is the key's place, of other values their own; `key`
        asks for the key's place in any case.
        """
        node, place = self, self.place
        for depth, step in enumerate(path, 1):
            child = node.child(step)
            if child is None:
                break
            named = (key and depth == len(path)) or isinstance(child.value, dict | list)
            place = node.keys[step] if named and isinstance(step, str) else child.place
            node = child
        return place


def written(path: Path) -> str:
    """A path as people write it: `sources[0].users.filter`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        elif _BARE.fullmatch(step):
            text += f".{step}" if text else step
        else:
            text += f"[{shortened(step)}]"
    return text


def shortened(text: str, limit: int = 60) -> str:
    """A text in quotes, on one line, cut off if it is long."""
    return repr(text if len(text) <= limit else text[:limit] + "…")


_KINDS: Final = {
    type(None): "nothing",
    int: "a number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
}


def shown(value: object) -> str:
    """What kind of value it is, in plain words; of a switch which one."""
    if isinstance(value, bool):
        return f"{value}".lower()
    return _KINDS.get(type(value), "a mapping")
