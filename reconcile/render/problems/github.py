"""Annotations of GitHub Actions, which shows each next to its line."""

from collections.abc import Sequence
from typing import Final

from reconcile.errors import Problem
from reconcile.model.text.printing import printable

SHOWN: Final = 10
"""GitHub shows the first 10 errors of a step, and says nothing of the others."""
_IN_MESSAGE: Final = (("%", "%25"), ("\r", "%0D"), ("\n", "%0A"))
_IN_FILE: Final = (*_IN_MESSAGE, (":", "%3A"), (",", "%2C"))
_COMMAND: Final = "##["
"""Begins a command anywhere in a line of the log."""


def github(problems: Sequence[Problem]) -> str:
    """A line for each problem that is shown, the last one with the number of the others.

    If there are others, all problems follow for the log, as lines that are no commands.
    """
    if len(problems) <= SHOWN:
        return "\n".join(map(_annotation, problems))
    shown = list(map(_annotation, problems[: SHOWN - 1]))
    rest = len(problems) - len(shown)
    shown.append(f"::error::and {rest} more problems: the log of this step has all of them")
    return "\n".join([*shown, *map(_logged, problems)])


def _annotation(problem: Problem) -> str:
    """A workflow command that shows the problem next to its line."""
    message = f"{problem.path}: {problem.message}" if problem.path else problem.message
    place = f",line={problem.line},col={problem.column}" if problem.line else ""
    file = _escaped(problem.file, _IN_FILE)
    return f"::error file={file}{place}::{_escaped(message, _IN_MESSAGE)}"


def _escaped(text: str, codes: Sequence[tuple[str, str]]) -> str:
    for char, code in codes:
        text = text.replace(char, code)
    return text


def _logged(problem: Problem) -> str:
    """A line of the log; one that began with `::`, or held `##[`, would be a command."""
    return f"- {printable(str(problem)).replace(_COMMAND, '## [')}"
