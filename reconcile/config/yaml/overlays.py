"""Overlays: files that change what earlier files say.

A file whose first key is `overlay: true` may give keys again. Scalars, and lists within a key such
as `servers`, take the place of the earlier ones; mappings are merged key by key. An item of
`sources` changes the source of its name. The other lists at the top (`role_mappings`, `groups`,
`departments`, `links`, `assertions`) are joined, as they are without an overlay.
"""

from typing import Any, Final, NamedTuple

from reconcile.config.yaml.documents import Document
from reconcile.config.yaml.nodes import Node, Path, shortened, written
from reconcile.errors import Problem

KEY: Final = "overlay"
BY_NAME: Final = "sources"
"""The list whose items have names, by which an overlay finds them."""


class Override(NamedTuple):
    """Where a value of the merged document really stands."""

    document: Document
    path: Path


def is_overlay(document: Document) -> bool:
    """Whether a file changes what earlier ones say."""
    node = document.root.child(KEY)
    return node is not None and node.value is True


def misplaced(document: Document, *, first: bool) -> list[Problem]:
    """What is wrong with the key `overlay` of a file; `first`: no file is read before it."""
    if not is_overlay(document):
        return []
    place = document.root.keys[KEY]
    keys = list(document.root.value) if isinstance(document.root.value, dict) else []
    if first:
        message = "there is no earlier file that this one could change: name it after the others"
    elif keys[0] != KEY:
        message = "has to be the first key of its file, so that nobody overlooks it"
    else:
        return []
    return [Problem(document.file, place.line, place.column, KEY, message)]


class Overlay:
    """Lays one document over the data of earlier ones."""

    def __init__(self, document: Document, data: dict[str, Any]) -> None:
        """`data` is changed in place."""
        self._document = document
        self._data = data
        self.overrides: dict[Path, Override] = {}
        """Path in `data` → where its value is from now."""
        self.problems: list[Problem] = []

    def lay(self, key: str, node: Node) -> None:
        """Takes a key at the top of the document that earlier ones have, too."""
        if key == BY_NAME:
            self._sources(node)
        else:
            self._value(self._data, key, node, (key,), (key,))

    def _value(self, data: dict[str, Any], key: str, node: Node, path: Path, local: Path) -> None:
        """One value, or those within a mapping that both have."""
        if isinstance(node.value, dict) and isinstance(data.get(key), dict):
            for name, below in node.value.items():
                self._value(data[key], name, below, (*path, name), (*local, name))
            return
        data[key] = node.data()
        self.overrides[path] = Override(self._document, local)

    def _sources(self, node: Node) -> None:
        """The items of `sources`, each laid over the source of its name."""
        if not isinstance(node.value, list):
            self._refuse((BY_NAME,), node, "expected a list of sources, each with its `name`")
            return
        known = self._data.get(BY_NAME)
        positions = {
            source.get("name"): at
            for at, source in enumerate(known if isinstance(known, list) else ())
            if isinstance(source, dict) and isinstance(source.get("name"), str)
        }
        for at, item in enumerate(node.children()):
            named = item.child("name")
            name = named.value if named is not None else None
            if not isinstance(name, str):
                self._refuse((BY_NAME, at), item, "an overlay finds a source by its `name`")
                continue
            position = positions.get(name)
            if position is None or not isinstance(item.value, dict):
                message = f"no earlier file declares a source called {shortened(name)}"
                self._refuse((BY_NAME, at), item, message)
                continue
            source = self._data[BY_NAME][position]
            for key, below in item.value.items():
                self._value(source, key, below, (BY_NAME, position, key), (BY_NAME, at, key))

    def _refuse(self, path: Path, node: Node, message: str) -> None:
        place = node.place
        self.problems.append(
            Problem(self._document.file, place.line, place.column, written(path), message)
        )
