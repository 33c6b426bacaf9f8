"""From the path of a rule in the desired state to the file, line and column where it is written."""

import re
from typing import Final

import msgspec

from reconcile.config.sections.presets import Applied
from reconcile.config.yaml.merging import Merged
from reconcile.config.yaml.nodes import Path
from reconcile.errors import Problem
from reconcile.model.notice import Notice

_STEP: Final = re.compile(r"\.?([A-Za-z_][\w-]*)|\[([0-9]+)\]", re.ASCII)


class Places:
    """The places of all rules of one document."""

    def __init__(self, merged: Merged, applied: Applied) -> None:
        """`applied` knows what a preset filled in."""
        self._merged = merged
        self._applied = applied

    def problem(self, path: str, message: str) -> Problem:
        """A problem at a path such as `groups[0].select[2]`, with the path within its own file.

        What no file says is placed at the nearest thing above it that a file says; what a preset
        says, at the preset.
        """
        steps = _steps(path)
        if origin := self._applied.origin(steps):
            return Problem(origin, 0, 0, path, message)
        return self._merged.problem(steps, message)

    def placed(self, notice: Notice) -> Notice:
        """The notice with its place; one without a path stays as it is."""
        if not notice.path:
            return notice
        file, line, column, path, _ = self.problem(notice.path, "")
        place = f"{file}:{line}:{column}" if line else file
        return msgspec.structs.replace(notice, path=path, place=place)


def _steps(path: str) -> Path:
    """A path as the steps that it consists of."""
    return tuple(int(match[2]) if match[2] else match[1] for match in _STEP.finditer(path))
