"""Jinja2 that can neither reach out nor run away: the one environment in which all templates are compiled.

Besides Jinja2's own sandbox, everything that multiplies is bounded: there are no macros, includes or namespaces that
could carry growth from one round of a loop to the next, loops share a budget of rounds, and operators, filters and
methods that make text or lists refuse results beyond `MAX_TEXT` and `MAX_ITEMS`. So a template ends, whatever it says.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final, cast

import jinja2
from jinja2 import nodes
from jinja2.exceptions import SecurityError
from jinja2.runtime import Context, Undefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import missing
from jinja2.visitor import NodeTransformer

MAX_SOURCE: Final = 8 * 1024
"""Characters of a template's own text; values without `{{` or `{%` may be longer."""
MAX_TEXT: Final = 64 * 1024
MAX_ITEMS: Final = 10_000
MAX_ROUNDS: Final = 10_000
MAX_BITS: Final = 4096

_MARK = re.compile(r"\{[{%#]")
_FORBIDDEN = (
    nodes.AssignBlock,
    nodes.Block,
    nodes.CallBlock,
    nodes.Extends,
    nodes.FilterBlock,
    nodes.FromImport,
    nodes.Import,
    nodes.Include,
    nodes.Macro,
    nodes.NSRef,
)
_WIDE = re.compile(r"%[^%a-zA-Z]*(?:[0-9]{4,}|\*)")
_FILTERS = (
    "abs", "capitalize", "count", "d", "default", "dictsort", "first", "float", "int", "items", "last", "length",
    "list", "lower", "map", "max", "min", "reject", "rejectattr", "reverse", "select", "selectattr", "sort",
    "sum", "title", "trim", "truncate", "unique", "upper", "urlencode", "wordcount",
)  # fmt: skip
_TEXT_METHODS = (
    "capitalize casefold count endswith find index isalnum isalpha isascii isdecimal isdigit islower isnumeric isspace "
    "istitle isupper join lower lstrip partition removeprefix removesuffix replace rfind rindex rpartition rsplit "
    "rstrip split splitlines startswith strip swapcase title upper"
)
_METHODS: Final[Mapping[type, frozenset[str]]] = {
    str: frozenset(_TEXT_METHODS.split()),
    list: frozenset(("count", "index")),
    tuple: frozenset(("count", "index")),
    dict: frozenset(("get", "items", "keys", "values")),
}
_LOOP = frozenset(
    ("index", "index0", "revindex", "revindex0", "first", "last", "length", "previtem", "nextitem", "depth", "depth0")
)

CompileErrors: Final = (jinja2.TemplateError, SyntaxError, ValueError, RecursionError, MemoryError, OverflowError)
"""What compiling can end with: CPython refuses some nestings by itself."""


class TooMuch(SecurityError):
    """A template asks for more than a value of a configuration may need."""


class NothingSupplied(jinja2.UndefinedError):
    """A template asks for what is not there, and may: an absent attribute, or the else of an `if` without one."""


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
        # Jinja2 makes one without object and name for an `x if y` whose else is missing.
        super().__init__(hint, obj, name, NothingSupplied if obj is missing and name is None else exc)


