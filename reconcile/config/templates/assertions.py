"""Assertions over the state that a plan would lead to: expressions, compiled into one loop.

All objects of a kind are looked at in one rendering, because a rendering for each of 20,000 users
costs ten times as much as the expressions themselves. The sandbox is that of templates. Groups and
roles are named by literal texts, so that a misspelt name is seen before anything is evaluated.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final, cast

import jinja2
from jinja2 import meta, nodes

from reconcile.config.schema.wording import suggestion
from reconcile.config.templates import bounds, config_templates
from reconcile.config.templates.assertion_bounds import Bounded, Budget
from reconcile.config.templates.assertion_tests import TESTS, boolean, filter_of
from reconcile.config.templates.config_templates import FAILURES, Refused, said
from reconcile.config.templates.sandbox import CompileErrors, Sandbox
from reconcile.errors import TemplateFailed
from reconcile.model.desired import AssertedKind, Record, Records
from reconcile.model.text.folding import fold_name

NAMES: Final[Mapping[AssertedKind, str]] = {
    "users": "user",
    "groups": "group",
    "departments": "department",
    "roles": "role",
    "memberships": "membership",
    "state": "",
}
"""What an expression calls the object it is evaluated for."""
KINDS: Final = tuple(kind for kind in NAMES if kind != "state")
_KEYS: Final[Mapping[str, str]] = {
    "user": "username",
    "group": "name",
    "department": "path",
    "role": "name",
}
_BUILT_IN_TESTS: Final = (
    "defined",
    "divisibleby",
    "eq",
    "equalto",
    "even",
    "false",
    "ge",
    "gt",
    "in",
    "le",
    "lower",
    "lt",
    "mapping",
    "ne",
    "none",
    "number",
    "odd",
    "sequence",
    "string",
    "true",
    "undefined",
    "upper",
)
_OPERATOR_TESTS: Final = ("==", "!=", ">", ">=", "<", "<=", "sameas", "boolean", "integer")
_NO_FIELD: Final = re.compile(r"'[\w.]* object' has no attribute '(\w+)'")
_VERDICTS: Final[Mapping[str, bool | None]] = {"1": True, "0": False, "": None}


def _written(value: object) -> str:
    """What the loop writes for an object: 1, 0, or nothing for one that `where` leaves out."""
    return "" if value is None else "01"[bool(value)]


def _sandbox(environment: Sandbox) -> Sandbox:
    """The environment with the tests and filters of assertions."""
    known = (*_BUILT_IN_TESTS, *_OPERATOR_TESTS)
    environment.tests = {name: environment.tests[name] for name in known} | dict(TESTS)
    environment.filters |= {name: filter_of(test) for name, test in TESTS.items()}
    environment.filters[" boolean"] = boolean
    return environment


_loops = _sandbox(Sandbox(_written))
_messages = _sandbox(Sandbox(bounds.text))


class CompiledCheck:
    """The expressions of one assertion, as `model.desired.Check` promises them."""

    def __init__(
        self,
        about: AssertedKind,
        where: str | None,
        holds: str,
        message: str | None,
        variables: Mapping[str, Any],
    ) -> None:
        """`where` None is about every object. Raises Refused, which names the key that is wrong."""
        self._about = about
        self._variables = variables
        named: dict[str, set[str]] = {"in_group": set(), "with_role": set()}
        condition = None if where is None else self._expression("where", where, named)
        asserted = self._expression("assert", holds, named)
        try:
            self._loop = _looped(NAMES[about], condition, asserted)
        except CompileErrors as error:
            raise Refused(f"assert: not an expression: {said(error)}") from None
        self._message = None if message is None else self._message_template(message, named)
        self.groups = frozenset(named["in_group"])
        self.roles = frozenset(named["with_role"])

    def verdicts(self, state: Records) -> Iterator[bool | None]:
        """As Check says."""
        records = state[self._about] if self._about != "state" else ({},)
        context = self._context(state) | {"_records": records}
        number = 0
        try:
            for written in self._loop.root_render_func(self._loop.new_context(context)):
                yield _VERDICTS[written]
                number += 1
        except (*FAILURES, *CompileErrors) as error:
            where = ""
            if self._about != "state" and number < len(records):
                where = f" for {_described(NAMES[self._about], records[number])}"
            raise TemplateFailed(f"cannot be evaluated{where}: {_why(error)}") from None

    def message(self, record: Record, state: Records) -> str:
        """As Check says."""
        name = NAMES[self._about]
        described = _described(name, record) if name else "the assertion does not hold"
        if self._message is None:
            return described
        context = self._context(state) | ({name: record} if name else {})
        try:
            rendering = self._message.new_context(context)
            pieces = bounds.pieces(self._message.root_render_func(rendering))
            return " ".join(bounds.encodable("".join(pieces)).split())
        except (*FAILURES, *CompileErrors) as error:
            return f"{described} (its message cannot be rendered: {_why(error)})"

    def _context(self, state: Records) -> dict[str, Any]:
        """What every expression knows."""
        budget = Budget()
        kinds: dict[str, Any] = {kind: Bounded(state[kind], budget) for kind in KINDS}
        return {**kinds, "vars": self._variables, **bounds.rounds_left()}

    def _expression(self, key: str, text: str, named: dict[str, set[str]]) -> nodes.Expr:
        """The tree of an expression. Raises Refused."""
        try:
            tree = _loops.bounded(f"{{{{ {text}\n}}}}")
        except CompileErrors as error:
            raise Refused(f"{key}: not an expression: {said(error)}") from None
        expression = config_templates.single(tree.body)
        if expression is None:
            raise Refused(f"{key}: expected one expression, without {{{{ }}}}")
        self._check_names(key, tree)
        _collect(key, tree, named)
        return expression

    def _message_template(self, text: str, named: dict[str, set[str]]) -> jinja2.Template:
        """The template of a message. Raises Refused."""
        try:
            tree = _messages.bounded(text)
            self._check_names("message", tree)
            _collect("message", tree, named)
            return _messages.from_string(tree)
        except CompileErrors as error:
            raise Refused(f"message: not a template: {said(error)}") from None

    def _check_names(self, key: str, tree: nodes.Template) -> None:
        """Raises Refused for a name that no expression has."""
        known = {*KINDS, "vars", "range", NAMES[self._about]} - {""}
        try:
            unknown = meta.find_undeclared_variables(tree) - known
        except CompileErrors as error:  # a test or a filter that does not exist
            raise Refused(f"{key}: not an expression: {said(error)}") from None
        for name in sorted(unknown):
            there_is = ", ".join(sorted(known - {"range"}))
            near = suggestion(name, known) or f"; known are: {there_is}"
            raise Refused(f"{key}: unknown name `{name}`{near}")


def _why(error: Exception) -> str:
    """An error in words; a missing field without the type that Python has for a record."""
    return _NO_FIELD.sub(r"it has no field '\1'", said(error))


def _looped(name: str, condition: nodes.Expr | None, holds: nodes.Expr) -> jinja2.Template:
    """The template that writes one verdict for each of `_records`."""
    verdict: nodes.Expr = _boolean(holds)
    if condition is not None:
        verdict = nodes.CondExpr(_boolean(condition), verdict, nodes.Const(None))
    loop = nodes.For(
        nodes.Name(name or "_record", "store"),
        nodes.Name("_records", "load"),
        [nodes.Output([verdict])],
        [],
        None,
        False,
    )
    whole = nodes.Template([loop], lineno=1)
    whole.set_lineno(1)
    whole.set_environment(_loops)
    return _loops.from_string(whole)


def _boolean(node: nodes.Expr) -> nodes.Expr:
    """The expression, which then has to give true or false."""
    return nodes.Filter(node, " boolean", [], [], None, None)


def _collect(key: str, tree: nodes.Template, named: dict[str, set[str]]) -> None:
    """Notes the groups and roles that tests and filters name; groups are then compared folded.

    Raises Refused for a name that is not a literal text.
    """
    for node in tree.find_all((nodes.Test, nodes.Filter)):
        used = cast("nodes.Test | nodes.Filter", node)
        if used.name in {"selectattr", "rejectattr", "select", "reject", "map"}:
            _refuse_indirect(key, used)
        if used.name not in named:
            continue
        match used.args:
            case [nodes.Const(value=str(name))] if not used.kwargs:
                named[used.name].add(name)
                if used.name == "in_group":
                    used.args = [nodes.Const(fold_name(name), lineno=used.lineno)]
            case _:
                raise Refused(f"{key}: {used.name} takes one name in quotes: {used.name}('x')")


def _refuse_indirect(key: str, node: nodes.Test | nodes.Filter) -> None:
    """Raises Refused for `select('in_group', …)`, whose names nothing would check."""
    for argument in node.args:
        if isinstance(argument, nodes.Const) and argument.value in {"in_group", "with_role"}:
            name = argument.value
            raise Refused(f"{key}: write `| {name}('x')` instead of `| {node.name}('{name}', 'x')`")


def _described(name: str, record: Record) -> str:
    """An object in words: its kind and its key."""
    if name == "membership":
        return f"membership {record['user']['username']}/{record['group']['name']}"
    return f"{name} {record[_KEYS[name]]}"
