"""Man pages, written from the help: `python -m reconcile.cli.guide.man FOLDER`."""

import sys
from collections.abc import Iterator
from inspect import cleandoc
from pathlib import Path

import click

from reconcile import __version__
from reconcile.cli import cli
from reconcile.cli.guide.epilogs import EXAMPLES


def pages() -> dict[str, str]:
    """The name of each page's file → its text: one of the command line, one of each command."""
    helped = cli.context_settings
    top = click.Context(cli, info_name="reconcile", **helped)
    written = {"reconcile.1": _page(top, cli)}
    for name, command in _commands(top, cli, "reconcile"):
        context = click.Context(command, info_name=name, **helped)
        written[f"{name.replace(' ', '-')}.1"] = _page(context, command)
    return written


def _commands(
    context: click.Context, group: click.Group, prefix: str
) -> Iterator[tuple[str, click.Command]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command is not None:
            yield f"{prefix} {name}", command
            if isinstance(command, click.Group):
                yield from _commands(context, command, f"{prefix} {name}")


def _page(context: click.Context, command: click.Command) -> str:
    """One page in the macros of man(7)."""
    name = (context.info_name or "").replace(" ", "-")
    usage = command.collect_usage_pieces(context)
    lines = [
        f'.TH "{name.upper()}" "1" "" "reconcile {__version__}" "reconcile"',
        ".SH NAME",
        _text(f"{name} - {_sentence(command)}"),
        ".SH SYNOPSIS",
        f"\\fB{_text(context.info_name or '')}\\fR {_text(' '.join(usage))}",
        ".SH DESCRIPTION",
        *_paragraphs(command.help or ""),
    ]
    if isinstance(command, click.Group):
        lines += [".SH COMMANDS", *_below(context, command)]
    lines += [".SH OPTIONS", *_options(context, command)]
    if examples := EXAMPLES.get(command.name or ""):
        lines += [".SH EXAMPLES", ".nf", *map(_text, examples), ".fi"]
    lines += [".SH FILES", *_item("reconcile.yml", "The desired state, unless another is named.")]
    return "\n".join(lines) + "\n"


def _sentence(command: click.Command) -> str:
    """What it does, as a man page says it: without a capital letter or a full stop."""
    text = command.get_short_help_str(limit=200).rstrip(".")
    return text[:1].lower() + text[1:]


def _below(context: click.Context, group: click.Group) -> Iterator[str]:
    """The commands of a group, and the page of each."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        page = f"{context.info_name} {name}".replace(" ", "-")
        if command is not None:
            yield from _item(f"{page}(1)", command.get_short_help_str(limit=200))


def _options(context: click.Context, command: click.Command) -> Iterator[str]:
    """The options and what each does."""
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and record[1]:
            yield from _item(*record)


def _item(term: str, text: str) -> tuple[str, ...]:
    """A term, and what it means, indented below it."""
    return (".TP", f"\\fB{_text(term)}\\fR", _text(" ".join(text.split())))


def _paragraphs(text: str) -> Iterator[str]:
    """Text in paragraphs, which empty lines separate."""
    for number, paragraph in enumerate(cleandoc(text).split("\n\n")):
        if number:
            yield ".PP"
        yield _text(" ".join(paragraph.split()).replace("\b ", ""))


def _text(text: str) -> str:
    """Text in which roff sees no command of its own."""
    safe = text.replace("\\", "\\e").replace("-", "\\-").replace("'", "\\(aq")
    return f"\\&{safe}" if safe.startswith(".") else safe


def main(folder: Path) -> None:
    """Writes the pages into a folder, and removes those of commands that no longer exist."""
    folder.mkdir(parents=True, exist_ok=True)
    written = pages()
    for old in folder.glob("*.1"):
        if old.name not in written:
            old.unlink()
    for name, text in written.items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
