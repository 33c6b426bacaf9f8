"""Tables that fit the terminal, their columns chosen by the reader."""

import difflib
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import click

from reconcile.cli.terminal import pager
from reconcile.errors import UsageError

Command = TypeVar("Command", bound=Callable[..., object])
Rows = Sequence[Mapping[str, object]]


class Columns(NamedTuple):
    """The columns of a table."""

    narrow: tuple[str, ...]
    """Those of a terminal, in which the table has to fit."""
    wide: tuple[str, ...]
    """All of them: for files, pipes and `--wide`."""


class Shape(NamedTuple):
    """What the command line asks of a table."""

    wide: bool = False
    chosen: tuple[str, ...] = ()


def table_options(command: Command) -> Command:
    """--wide and --columns, as the parameters `wide` and `chosen`."""
    command = click.option(
        "--columns",
        "chosen",
        metavar="NAME,...",
        callback=_names,
        help="Only these columns, in this order, sorted by the first.",
    )(command)
    return wide_option(command)


def wide_option(command: Command) -> Command:
    """--wide."""
    return click.option(
        "--wide", is_flag=True, help="All columns, none of them cut to fit the terminal."
    )(command)


def show(rows: Rows, columns: Columns, form: Any, shape: Shape, *, paged: bool = True) -> None:
    """Prints rows as a table, CSV or JSON. Raises UsageError for a column that does not exist.

    Without any choice JSON has every key.
    """
    from reconcile.render import table

    names, rows = _chosen(rows, columns, shape)
    if shape.chosen and form == "json":
        rows = [{name: row[name] for name in names} for row in rows]
    text = table(rows, names, form, room() if form == "table" and not shape.wide else None)
    if paged:
        pager.page(text)
    else:
        click.echo(text)


def _names(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> tuple[str, ...]:
    """The names of columns, separated by commas."""
    names = tuple(name.strip() for name in (value or "").split(",") if name.strip())
    if value is not None and not names:
        raise click.BadParameter("expected the names of columns, as in --columns username,email")
    return names


def _chosen(rows: Rows, columns: Columns, shape: Shape) -> tuple[tuple[str, ...], Rows]:
    """The columns that are shown, and the rows in their order."""
    if shape.chosen:
        _check(shape.chosen, rows, columns)
        first = shape.chosen[0]
        return shape.chosen, sorted(rows, key=lambda row: str(row[first] or "").casefold())
    if shape.wide or room() is None:
        return columns.wide, rows
    names = columns.narrow
    # The name of the only workspace would be said in each row.
    if len({row.get("workspace") for row in rows}) <= 1:
        names = tuple(name for name in names if name != "workspace")
    return names, rows


def _check(chosen: Sequence[str], rows: Rows, columns: Columns) -> None:
    """Raises UsageError for a column that no row has."""
    known = list(dict.fromkeys([*columns.wide, *(key for row in rows[:1] for key in row)]))
    for name in chosen:
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise UsageError(
                f"--columns: no column is called {name!r}.{hint} There are: {', '.join(known)}"
            )


def room() -> int | None:
    """How many columns the terminal has; None where standard output is no terminal."""
    if sys.stdout is None or not sys.stdout.isatty():
        return None
    return shutil.get_terminal_size().columns
