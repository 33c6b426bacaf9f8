"""Questions on a terminal."""

import sys
from collections.abc import Sequence

import click

from reconcile.render import printable


def interactive() -> bool:
    """Whether a user is at a terminal."""
    return all(stream is not None and stream.isatty() for stream in (sys.stdin, sys.stdout))


def say(text: str) -> None:
    """Shows a line, or several."""
    click.echo("\n".join(map(printable, text.split("\n"))))


def chosen(question: str, values: Sequence[str], rows: Sequence[str]) -> str:
    """One of the DNs by its number, or another DN; `rows` are how the values are shown.

    The first is the default.
    """
    for number, row in enumerate(rows, 1):
        say(f"  {number}  {row}")
    while True:
        answer = str(click.prompt(question, default="1")).strip()
        if "=" in answer:
            return answer
        if answer.isdecimal() and 1 <= int(answer) <= len(values):
            return values[int(answer) - 1]
        say(f"Type a number from 1 to {len(values)}, or a DN.")


def optional(question: str, default: str = "") -> str:
    """A text, perhaps none."""
    return str(click.prompt(question, default=default, show_default=bool(default))).strip()
