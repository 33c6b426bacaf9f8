"""Jinja2 without access to anything and with bounds: all templates are compiled here.

Besides Jinja2's own sandbox, everything that multiplies is bounded: there are no macros, includes
or namespaces that could carry growth from one round of a loop to the next, loops share a budget of
rounds, and operators, filters and methods that make text or lists refuse results beyond `MAX_TEXT`
and `MAX_ITEMS`. So a template ends, whatever it says.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, cast
from urllib.parse import quote

import jinja2
from jinja2 import nodes
from jinja2.filters import do_urlencode
from jinja2.runtime import Context
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from jinja2.visitor import NodeTransformer

from reconcile.config.templates import bounds

MAX_SOURCE: Final = 8 * 1024
"""Characters of a template's own text; values without `{{` or `{%` may be longer."""

_MARK = re.compile(r"\{[{%#]")
_FORBIDDEN: Final[Mapping[type[nodes.Node], str]] = {
    nodes.AssignBlock: "set blocks",
    nodes.Block: "blocks",
    nodes.CallBlock: "call blocks",
    nodes.EvalContextModifier: "autoescape blocks",
    nodes.Extends: "extends",
    nodes.FilterBlock: "filter blocks",
    nodes.FromImport: "imports",
    nodes.Import: "imports",
    nodes.Include: "includes",
    nodes.Macro: "macros",
    nodes.NSRef: "namespaces",
}
_FILTERS = [
    "abs",
    "capitalize",
    "count",
    "d",
    "default",
    "dictsort",
    "first",
    "float",
    "int",
    "items",
    "last",
    "length",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "reject",
    "rejectattr",
    "reverse",
    "select",
    "selectattr",
    "sort",
    "sum",
    "title",
    "trim",
    "truncate",
    "unique",
    "upper",
    "urlencode",
    "wordcount",
]
_TEXT_METHODS = (
    "capitalize casefold count endswith find index isalnum isalpha isascii isdecimal isdigit "
    "islower isnumeric isspace istitle isupper join lower lstrip partition removeprefix "
    "removesuffix replace rfind rindex rpartition rsplit rstrip split splitlines startswith "
    "strip swapcase title upper"
)
_METHODS: Final[Mapping[type, frozenset[str]]] = {
    str: frozenset(_TEXT_METHODS.split()),
    list: frozenset(("count", "index")),
    tuple: frozenset(("count", "index")),
    dict: frozenset(("get", "items", "keys", "values")),
}
_LOOP = frozenset(
    (
        "index",
        "index0",
        "revindex",
        "revindex0",
        "first",
        "last",
        "length",
        "previtem",
        "nextitem",
        "depth",
        "depth0",
    )
)

CompileErrors: Final = (
    jinja2.TemplateError,
    SyntaxError,
    ValueError,
    RecursionError,
    MemoryError,
    OverflowError,
)
"""What compiling can end with: CPython refuses some nestings by itself."""


class NothingSupplied(jinja2.UndefinedError):
    """An absent attribute, or an `if` expression without an `else`: the template has no value."""


class Missing(jinja2.StrictUndefined):
    """An undefined value; every use but `default` and `is defined` fails."""

    __slots__ = ()

    def __init__(
        self,
        hint: str | None = None,
        obj: Any = missing,
        name: str | None = None,
        exc: type[jinja2.TemplateRuntimeError] = jinja2.UndefinedError,
    ) -> None:
        """As Jinja2's own."""
        # Jinja2 makes one without object and name for an `x if y` whose else is missing.
        super().__init__(
            hint, obj, name, NothingSupplied if obj is missing and name is None else exc
        )


def _urlencode(value: object) -> str:
    """For any part of a URL: Jinja2 leaves a / as it is, which ends the account of a database."""
    if isinstance(value, str):
        return quote(value, safe="")
    return do_urlencode(value)  # type: ignore[arg-type] # it refuses other types itself


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment. Nothing is folded at compile time, so that every bound holds then too."""

    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self, finalize: Callable[[object], object]) -> None:
        """`finalize` makes text of what an expression gives."""
        super().__init__(
            undefined=Missing,
            optimized=False,
            cache_size=0,
            keep_trailing_newline=True,
            finalize=finalize,
        )
        self.filters = {name: self.filters[name] for name in _FILTERS} | {
            "string": bounds.text,
            "join": bounds.join,
            "replace": bounds.replace,
            "format": bounds.format_,
            "urlencode": _urlencode,
            " concat": bounds.concat,
            " rounds": bounds.rounds,
            " whole": bounds.whole,
        }
        self.globals = {"range": bounds.range_}

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """The intercepted operators, refused if the result would be too large."""
        del context
        return bounds.OPERATORS[operator](left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Methods by name: some of Python's would make text of any length."""
        del value
        for kind, names in _METHODS.items():
            if isinstance(obj, kind):
                return attr in names
        return type(obj).__name__ == "LoopContext" and attr in _LOOP

    def wrap_str_format(self, value: Any) -> None:
        """Not even the sandboxed `format` of texts: its widths know no bounds."""

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:
        """Calls with bounds the methods of texts that are filters, too."""
        owner, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
        if isinstance(owner, str) and name == "replace":
            return bounds.replace(owner, *args, **kwargs)
        if isinstance(owner, str) and name == "join":
            return bounds.join(args[0] if len(args) == 1 else args, owner)
        return super().call(context, obj, *args, **kwargs)

    def bounded(self, source: str) -> nodes.Template:
        """The template's syntax tree, with its bounds built in. Raises one of CompileErrors."""
        if len(source) > MAX_SOURCE:
            raise bounds.TooMuch(
                f"a template may have {MAX_SOURCE} characters, this one has {len(source)}"
            )
        tree = self.parse(source)
        kinds: tuple[type[nodes.Node], ...] = (*_FORBIDDEN, nodes.For)
        for node in tree.find_all(kinds):
            if not isinstance(node, nodes.For) or node.recursive:
                name = _FORBIDDEN.get(type(node), "recursive loops")
                raise bounds.TooMuch(f"{name} cannot be used in a value")
        for constant in tree.find_all(nodes.Const):
            if isinstance(constant.value, str):
                bounds.encodable(constant.value)
        _Bounds().visit(tree)
        return tree


class _Bounds(NodeTransformer):
    """Inserts the counting filters where text and lists grow."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - Jinja2's own
        """Loops count their rounds."""
        self.generic_visit(node)
        node.iter = _filtered(node.iter, " rounds")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja2's own
        """The operator `~` stops where its text is too long."""
        self.generic_visit(node)
        return _filtered(
            nodes.List(node.nodes, lineno=node.lineno, environment=node.environment), " concat"
        )

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802 - Jinja2's own
        """A list is neither large nor deep."""
        self.generic_visit(node)
        return _filtered(node, " whole")

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802 - Jinja2's own
        """Nor is a mapping."""
        self.generic_visit(node)
        return _filtered(node, " whole")

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802 - Jinja2's own
        """Nor is a tuple, unless it names what is assigned to."""
        self.generic_visit(node)
        return node if node.ctx == "store" else _filtered(node, " whole")


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    """The node with a filter behind it."""
    return nodes.Filter(
        cast("nodes.Expr", node),
        name,
        [],
        [],
        None,
        None,
        lineno=node.lineno,
        environment=node.environment,
    )


def is_template(source: str) -> bool:
    """Whether a text is anything but itself."""
    return _MARK.search(source) is not None
