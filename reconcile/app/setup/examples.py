"""The examples that are installed with the program, and where its documentation is."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

from reconcile.errors import UsageError

_README: Final = "README.md"
_MADE: Final = ("__pycache__", "*.pyc", "*.db", "*.db-*", "*.plan", ".reconcile")
"""What a run leaves behind in an example; it is not copied."""


class Example(NamedTuple):
    """A folder with a README."""

    name: str
    title: str


def folder(kind: str) -> Path:
    """`docs` or `examples`: inside the package in a wheel, next to it in an editable install."""
    package = Path(__file__).resolve().parents[2]
    inside = package / kind
    return inside if inside.exists() else package.parent / kind


def examples() -> list[Example]:
    """All examples, sorted by name."""
    return sorted(Example(file.parent.name, _title(file)) for file in _readmes())


def copy(name: str, to: Path) -> None:
    """Copies an example into a folder that does not exist yet, all of it or nothing.

    Raises UsageError.
    """
    names = [each.name for each in examples()]
    if name not in names:
        raise UsageError(f"there is no example {name!r}: take one of {', '.join(names)}")
    if to.exists() or to.is_symlink():
        raise UsageError(f"{to} already exists: it is not overwritten")
    try:
        to.mkdir()
    except OSError as error:
        raise UsageError(f"{to} cannot be made: {error.strerror}") from error
    try:
        ignored = shutil.ignore_patterns(*_MADE)
        shutil.copytree(folder("examples") / name, to, ignore=ignored, dirs_exist_ok=True)
    except BaseException as error:
        shutil.rmtree(to, ignore_errors=True)
        if isinstance(error, OSError):
            raise UsageError(f"{to} cannot be written: {error.strerror or error}") from error
        raise


def _readmes() -> Iterator[Path]:
    """The README of each example."""
    return folder("examples").glob(f"*/{_README}")


def _title(readme: Path) -> str:
    """The heading of a README."""
    first = readme.read_text(encoding="utf-8").partition("\n")[0]
    return first.removeprefix("#").strip()
