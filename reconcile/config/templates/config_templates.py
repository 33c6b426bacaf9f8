"""Templates over the configuration: any value of a file may be one; its result replaces it.

The context is the file's `vars`, by their own names and within `vars`. A value that is one single
expression keeps the type of what the expression gives; any other is text.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

import jinja2
from jinja2 import meta, nodes
from jinja2.utils import concat

from reconcile.config.schema.wording import suggestion
from reconcile.config.templates import bounds, sandbox
from reconcile.config.templates.sandbox import CompileErrors, Sandbox

SECRET_FUNCTIONS: Final = ("env", "file", "command")
FAILURES: Final = (
    jinja2.TemplateError,
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What a template can end with when it is rendered."""

_UNDEFINED = re.compile(r"'(\w+)' is undefined")
_environment = Sandbox(bounds.text)


class Refused(Exception):
    """A template does not compile, or gives nothing that can be used; the text says why."""


class Misplaced(Exception):
    """A secret function is called where no secret is allowed."""


def tree(source: str) -> nodes.Template:
    """The syntax tree of a template. Raises Refused."""
    try:
        return _environment.bounded(source)
    except CompileErrors as error:
        raise Refused(f"not a template: {said(error)}") from None


def names(source: str) -> set[str]:
    """The variables and functions that a template reads. Raises Refused."""
    return meta.find_undeclared_variables(tree(source)) if sandbox.is_template(source) else set()


def calls(source: str) -> set[str]:
    """The secret functions that a template calls. Raises Refused."""
    if not sandbox.is_template(source):
        return set()
    called = map(_secret_function, tree(source).find_all(nodes.Call))
    return {name for name in called if name}


def beside(source: str) -> set[str]:
    """The variables that a template reads outside the arguments of secret functions.

    Raises Refused.
    """
    read: set[str] = set()
    waiting: list[nodes.Node] = [tree(source)] if sandbox.is_template(source) else []
    while waiting:
        node = waiting.pop()
        if _secret_function(node):
            continue
        if isinstance(node, nodes.Name):
            read.add(node.name)
        waiting += node.iter_child_nodes()
    return read


def _secret_function(node: nodes.Node) -> str:
    """The secret function that a node calls; "" for any other node."""
    if not isinstance(node, nodes.Call) or not isinstance(node.node, nodes.Name):
        return ""
    return node.node.name if node.node.name in SECRET_FUNCTIONS else ""


def evaluate(
    source: str, variables: Mapping[str, Any], functions: Mapping[str, Any] | None = None
) -> Any:
    """What a template gives. `functions` go before variables of the same name. Raises Refused.

    Errors of the functions themselves come through as they are.
    """
    if not sandbox.is_template(source):
        return source
    body = tree(source).body
    context = {
        **dict.fromkeys(SECRET_FUNCTIONS, _misplaced),
        **variables,
        "vars": variables,
        **(functions or {}),
    }
    expression = single(body)
    if expression is not None:
        body = [nodes.Assign(nodes.Name("result", "store"), expression, lineno=1)]
    try:
        whole = nodes.Template(body, lineno=1)
        whole.set_environment(_environment)
        template = _environment.from_string(whole)
        rendering = template.new_context({**context, **bounds.rounds_left()})
        written = bounds.encodable(concat(bounds.pieces(template.root_render_func(rendering))))
        return written if expression is None else _plain(rendering.vars["result"])
    except Misplaced as error:
        raise Refused(str(error)) from None
    except jinja2.UndefinedError as error:
        raise Refused(_undefined(error, variables)) from None
    except (*FAILURES, *CompileErrors) as error:
        raise Refused(said(error)) from None


def said(error: BaseException) -> str:
    """An error of a template on one short line."""
    if isinstance(error, RecursionError | MemoryError | SyntaxError):
        return "the template is too deeply nested"
    text = " ".join(str(getattr(error, "message", None) or error).split())
    if len(text) > 120:
        return f"{text[:120]}…"
    return text or type(error).__name__


def _undefined(error: jinja2.UndefinedError, variables: Mapping[str, Any]) -> str:
    """What to say of a name that is no variable, or of an attribute that does not exist."""
    match = _UNDEFINED.fullmatch(error.message or "")
    if match is None:
        return said(error)
    return unknown_variable(match[1], variables)


def unknown_variable(name: str, variables: Mapping[str, Any]) -> str:
    """The error for a name in a template that is not a variable."""
    return f"unknown variable `{name}`{suggestion(name, variables)}"


def _misplaced(*_args: object, **_kwargs: object) -> None:
    """Takes the place of the secret functions where there is no secret."""
    raise Misplaced(
        "env(), file() and command() give secrets and are allowed only where one belongs: "
        "bind.password, platform.url and state"
    )


def single(body: list[nodes.Node]) -> nodes.Expr | None:
    """The expression of a template that is nothing but one."""
    output = body[0] if len(body) == 1 else None
    if isinstance(output, nodes.Output) and len(output.nodes) == 1:
        expression = output.nodes[0]
        return None if isinstance(expression, nodes.TemplateData) else expression
    return None


def _plain(value: Any) -> Any:
    """A copy that is nothing but YAML could have given. Raises TypeError."""
    if isinstance(value, list | tuple | dict):
        bounds.whole(value)
    if isinstance(value, range | list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {bounds.text(key): _plain(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | float):
        return value
    written = bounds.encodable(bounds.short(bounds.text(value)))
    return value if isinstance(value, int) else written