class Sandbox(ImmutableSandboxedEnvironment):
    """The environment. Nothing is folded at compile time, so that every bound holds then too."""

    intercepted_binops = frozenset(("+", "*", "**", "%"))

    def __init__(self, finalize: Callable[[object], object]) -> None:
        """`finalize` makes text of what an expression gives."""
        super().__init__(
            undefined=Missing, optimized=False, cache_size=0, keep_trailing_newline=True, finalize=finalize
        )
        self.filters = {name: self.filters[name] for name in _FILTERS} | {
            "string": text,
            "join": _join,
            "replace": _replace,
            "format": _format,
            " concat": _concat,
            " rounds": _rounds,
            " whole": whole,
        }
        self.globals = {"range": _range}

    def call_binop(self, context: Context, operator: str, left: Any, right: Any) -> Any:
        """The intercepted operators, refused where the result would be too large."""
        del context
        return _OPERATORS[operator](left, right)

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """Methods by name from short lists: Python's texts have several that make text of any length."""
        del value
        for kind, names in _METHODS.items():
            if isinstance(obj, kind):
                return attr in names
        return type(obj).__name__ == "LoopContext" and attr in _LOOP

    def call(self, context: Context, obj: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: D102 - Jinja2's own
        owner, name = getattr(obj, "__self__", None), getattr(obj, "__name__", "")
        if isinstance(owner, str) and name == "replace":
            return _replace(owner, *args, **kwargs)
        if isinstance(owner, str) and name == "join":
            return _join(args[0] if len(args) == 1 else args, owner)
        return super().call(context, obj, *args, **kwargs)

    def bounded(self, source: str) -> nodes.Template:
        """The template's syntax tree, with its bounds built in. Raises one of CompileErrors."""
        if len(source) > MAX_SOURCE:
            raise TooMuch(f"a template may have {MAX_SOURCE} characters, this one has {len(source)}")
        tree = self.parse(source)
        for node in tree.find_all((*_FORBIDDEN, nodes.For)):
            if not isinstance(node, nodes.For) or node.recursive:
                name = "recursive loops" if isinstance(node, nodes.For) else type(node).__name__.lower()
                raise TooMuch(f"{name} cannot be used in a value")
        _Bounds().visit(tree)
        return tree


class _Bounds(NodeTransformer):
    """Puts the counting filters where text and lists grow."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802 - Jinja2's own
        self.generic_visit(node)
        node.iter = _filtered(node.iter, " rounds")
        return node

    def visit_Concat(self, node: nodes.Concat) -> nodes.Node:  # noqa: N802 - Jinja2's own
        self.generic_visit(node)
        return _filtered(nodes.List(node.nodes, lineno=node.lineno, environment=node.environment), " concat")

    def visit_List(self, node: nodes.List) -> nodes.Node:  # noqa: N802 - Jinja2's own
        self.generic_visit(node)
        return _filtered(node, " whole")

    def visit_Dict(self, node: nodes.Dict) -> nodes.Node:  # noqa: N802 - Jinja2's own
        self.generic_visit(node)
        return _filtered(node, " whole")

    def visit_Tuple(self, node: nodes.Tuple) -> nodes.Node:  # noqa: N802 - Jinja2's own
        self.generic_visit(node)
        return node if node.ctx == "store" else _filtered(node, " whole")


def _filtered(node: nodes.Node, name: str) -> nodes.Filter:
    return nodes.Filter(
        cast("nodes.Expr", node), name, [], [], None, None, lineno=node.lineno, environment=node.environment
    )


def is_template(source: str) -> bool:
    """Whether a text is anything but itself."""
    return _MARK.search(source) is not None


def text(value: object) -> str:
    """A value as it is written out; lists and mappings only as far as they are small."""
    if isinstance(value, str):
        return value
    if isinstance(value, list | tuple | dict):
        return _short(str(whole(value)))
    if isinstance(value, int) and value.bit_length() > MAX_BITS:
        raise TooMuch("the number is too large")
    if value is None or isinstance(value, int | float | Undefined):
        return str(value)  # of an undefined value this raises
    raise TypeError(f"a {type(value).__name__} is no text")


def _short(value: str) -> str:
    if len(value) > MAX_TEXT:
        raise TooMuch(f"the text is longer than {MAX_TEXT} characters")
    return value


def whole(value: Any) -> Any:
    """A list or mapping, if everything in it counts up to little enough."""
    left, pending = MAX_ITEMS, [value]
    while pending:
        item = pending.pop()
        left -= 1 + len(item) // 64 if isinstance(item, str) else 1
        if left < 0:
            raise TooMuch(f"the value has more than {MAX_ITEMS} parts")
        if isinstance(item, dict):
            pending += [*item, *item.values()]
        elif isinstance(item, list | tuple):
            pending += item
        elif isinstance(item, Undefined):
            str(item)  # raises
    return value


def _concat(parts: list[object]) -> str:
    return _joined("", map(text, parts))


def _join(value: Iterable[object], d: str = "", attribute: str | None = None) -> str:
    if attribute is not None:
        raise TypeError("join takes no attribute: use map first")
    return _joined(text(d), map(text, value))


def _joined(separator: str, parts: Iterable[str]) -> str:
    length, kept = 0, []
    for part in parts:
        length += len(part) + len(separator)
        if length > MAX_TEXT + len(separator):
            raise TooMuch(f"the text is longer than {MAX_TEXT} characters")
        kept.append(part)
    return separator.join(kept)


def _replace(s: object, old: object, new: object, count: int = -1) -> str:
    whole, before, after = text(s), text(old), text(new)
    found = whole.count(before) if count < 0 else min(count, whole.count(before))
    if len(whole) + found * (len(after) - len(before)) > MAX_TEXT:
        raise TooMuch(f"the text is longer than {MAX_TEXT} characters")
    return whole.replace(before, after, found)


def _format(value: object, *args: Any) -> Any:
    return _modulo(text(value), args)


def _modulo(left: Any, right: Any) -> Any:
    if isinstance(left, str):
        if _WIDE.search(left):
            raise TooMuch("the text is formatted wider than 999 characters")
        parts = right if isinstance(right, tuple) else (right,)
        return _short(left % tuple(text(part) if isinstance(part, list | tuple | dict) else part for part in parts))
    return left % right


def _add(left: Any, right: Any) -> Any:
    if isinstance(left, str) and isinstance(right, str):
        return _concat([left, right])
    total: Any = left + right
    return whole(total) if isinstance(total, list | tuple) else total


def _multiply(left: Any, right: Any) -> Any:
    for value, times in ((left, right), (right, left)):
        if isinstance(value, str | list | tuple) and isinstance(times, int) and len(value) * times > MAX_ITEMS:
            raise TooMuch(f"more than {MAX_ITEMS} repetitions")
    _number(left, right, sum)
    total = left * right
    return whole(total) if isinstance(total, list | tuple) else total


def _power(left: Any, right: Any) -> Any:
    _number(left, right, lambda bits: bits[0] * max(right, 0))
    return left**right


def _number(left: Any, right: Any, bits: Callable[[list[int]], int]) -> None:
    if isinstance(left, int) and isinstance(right, int) and bits([left.bit_length(), right.bit_length()]) > MAX_BITS:
        raise TooMuch("the number is too large")


_OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {"+": _add, "*": _multiply, "**": _power, "%": _modulo}


@jinja2.pass_context
def _rounds(context: Context, value: Iterable[Any]) -> Iterator[Any]:
    """Counts the rounds of all loops of one rendering, in a list of its own name among the context's values."""
    return _counted(iter(value), context.parent[" rounds"])


def _counted(values: Iterator[Any], budget: list[int]) -> Iterator[Any]:
    for item in values:
        budget[0] -= 1
        if budget[0] < 0:
            raise TooMuch(f"loops of more than {MAX_ROUNDS} rounds")
        yield item


def rounds() -> dict[str, list[int]]:
    """The loop budget of one rendering, to be put into its context."""
    return {" rounds": [MAX_ROUNDS]}


def _range(*limits: int) -> range:
    numbers = range(*limits)
    # len() itself refuses numbers beyond C's; the bound is the same.
    if max(map(abs, limits), default=0) > 2**31 or len(numbers) > MAX_ITEMS:
        raise TooMuch(f"range of more than {MAX_ITEMS} numbers")
    return numbers
