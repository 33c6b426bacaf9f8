"""Whether the output is coloured: `--color`, NO_COLOR, FORCE_COLOR, the terminal, in this order."""

import os
import sys
from typing import Final

import click

WHEN: Final = ("auto", "always", "never")
"""The words for `--color`."""


def remember(context: click.Context, _parameter: click.Parameter, when: str) -> None:
    """Takes the word for `--color`; `auto` asks the environment."""
    forced = {"always": True, "never": False}.get(when, _environment())
    if forced is not None and context.color is not False:
        context.color = forced  # click strips colours from what is no terminal, unless it is True


def never(context: click.Context, _parameter: click.Parameter, value: bool) -> None:
    """`--no-color` is `--color never`."""
    if value:
        context.color = False


def wanted() -> bool:
    """Whether to colour standard output."""
    decided = click.get_current_context().color
    if decided is not None:
        return decided
    return sys.stdout is not None and sys.stdout.isatty()


def _environment() -> bool | None:
    """What the environment says (no-color.org, force-color.org); None for nothing."""
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return None
