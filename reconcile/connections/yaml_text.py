"""Settings as YAML text that is read back as the same values, and never as a template."""

import re
from collections.abc import Mapping
from typing import Any, Final

import yaml

from reconcile.config.schema import schema
from reconcile.config.schema.wording import Schema
from reconcile.config.templates import sandbox
from reconcile.config.yaml import documents
from reconcile.config.yaml.nodes import Path

_PLAIN: Final = re.compile(r"[A-Za-z_/(.@=*-][\w /(),.@=*:&|!-]*")
"""Text that needs no quotes, if PyYAML agrees; everything else is quoted."""


def block(value: object) -> str:
    """Lists and mappings over several lines, the small ones on one; ends with a line break."""
    return str(yaml.dump(value, Dumper=_Dumper, default_flow_style=None, **_OPTIONS))


def inline(value: object) -> str:
    """Any value on one line, in a form that may be part of any other."""
    listed = str(yaml.dump([value], Dumper=_Dumper, default_flow_style=True, **_OPTIONS))
    return listed.strip().removeprefix("[").removesuffix("]")


def literal(value: Any, path: Path) -> Any:
    """What to write at a path of a source so that it is read back as this value.

    Text that would be a template over the configuration becomes a template that gives the text.
    Templates over an entry stay.
    """
    at = schema.step(schema.step(schema.schema(), "sources"), 0)
    for step in path:
        at = schema.step(at, step)

    def visit(_where: Path, text: str, here: Schema) -> str:
        return text if here.get("x-template") or not sandbox.is_template(text) else _quoted(text)

    return schema.map_text(value, visit, path, at)


def _quoted(text: str) -> str:
    """A template that gives the text."""
    escaped = "".join(_ESCAPES.get(char, char) for char in text)
    return f'{{{{ "{escaped}" }}}}'


# Braces are written as their codes, so that nothing in the text can end the expression or begin
# another.
_ESCAPES: Final[Mapping[str, str]] = {
    "\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t",
    **{char: f"\\x{ord(char):02x}" for char in "{}%#"},
}  # fmt: skip


class _Dumper(yaml.SafeDumper):
    """Quotes whatever YAML 1.2 and 1.1 could disagree on."""

    # The unused arguments are PyYAML's own.
    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002
        """Indents lists within mappings, too."""
        super().increase_indent(flow, indentless=False)

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002
        """Writes a value that occurs twice two times."""
        return True


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    """Text without quotes, if every parser would read it as the same text."""
    plain = _PLAIN.fullmatch(value) and documents.plain(value) == value
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style=None if plain else '"')


_Dumper.add_representer(str, _text)
_OPTIONS: Final[Mapping[str, Any]] = {
    "sort_keys": False,
    "allow_unicode": True,
    "width": float("inf"),
}
