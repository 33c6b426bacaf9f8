"""A JUnit report: a test case that fails for each problem, or one that passes for each file."""

import re
from collections.abc import Sequence
from typing import Final

from reconcile.errors import Problem
from reconcile.model.text.printing import printable

_SUITE: Final = "reconcile validate"
_NO_XML: Final = re.compile("[\ufffe\uffff]")
"""What XML cannot contain, besides the control characters that `printable` writes out."""


def junit(problems: Sequence[Problem], files: Sequence[str]) -> str:
    """The XML; `files` are the desired-state files if there are no problems."""
    cases = list(map(_failed, problems)) or [
        f"    <testcase classname={_value(file)} name={_value('desired state')}/>" for file in files
    ]
    counts = f'tests="{len(cases)}" failures="{len(problems)}" errors="0"'
    lines = (
        '<?xml version="1.0" encoding="UTF-8"?>',
        f"<testsuites {counts}>",
        f"  <testsuite name={_value(_SUITE)} {counts}>",
        *cases,
        "  </testsuite>",
        "</testsuites>",
    )
    return "\n".join(lines)


def _failed(problem: Problem) -> str:
    """A test case that fails.

    Its name has no line, so that it stays the same one when lines above it change.
    """
    from xml.sax.saxutils import escape  # it imports HTTP, and every command this module

    name = f"{problem.path or 'desired state'}: {problem.message}"
    failure = f"<failure message={_value(problem.message)}>{escape(_clean(str(problem)))}</failure>"
    return (
        f"    <testcase classname={_value(problem.file)} name={_value(name)}"
        f" file={_value(problem.file)}>{failure}</testcase>"
    )


def _value(text: str) -> str:
    """An attribute's value in its quotes."""
    from xml.sax.saxutils import quoteattr

    return quoteattr(_clean(text))


def _clean(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", printable(text))
