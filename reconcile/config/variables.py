"""Variables from outside the files: `--var`, `--var-file` and the environment.

As Terraform has it: the environment gives way to the command line, and of the command line the
later option wins. A variable that no file declares or uses is an error in `--var`, a warning in a
variable file, and nothing in the environment, which many programs share.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from reconcile import files
from reconcile.config.yaml import documents
from reconcile.errors import ConfigError, Problem

PREFIX: Final = "RECONCILE_VAR_"
VAR: Final = "--var"
Given: TypeAlias = Literal["var", "file", "environment"]


class Origin(NamedTuple):
    """Where the value of a variable comes from."""

    kind: Given
    text: str
    """`--var`, `file:line` or the name in the environment."""
    exposed: str = ""
    """The file, if everyone on the machine may read it."""


class Variables(dict[str, Any]):
    """Name → value: text, or for a variable file whatever YAML has."""

    def __init__(self, values: Mapping[str, Any] = {}) -> None:
        """Takes what `--var` gives."""
        super().__init__(values)
        known = values.origins if isinstance(values, Variables) else {}
        self.origins: dict[str, Origin] = {
            name: known.get(name, Origin("var", VAR)) for name in values
        }

    def put(self, name: str, value: Any, origin: Origin) -> None:
        """Sets a variable; a later value wins."""
        self[name] = value
        self.origins[name] = origin

    def put_text(self, name: str, text: str) -> None:
        """Sets a variable as `--var` does."""
        self.put(name, text, Origin("var", VAR))

    def without(self, names: Iterable[str]) -> "Variables":
        """The variables without some."""
        left = Variables(self)
        for name in names:
            left.pop(name, None)
            left.origins.pop(name, None)
        return left


def of_environment(environ: Mapping[str, str]) -> Variables:
    """The variables `RECONCILE_VAR_name` of the environment."""
    variables = Variables()
    for key, text in sorted(environ.items()):
        name = key.removeprefix(PREFIX)
        if key.startswith(PREFIX) and name.isidentifier():
            variables.put(name, text, Origin("environment", key))
    return variables


def read_file(path: Path, variables: Variables) -> None:
    """Adds the variables of a file: a YAML mapping of names to values, which are never templates.

    Raises ConfigError with every problem of the file.
    """
    try:
        content, mode = files.read(path, documents.MAX_BYTES + 1)
    except FileNotFoundError:
        raise _unreadable(path, "no such variable file") from None
    except (OSError, ValueError) as error:
        why = getattr(error, "strerror", None) or "this is not a file name"
        raise _unreadable(path, f"the variable file cannot be read: {why}") from None
    problems: list[Problem] = []
    exposed = files.readable_by_all(mode)
    document = documents.read(path, content, exposed=exposed, problems=problems)
    root = document.root if document is not None else None
    keys = root.value if root is not None and isinstance(root.value, dict) else {}
    for name, node in keys.items():
        place = root.keys[name] if root is not None else node.place
        if not (name.isidentifier() and name.isascii()):
            message = "expected a name of letters, digits and _"
            problems.append(Problem(str(path), place.line, place.column, "", message))
            continue
        origin = Origin("file", f"{path}:{place.line}", str(path) if exposed else "")
        variables.put(name, node.data(), origin)
    if problems:
        raise ConfigError(problems)


def _unreadable(path: Path, why: str) -> ConfigError:
    """The error for a variable file that cannot be read."""
    return ConfigError([Problem(str(path), 0, 0, "", why)])
