"""The common shapes of entry templates as Python closures: no Jinja2 at all when they are rendered.

Constants, attributes, `identifier`, `dn`, `domain`, `source`, `vars.x`, `default` with any of these
or a constant, `lower`, `upper`, `trim`, `~` and text around and between. A closure returns None if
Jinja2 would find something undefined. There are two kinds: a *soft* part may be undefined and
`default` still catches it; a *hard* one has used something undefined, and nothing catches that any
more.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeAlias

from jinja2 import nodes

from reconcile.config.templates import bounds
from reconcile.errors import TemplateFailed
from reconcile.model.desired import Entry
from reconcile.model.text import dn

Part: TypeAlias = Callable[[Entry, str], str | None]
_METHODS: Final[Mapping[str, Callable[[str], str]]] = {
    "lower": str.lower,
    "upper": str.upper,
    "trim": str.strip,
}

_NAMES: Final[Mapping[str, Part]] = {
    "identifier": lambda _entry, identifier: identifier or None,
    "dn": lambda entry, _identifier: entry.dn or None,
    "rdn": lambda entry, _identifier: dn.rdn(entry.dn) or None,
}
_UNKNOWN: Final = frozenset(("vars", "values", "attr", "range"))
"""Reserved names whose values are no texts."""


class Attribute:
    """Reads an attribute. A class, so that what it reads can be seen from outside."""

    __slots__ = ("attribute",)

    def __init__(self, attribute: str) -> None:
        self.attribute = attribute

    def __call__(self, entry: Entry, _identifier: str) -> str | None:
        """The first value; None if there is none, or a blank one."""
        values = entry.attributes.get(self.attribute)
        return values[0] if values and values[0].strip() else None


def part(
    tree: nodes.Template, source: str, domain: str, variables: Mapping[str, Any]
) -> Part | None:
    """The whole template as one closure, or None when it has any other shape."""
    shapes = _Shapes({"source": source, "domain": domain}, variables)
    parts = []
    for output in tree.body:
        if not isinstance(output, nodes.Output):
            return None
        for node in output.nodes:
            found = shapes.text(node)
            if found is None:
                return None
            parts.append(found)
    return _joined(parts)


class _Shapes:
    """From syntax to closures; every method gives None for a shape it does not know."""

    def __init__(self, constants: Mapping[str, str], variables: Mapping[str, Any]) -> None:
        self.constants = constants
        self.variables = variables

    def text(self, node: nodes.Node) -> Part | None:
        if isinstance(node, nodes.TemplateData):
            return constant(node.data)
        return self.soft(node) or self.hard(node)

    def soft(self, node: nodes.Node | None) -> Part | None:
        match node:
            case nodes.Const(value=str(text)):
                return constant(text)
            case nodes.Name(name=name):
                return self._name(name)
            case nodes.Getitem(node=nodes.Name(name="attr"), arg=nodes.Const(value=str(name))):
                return Attribute(name.lower())
            case nodes.Getattr(node=nodes.Name(name="vars"), attr=str(name)) if not hasattr(
                dict, name
            ):
                value = self.variables.get(name)
                return constant(value) if isinstance(value, str) else None
            case nodes.Filter(
                name=("default" | "d"), args=[other], kwargs=[], dyn_args=None, dyn_kwargs=None
            ):
                first, second = self.soft(node.node), self.soft(other)
                return _default(first, second) if first and second else None
        return None

    def hard(self, node: nodes.Node) -> Part | None:
        match node:
            case nodes.Filter(name=name, args=[], kwargs=[], dyn_args=None, dyn_kwargs=None) if (
                name in _METHODS
            ):
                inner = node.node and self.text(node.node)
                return _changed(_METHODS[name], inner) if inner else None
            case nodes.Filter(name=" concat", node=nodes.List(items=items)):
                inners = [self.text(item) for item in items]
                known = [inner for inner in inners if inner is not None]
                return _joined(known) if len(known) == len(inners) else None
        return None

    def _name(self, name: str) -> Part | None:
        if name in self.constants:
            return constant(self.constants[name] or None)
        if name in _UNKNOWN:
            return None
        return _NAMES.get(name) or Attribute(name.lower())


def constant(value: str | None) -> Part:
    """Always the same."""
    return lambda _entry, _identifier: value


def _default(first: Part, second: Part) -> Part:
    if isinstance(first, Attribute):
        name = first.attribute

        def read(entry: Entry, identifier: str) -> str | None:
            values = entry.attributes.get(name)
            return values[0] if values and values[0].strip() else second(entry, identifier)

        return read

    def default(entry: Entry, identifier: str) -> str | None:
        text = first(entry, identifier)
        return second(entry, identifier) if text is None else text

    return default


def _changed(method: Callable[[str], str], inner: Part) -> Part:
    def change(entry: Entry, identifier: str) -> str | None:
        text = inner(entry, identifier)
        if text is not None and len(text) > bounds.MAX_TEXT:
            raise TemplateFailed(f"the text is longer than {bounds.MAX_TEXT} characters")
        return None if text is None else method(text)

    return change


def _joined(parts: Sequence[Part]) -> Part:
    if len(parts) == 1:
        return parts[0]

    def join(entry: Entry, identifier: str) -> str | None:
        pieces = []
        for piece in parts:
            text = piece(entry, identifier)
            if text is None:
                return None
            pieces.append(text)
        return "".join(pieces)

    return join
