"""One YAML file → nodes that know their places, whatever the keys mean.

YAML is read as version 1.2 means it, where 1.1 surprises: only `true` and `false` are booleans,
`010`, `0x1F`, `12:30` and `2024-01-01` are text. Nodes are built from the parser's events, not by
PyYAML's composer, because the composer recurses without a limit and follows aliases however much
they multiply.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple, TypeAlias

import yaml

from reconcile.config.yaml.nodes import Keys, Node, Place, Scalar, shown
from reconcile.errors import Problem

MAX_BYTES: Final = 10 * 1024 * 1024
MAX_DEPTH: Final = 100
MAX_COPIES: Final = 100_000
"""Nodes that aliases may add to a document: a few lines of aliases of aliases can mean billions."""

Loader: TypeAlias = "type[yaml.CSafeLoader | yaml.SafeLoader]"
LOADER: Final[Loader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
_BREAK = "\r\n|[\r\n\x85\u2028\u2029]"
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,17})")
_FLOAT = re.compile(
    r"[-+]?(?:(?:0|[1-9][0-9]{0,17})?\.[0-9]{1,18}|"
    r"(?:(?:0|[1-9][0-9]{0,17})(?:\.[0-9]{0,18})?|\.[0-9]{1,18})[eE][-+]?[0-9]{1,2})"
)
_WORDS: Final[dict[str, bool | None]] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_TAG = "tag:yaml.org,2002:"
_TAGGED: Final[dict[str, tuple[type, ...]]] = {
    "bool": (bool,),
    "int": (int,),
    "float": (float, int),
    "null": (type(None),),
}


class Document(NamedTuple):
    """One file as it was read; `exposed` if everyone on the machine may read it."""

    file: str
    folder: Path
    exposed: bool
    root: Node


def read(
    path: Path, content: bytes, *, exposed: bool, problems: list[Problem], loader: Loader = LOADER
) -> Document | None:
    """The document in a file's content; what is wrong with it is added to `problems`.

    None after a fault that ends the reading, such as a syntax error.
    """
    composer = _Composer(str(path), problems)
    try:
        root = composer.document(content, loader)
    except _Refused as refused:
        composer.problem(refused.place, refused.text)
        return None
    return Document(str(path), path.parent, exposed, root)


_UNQUOTED: Final = (
    'a template at the beginning of a value has to be in quotes, as in url: "{{ database }}": '
    "without them, braces are a mapping of YAML"
)


class _Refused(Exception):
    """The rest of the document makes no sense after this."""

    def __init__(self, place: Place, text: str) -> None:
        """A fault that ends the reading."""
        super().__init__(text)
        self.place = place
        self.text = text


class _Composer:
    """Turns events into nodes, for one document."""

    def __init__(self, file: str, problems: list[Problem]) -> None:
        """Adds to `problems`."""
        self.file = file
        self.problems = problems
        self.anchors: dict[str, Node | None] = {}
        self.copies = 0

    def problem(self, place: Place, text: str) -> None:
        """Adds a fault that does not end the reading."""
        self.problems.append(Problem(self.file, place.line, place.column, "", text))

    def document(self, content: bytes, loader: Loader) -> Node:
        """The node at the top of a file."""
        text = _decoded(content)
        try:
            return self._root(yaml.parse(text, Loader=loader))
        except yaml.MarkedYAMLError as error:
            raise _Refused(*_syntax(error, text)) from None

    def _root(self, events: Iterator[yaml.Event]) -> Node:
        """The node at the top of the only document there is."""
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    raise _Refused(
                        _place(event), "a second document starts here: give it a file of its own"
                    )
                root = self._node(next(events), events, 0)
        if root is None:
            raise _Refused(Place(0, 0), "the file is empty: `reconcile init` writes a starter file")
        if not isinstance(root.value, dict):
            raise _Refused(
                root.place, f"expected a mapping of keys to values, got {shown(root.value)}"
            )
        return root

    def _node(self, event: yaml.Event, events: Iterator[yaml.Event], depth: int) -> Node:
        """The node that begins with an event."""
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event)
        anchor = getattr(event, "anchor", None)
        if anchor is not None:
            self.anchors[anchor] = None
        node = Node(_place(event), None)
        if depth > MAX_DEPTH:
            raise _Refused(node.place, f"nested deeper than {MAX_DEPTH} levels")
        if isinstance(event, yaml.ScalarEvent):
            node.value = self._scalar(event)
        elif isinstance(event, yaml.SequenceStartEvent):
            self._check_tag(event, "seq")
            node.value = list(self._items(events, depth))
        else:
            self._check_tag(event, "map")
            node.value, node.keys = self._mapping(events, depth)
        node.measure()
        if node.height > MAX_DEPTH:
            raise _Refused(node.place, f"nested deeper than {MAX_DEPTH} levels")
        if anchor is not None:
            self.anchors[anchor] = node
        return node

    def _alias(self, event: yaml.AliasEvent) -> Node:
        """The node of an anchor: shared, not copied, but counted as a copy."""
        place = _place(event)
        if event.anchor not in self.anchors:
            raise _Refused(place, f"no anchor &{event.anchor} above this alias")
        node = self.anchors[event.anchor]
        if node is None:
            raise _Refused(
                place, f"the alias *{event.anchor} is inside the value that it refers to"
            )
        self.copies += node.size
        if self.copies > MAX_COPIES:
            raise _Refused(
                place, f"aliases multiply this document by more than {MAX_COPIES} values"
            )
        return node

    def _items(self, events: Iterator[yaml.Event], depth: int) -> Iterator[Node]:
        """The items of a list, to its end."""
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            yield self._node(event, events, depth + 1)

    def _mapping(self, events: Iterator[yaml.Event], depth: int) -> tuple[dict[str, Node], Keys]:
        """The values of a mapping and the places of its keys; those of merge keys come last."""
        values: dict[str, Node] = {}
        keys: Keys = {}
        inherited: list[Node] = []
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            merge = (
                isinstance(event, yaml.ScalarEvent) and event.value == "<<" and event.implicit[0]
            )
            key = self._node(event, events, depth + 1)
            if isinstance(key.value, dict) and getattr(event, "flow_style", False):
                raise _Refused(key.place, _UNQUOTED)
            value = self._node(next(events), events, depth + 1)
            if merge:
                inherited += self._inherited(value, key.place)
            elif not isinstance(key.value, str):
                self.problem(
                    key.place, f"expected text as the key, got {shown(key.value)}: put it in quotes"
                )
            elif key.value in values:
                line, column = keys[key.value]
                self.problem(
                    key.place,
                    f"the key `{key.value}` is already given in line {line}, column {column}",
                )
            else:
                values[key.value], keys[key.value] = value, key.place
        for node in inherited:
            if isinstance(node.value, dict):
                values = {**node.value, **values}
                keys = {**node.keys, **keys}
        return values, keys

    def _inherited(self, value: Node, place: Place) -> list[Node]:
        """The mappings that a merge key brings, nearest first."""
        nodes = value.value if isinstance(value.value, list) else [value]
        if not all(isinstance(node.value, dict) for node in nodes):
            self.problem(place, "the merge key << takes a mapping, or a list of mappings")
        return nodes

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        """The value of a scalar by its tag, or by its look where it has none."""
        text: str = event.value
        if event.tag is None:
            return plain(text) if event.implicit[0] else text
        if event.tag == "!":
            return text
        name = event.tag.removeprefix(_TAG)
        if name == "str":
            return text
        value = plain(text)
        if name not in _TAGGED:
            self._check_tag(event, "str")
        elif type(value) not in _TAGGED[name]:
            self.problem(_place(event), f"this is not a valid !!{name}")
        return value

    def _check_tag(self, event: yaml.Event, allowed: str) -> None:
        """Adds a tag that values of this kind may not have."""
        tag: str | None = getattr(event, "tag", None)
        if tag not in {None, "!", _TAG + allowed}:
            written = str(tag).replace(_TAG, "!!")
            self.problem(
                _place(event),
                f"the tag {written} is not allowed: values are text, numbers, lists, mappings",
            )


def plain(text: str) -> Scalar:
    """The meaning of an unquoted scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _FLOAT.fullmatch(text) else text


