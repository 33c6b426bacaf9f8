"""Templates over one directory entry: `desired.Template`, compiled once, rendered for every person.

A name is a directory attribute unless it is one of `RESERVED`. Its first value is used; the adapter
of the directory decides which one of several that is. An attribute counts as absent when the entry
has no value of it or a blank one; a template that needs an absent attribute supplies nothing. The
common shapes become Python closures (`reconcile.config.templates.fast_paths`), everything else is
rendered by Jinja2; both ways agree.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final, NamedTuple, NoReturn, Protocol

from jinja2 import meta, nodes
from jinja2.runtime import Context

from reconcile.config.templates import bounds, fast_paths, sandbox
from reconcile.config.templates.bounds import MAX_TEXT
from reconcile.config.templates.config_templates import FAILURES, SECRET_FUNCTIONS, Refused, said
from reconcile.config.templates.fast_paths import Part
from reconcile.config.templates.sandbox import CompileErrors, Missing, NothingSupplied, Sandbox
from reconcile.errors import TemplateFailed
from reconcile.model.desired import TemplateEntry
from reconcile.model.text import dn

RESERVED: Final = ("identifier", "dn", "rdn", "domain", "source", "vars", "values", "attr", "range")
"""Names that are no attributes; an attribute of such a name is read as `attr['source']`."""


class Render(Protocol):
    """How a template is rendered: a plain function, so that a call is one call."""

    def __call__(self, entry: TemplateEntry, identifier: str = "") -> str | None:
        """As `desired.Template.render` says."""
        ...


class EntryTemplate:
    """A `desired.Template`. `render` is an attribute: it is called for every person and field."""

    __slots__ = ("attributes", "render", "text")

    def __init__(self, text: str, attributes: frozenset[str], render: Render) -> None:
        """`attributes` are the names, in lower case, of those that `render` may read."""
        self.text = text
        self.attributes = attributes
        self.render = render

    def __repr__(self) -> str:
        """The text of the template."""
        return f"EntryTemplate({self.text!r})"


class Surroundings(NamedTuple):
    """What a template knows in addition to the entry."""

    source: str
    domain: str
    variables: Mapping[str, Any]


def compiled(text: str, around: Surroundings, *, short: bool = True) -> EntryTemplate:
    """The template of a text. Raises Refused. `short=False` uses Jinja2 alone, to compare."""
    if not sandbox.is_template(text):
        return EntryTemplate(text, frozenset(), _closure(fast_paths.constant(text)))
    try:
        tree = _environment.bounded(text)
        attributes = _attributes(tree, around.variables)
        part = (
            fast_paths.part(tree, around.source, around.domain, around.variables) if short else None
        )
        render = _jinja(tree, around) if part is None else _closure(part)
    except CompileErrors as error:
        raise Refused(f"not a template: {said(error)}") from None
    return EntryTemplate(text, attributes, render)


def _closure(part: Part) -> Render:
    """The rendering of a template that is a closure: bounded, and without blanks around it."""

    def render(entry: TemplateEntry, identifier: str = "") -> str | None:
        """As `Render` says."""
        text = part(entry, identifier)
        if text is None:
            return None
        if len(text) > MAX_TEXT:
            _too_long()
        return text.strip() or None

    return _reading(part.attribute) if isinstance(part, fast_paths.Attribute) else render


def _reading(attribute: str) -> Render:
    """The same for the most common shape of all, in one function instead of two."""

    def render(entry: TemplateEntry, identifier: str = "") -> str | None:  # noqa: ARG001 - `Render`
        """As `Render` says."""
        values = entry.attributes.get(attribute)
        if not values:
            return None
        text = values[0]
        if len(text) > MAX_TEXT:
            _too_long()
        return text.strip() or None

    return render


def _too_long() -> NoReturn:
    """Fails, as does a template of which Jinja2 makes a text as long."""
    raise TemplateFailed(f"the text is longer than {MAX_TEXT} characters")


def _supplied(value: object) -> str:
    """What an expression contributes; none at all is as good as an absent attribute."""
    if value is None:
        raise NothingSupplied("nothing")
    return bounds.text(value)


class _EntryContext(Context):
    """Finds names: the reserved ones as they were given, every other in the entry."""

    def resolve_or_missing(self, key: str) -> Any:
        """The value of a name; one that supplies nothing if it is empty or absent."""
        if key in self.parent:
            value = self.parent[key]
            return Missing(name=key, exc=NothingSupplied) if value == "" else value
        return _attribute(self.parent[" entry"], key)


def _attribute(entry: TemplateEntry, name: str) -> Any:
    """The first value of an attribute; what supplies nothing for an absent one."""
    values = entry.attributes.get(name.lower())
    return (
        bounds.short(values[0])
        if values and values[0].strip()
        else Missing(name=name, exc=NothingSupplied)
    )


class _Reader:
    """`attr['x-y']` in a template."""

    __slots__ = ("_entry",)

    def __init__(self, entry: TemplateEntry) -> None:
        """Reads one entry."""
        self._entry = entry

    def __getitem__(self, name: str) -> Any:
        """The first value of the attribute."""
        return _attribute(self._entry, name)


_environment = Sandbox(_supplied)
_environment.context_class = _EntryContext


def _jinja(tree: nodes.Template, around: Surroundings) -> Render:
    """The rendering of a template by Jinja2."""
    template = _environment.from_string(tree)
    root = template.root_render_func

    def render(entry: TemplateEntry, identifier: str = "") -> str | None:
        """As `Render` says."""
        context = _context(entry, identifier, around)
        try:
            text = _concatenated(root(template.new_context(context, shared=True)))
        except NothingSupplied:
            return None
        except FAILURES as error:
            failure = said(error)
        else:
            if text is None:
                _too_long()
            return text.strip() or None
        # Raised outside the handler, so that the error is not chained to one that quotes values.
        raise TemplateFailed(failure)

    return render


def _context(entry: TemplateEntry, identifier: str, around: Surroundings) -> dict[str, Any]:
    """The reserved names, for one rendering."""

    def values(name: str) -> list[str]:
        """The function `values`: all values of an attribute but blank ones."""
        present = entry.attributes.get(name.lower(), ())
        return [bounds.short(value) for value in present if value.strip()]

    return {
        "identifier": identifier,
        "dn": entry.dn,
        "rdn": dn.rdn(entry.dn),
        "domain": around.domain,
        "source": around.source,
        "vars": around.variables,
        "values": values,
        "attr": _Reader(entry),
        "range": _environment.globals["range"],
        " entry": entry,
        **bounds.rounds_left(),
    }


def _concatenated(pieces: Iterable[str]) -> str | None:
    """All pieces as one text; None when it is too long.

    Goes through all of them, because a later piece may still fail or supply nothing.
    """
    length, kept = 0, []
    for piece in pieces:
        length += len(piece)
        if length <= MAX_TEXT:
            kept.append(bounds.encodable(piece))
    return "".join(kept) if length <= MAX_TEXT else None


def _attributes(tree: nodes.Template, variables: Mapping[str, Any]) -> frozenset[str]:
    """Lower-case names of the attributes that a template may read. Raises Refused."""
    names, understood = set(), set()
    for node in tree.find_all((nodes.Call, nodes.Getitem, nodes.Name)):
        if isinstance(node, nodes.Name):
            if node.ctx != "load" and node.name in RESERVED:
                raise Refused(f"`{node.name}` cannot be redefined")
            continue
        if isinstance(node, nodes.Call):
            _refuse_secret(node)
        attribute = _named_attribute(node)
        if attribute is not None:
            names.add(attribute.lower())
            understood.add(id(node.node))  # type: ignore[attr-defined]
    _refuse_misused(tree, understood)
    for plain in meta.find_undeclared_variables(tree) - set(RESERVED):
        if plain in variables:
            raise Refused(
                f"`{plain}` would be a directory attribute here: "
                f"write vars.{plain} for the variable, or attr['{plain}'] for the attribute"
            )
        names.add(plain.lower())
    return frozenset(names)


def _refuse_secret(call: nodes.Call) -> None:
    """Refuses the call of a function that gives a secret."""
    if isinstance(call.node, nodes.Name) and call.node.name in SECRET_FUNCTIONS:
        raise Refused(f"{call.node.name}() gives a secret, which is not allowed here")


def _named_attribute(node: nodes.Node) -> str | None:
    """The attribute of `values('memberOf')` or `attr['x-y']`; None for anything else."""
    match node:
        case nodes.Call(
            node=nodes.Name(name="values"),
            args=[nodes.Const(value=str(name))],
            kwargs=[],
            dyn_args=None,
        ):
            return str(name)
        case nodes.Getitem(node=nodes.Name(name="attr"), arg=nodes.Const(value=str(name))):
            return str(name)
    return None


def _refuse_misused(tree: nodes.Template, understood: set[int]) -> None:
    """`values` and `attr` anywhere but in the forms that name one attribute."""
    forms = {
        "values": "values('memberOf')",
        "attr": "attr['x-y'] (or attr['x-y'] | default('…'))",
    }
    for name in tree.find_all(nodes.Name):
        if name.name in forms and id(name) not in understood:
            raise Refused(
                f"{name.name} takes the name of one attribute, in quotes: {forms[name.name]}"
            )
