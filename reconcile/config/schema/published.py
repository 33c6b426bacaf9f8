"""The JSON Schemas that are published: the files of `schemas/`."""

from pathlib import Path
from typing import Final

_END: Final = ".schema.json"


def names() -> list[str]:
    """The names of all schemas, sorted: `config`, `connection`, `plan`, ..."""
    return sorted(path.name.removesuffix(_END) for path in _folder().glob(f"*{_END}"))


def text(name: str) -> str:
    """A schema as its file has it."""
    return file(f"{name}{_END}").read_text(encoding="utf-8")


def file(name: str) -> Path:
    """A file of `schemas/` by its whole name."""
    return _folder() / name


def _folder() -> Path:
    """Inside the package in a wheel, next to it in an editable install."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "schemas"
    return inside if inside.exists() else package.parent / "schemas"