def _place(event: yaml.Event) -> Place:
    """Where an event begins."""
    mark = event.start_mark
    assert mark is not None  # noqa: S101 - both parsers set it
    return Place(mark.line + 1, mark.column + 1)


def _decoded(content: bytes) -> str:
    """The text of a file: UTF-8, not too large, without control characters."""
    if len(content) > MAX_BYTES:
        raise _Refused(
            Place(0, 0),
            f"larger than {MAX_BYTES // 1024 // 1024} MiB: this is not a desired-state file",
        )
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start].decode("utf-8-sig", "replace")
        place = _position(before, len(before))
    else:
        if control := _CONTROL.search(text):
            name = f"U+{ord(control.group()):04X}"
            raise _Refused(
                _position(text, control.start()), f"the control character {name} is not allowed"
            )
        return text
    raise _Refused(place, "not UTF-8 text: save the file in this encoding")


def _position(text: str, index: int) -> Place:
    """The place of a character. Lines are counted as YAML does, by carriage returns too."""
    lines = re.split(_BREAK, text[:index])
    return Place(len(lines), len(lines[-1]) + 1)


def _syntax(error: yaml.MarkedYAMLError, text: str) -> tuple[Place, str]:
    """Place and words of an error of the parser."""
    # What is not closed is reported where it was opened, not at the end of the file.
    unclosed = "end of stream" in (error.problem or "") and error.context_mark
    mark = error.context_mark if unclosed else error.problem_mark
    assert mark is not None  # noqa: S101 - both parsers set it
    place = Place(mark.line + 1, mark.column + 1)
    lines = re.split(_BREAK, text)
    rest = lines[mark.line][mark.column :] if mark.line < len(lines) else ""
    if rest.startswith("\t"):
        return place, "a tab: YAML is indented with spaces"
    said = ", ".join(part for part in (error.context, error.problem) if part)
    return place, f"not YAML: {said}"
