"""Variables from outside the desired-state files: `--var`, `--var-file` and the environment.

The precedence is Terraform's: the environment goes before what a file's `vars` say, a variables
file before the environment, a later one before an earlier one, and `--var` before everything.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from reconcile import files
from reconcile.config.yaml import documents
from reconcile.config.yaml.documents import Document
from reconcile.config.yaml.nodes import Node, written
from reconcile.errors import ConfigError, Problem

COMMAND_LINE: Final = "--var"
PREFIX: Final = "RECONCILE_VAR_"
"""What the name of a variable of the environment begins with."""


class Variables(dict[str, Any]):
    """Name → value. `origins` says where each is from: `--var` where it does not know."""

    def __init__(self, values: Mapping[str, Any] = {}, origins: Mapping[str, str] = {}) -> None:
        """Takes values, and the origins of those that are not from the command line."""
        super().__init__(values)
        self.origins = dict(origins)


def given(paths: Iterable[Path], texts: Mapping[str, str]) -> Variables:
    """The variables of variables files and of the command line.

    Raises ConfigError with every problem of every file.
    """
    problems: list[Problem] = []
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for path in paths:
        document = _document(path, problems)
        for name, node in _declared(document, problems) if document is not None else ():
            values[name] = node.data()
            place = node.place
            origins[name] = f"{document.file}:{place.line}" if document is not None else ""
    if problems:
        raise ConfigError(problems)
    kept = {name: origin for name, origin in origins.items() if name not in texts}
    return Variables({**values, **texts}, kept)


def origin(variables: Mapping[str, Any], name: str) -> str:
    """Where a variable is from: `--var`, or the file and line of a variables file."""
    origins = variables.origins if isinstance(variables, Variables) else {}
    return origins.get(name, COMMAND_LINE)


def of_environment(names: Iterable[str], environ: Mapping[str, str]) -> dict[str, str]:
    """The variables among those declared that the environment sets."""
    return {name: environ[PREFIX + name] for name in names if PREFIX + name in environ}


def _document(path: Path, problems: list[Problem]) -> Document | None:
    """The document in a variables file; None where it cannot be read."""
    try:
        content, _mode = files.read(path, documents.MAX_BYTES + 1)
    except FileNotFoundError:
        problems.append(Problem(str(path), 0, 0, "", "no such file, which --var-file names"))
        return None
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else "this is not a file name"
        problems.append(Problem(str(path), 0, 0, "", f"cannot be read: {why}"))
        return None
    return documents.read(path, content, exposed=False, problems=problems)


def _declared(document: Document, problems: list[Problem]) -> Sequence[tuple[str, Node]]:
    """The names and values of a variables file."""
    declared = document.root.value
    assert isinstance(declared, dict)  # noqa: S101 - documents.read promises it
    sound = []
    for name, node in declared.items():
        place = document.root.keys[name]
        if name.isidentifier() and name.isascii():
            sound.append((name, node))
            problems += _templates(document, (name,), node)
            continue
        message = "expected a name of letters, digits and _"
        problems.append(Problem(document.file, place.line, place.column, written((name,)), message))
    return sound


def _templates(document: Document, path: tuple[str | int, ...], node: Node) -> Iterable[Problem]:
    """Texts that look like templates: a variables file has values, and nothing renders them."""
    if isinstance(node.value, str) and ("{{" in node.value or "{%" in node.value):
        message = "a variables file has no templates: write this one into `vars` of a file"
        yield Problem(document.file, node.place.line, node.place.column, written(path), message)
    items = node.value.items() if isinstance(node.value, dict) else enumerate(node.children())
    for step, below in items:
        yield from _templates(document, (*path, step), below)
