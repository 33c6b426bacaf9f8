"""The variables of a command: of its environment, and of --var and --var-file in their order."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import click

_PREFIX: Final = "RECONCILE_VAR_"
_ORDER: Final = "reconcile.variables"
"""Where a context keeps which option came when: name of the option and its text."""


class InOrder(click.Option):
    """An option that notes when it was given among others of its class."""

    def add_to_parser(self, parser: Any, ctx: click.Context) -> None:
        """As click's own; wraps the step that takes a value, because click sorts by option."""
        super().add_to_parser(parser, ctx)
        order: list[tuple[str, str]] = ctx.meta.setdefault(_ORDER, [])
        name = self.opts[0]
        option = parser._long_opt[name]  # noqa: SLF001 - click has no other place for it
        process = option.process

        def noted(value: str, state: Any) -> None:
            """Notes the value before click takes it."""
            order.append((name, value))
            process(value, state)

        option.process = noted


def collected(
    context: click.Context, _parameter: click.Parameter, _values: tuple[str, ...]
) -> Mapping[str, Any]:
    """All variables; a later option wins. Raises ConfigError for a file that cannot be used."""
    order: list[tuple[str, str]] = context.meta.get(_ORDER, [])
    of_environment = any(name.startswith(_PREFIX) for name in os.environ)
    if not of_environment and all(name == "--var" for name, _ in order):
        return dict(_assigned(text) for _, text in order)
    from reconcile import config  # it costs time to import, and most commands need none of it

    variables = config.of_environment(os.environ)
    for name, text in order:
        if name == "--var-file":
            config.read_file(Path(text), variables)
        else:
            variables.put_text(*_assigned(text))
    return variables


def _assigned(text: str) -> tuple[str, str]:
    """Name and value of a --var."""
    name, equals, value = text.partition("=")
    if not equals or not name.isidentifier():
        raise click.BadParameter(f"{text!r} is not of the form name=value")
    return name, value
