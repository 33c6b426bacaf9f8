"""Relative paths in files of several folders, made relative to the platform's folder."""

import os
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path as File
from typing import Any, Final

from jinja2 import nodes

from reconcile.config.schema import schema
from reconcile.config.schema.typed import mappings
from reconcile.config.schema.wording import Schema
from reconcile.config.templates import config_templates
from reconcile.config.yaml.merging import Merged
from reconcile.config.yaml.nodes import Path
from reconcile.errors import ConfigError
from reconcile.model.desired import DesiredState

_FILE: Final = re.compile(r"""\bfile\(\s*(['"])([^'"\\]*)\1\s*\)""")


def relocated(data: dict[str, Any], state: DesiredState, merged: Merged) -> dict[str, Any]:
    """The document with the paths of its sources as they are from the platform's folder.

    Raises ConfigError for the path of a secret that is not plain text.
    """
    home = File(state.platform.folder)
    sources = list(data.get("sources", ()))
    for index, source in mappings(data, "sources"):
        path: Path = ("sources", index)
        folder = merged.document(path).folder
        if folder != home:
            sources[index] = _source(source, path, partial(_from, home, folder), merged)
    return {**data, "sources": sources}


def _source(source: Any, path: Path, move: Callable[[str], str], merged: Merged) -> dict[str, Any]:
    """A source with each of its paths as `move` makes it."""

    def visit(where: Path, text: str, at: Schema) -> object:
        """A path, or the paths that the template of a secret names."""
        if at.get("x-path"):
            return move(text)
        if not at.get("x-secret") or "file" not in config_templates.calls(text):
            return text
        calls = [
            call
            for call in config_templates.tree(text).find_all(nodes.Call)
            if isinstance(call.node, nodes.Name) and call.node.name == "file"
        ]
        moved = _FILE.sub(lambda match: f"file({match[1]}{move(match[2])}{match[1]})", text)
        if len(_FILE.findall(text)) != len(calls) or len(_FILE.findall(moved)) != len(calls):
            raise ConfigError(
                [
                    merged.problem(
                        where,
                        "the path in file(…) cannot be made relative to the platform's folder: "
                        "write it as plain text",
                    )
                ]
            )
        return moved

    at = schema.step(schema.step(schema.schema(), "sources"), 0)
    moved: dict[str, Any] = schema.map_text(source, visit, path, at)
    return moved


def _from(home: File, folder: File, text: str) -> str:
    """A path that starts at `folder`, as it is from `home`; absolute ones stay."""
    return text if File(text).is_absolute() else os.path.relpath(folder / text, home)
