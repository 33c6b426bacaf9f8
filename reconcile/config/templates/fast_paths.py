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
from reconcile.model.desired import TemplateEntry
from reconcile.model.text import dn

Part: TypeAlias = Callable[[TemplateEntry, str], str | None]
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
        """The name is in lower case."""
        self.attribute = attribute

    def __call__(self, entry: TemplateEntry, _identifier: str) -> str | None:
        """The first value; None if there is none, or a blank one."""
        values = entry.attributes.get(self.attribute)
        return values[0] if values and values[0].strip() else None


def part(
    tree: nodes.Template, source: str, domain: str, variables: Mapping[str, Any]
) -> Part | None:
    """The whole template as one closure, or None when it has any other shape."""
    shapes = _Shapes({"source": source, "domain": domain}, variables)
    parts: list[nodes.Node] = []
    for output in tree.body:
        if not isinstance(output, nodes.Output):
            return None
        parts += output.nodes
    return shapes.joined(parts)


class _Shapes:
    """From syntax to closures; every method gives None for a shape it does not know."""

    def __init__(self, constants: Mapping[str, str], variables: Mapping[str, Any]) -> None:
        """`constants` are names with the same value for every entry."""
        self.constants = constants
        self.variables = variables

    def text(self, node: nodes.Node) -> Part | None:
        """Anything that may stand in a template."""
        if isinstance(node, nodes.TemplateData):
            return constant(node.data)
        return self.soft(node) or self.hard(node)

    def joined(self, parts: Sequence[nodes.Node]) -> Part | None:
        """Parts one after the other."""
        known = list(filter(None, map(self.text, parts)))
        return _joined(known) if len(known) == len(parts) else None

    def soft(self, node: nodes.Node | None) -> Part | None:
        """A part of which `default` catches that it is undefined."""
        match node:
            case nodes.Const(value=str(text)):
                return constant(text)
            case nodes.Name(name=name):
                return self._name(name)
            case nodes.Getitem(node=nodes.Name(name="attr"), arg=nodes.Const(value=str(name))):
                return Attribute(name.lower())
            case nodes.Getattr(node=nodes.Name(name="vars"), attr=str(name)):
                return self._variable(name)
            case nodes.Filter(
                name=("default" | "d"), args=[other], kwargs=[], dyn_args=None, dyn_kwargs=None
            ):
                first, second = self.soft(node.node), self.soft(other)
                return _default(first, second) if first and second else None
        return None

    def hard(self, node: nodes.Node) -> Part | None:
        """A part that uses others, and is undefined for good with one of them."""
        match node:
            case nodes.Filter(name=name, args=[], kwargs=[], dyn_args=None, dyn_kwargs=None) if (
                name in _METHODS
            ):
                inner = node.node and self.text(node.node)
                return _changed(_METHODS[name], inner) if inner else None
            case nodes.Filter(name=" concat", node=nodes.List(items=items)):
                return self.joined(items)
        return None

    def _name(self, name: str) -> Part | None:
        """A name: a constant, one about the entry, or an attribute."""
        if name in self.constants:
            return constant(self.constants[name] or None)
        if name in _UNKNOWN:
            return None
        return _NAMES.get(name) or Attribute(name.lower())

    def _variable(self, name: str) -> Part | None:
        """A variable that is a text, and is not hidden by a method of mappings."""
        value = None if hasattr(dict, name) else self.variables.get(name)
        return constant(value) if isinstance(value, str) else None


def constant(value: str | None) -> Part:
    """Always the same."""
    return lambda _entry, _identifier: value


def _default(first: Part, second: Part) -> Part:
    """The first part, or the second where that is undefined."""
    if isinstance(first, Attribute):
        name = first.attribute

        def read(entry: TemplateEntry, identifier: str) -> str | None:
            """As below, for an attribute: the most common case in one call instead of two."""
            values = entry.attributes.get(name)
            return values[0] if values and values[0].strip() else second(entry, identifier)

        return read

    def default(entry: TemplateEntry, identifier: str) -> str | None:
        """The text of one of the two."""
        text = first(entry, identifier)
        return second(entry, identifier) if text is None else text

    return default


def _changed(method: Callable[[str], str], inner: Part) -> Part:
    """A part whose text goes through a method."""

    def change(entry: TemplateEntry, identifier: str) -> str | None:
        """The changed text; bounded, because Jinja2 bounds it, too."""
        text = inner(entry, identifier)
        if text is not None and len(text) > bounds.MAX_TEXT:
            raise TemplateFailed(f"the text is longer than {bounds.MAX_TEXT} characters")
        return None if text is None else method(text)

    return change


def _joined(parts: Sequence[Part]) -> Part:
    """The parts one after the other, undefined if one of them is."""
    if len(parts) == 1:
        return parts[0]

    def join(entry: TemplateEntry, identifier: str) -> str | None:
        """The texts of all parts."""
        pieces = []
        for piece in parts:
            text = piece(entry, identifier)
            if text is None:
                return None
            pieces.append(text)
        return "".join(pieces)

    return join
