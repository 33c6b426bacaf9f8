"""Foreign text in Markdown: it shows as itself, and makes no link, mention, table or tag."""

import re
from typing import Final

from reconcile.model.text import printing

LONGEST_CELL: Final = 1000
"""Characters of a cell, so that a row is always much shorter than a comment."""

_ESCAPES = str.maketrans(
    {char: f"\\{char}" for char in "\\`*_[]#|~"}
    | {"<": "&lt;", ">": "&gt;", "&": "&amp;", "$": "&#36;"}
)
_APART = "\u200b"
"""Has no width, and splits what would be a link: forges make links of what is shown, however it
is escaped."""
_LINKED = re.compile(
    r"(?<=@)|(?<=[#!%~^&$])(?=\w)"  # people, issues, merge requests and the like
    r"|(?<=[{\[])(?=[+-])|(?<=[+-])(?=[}\]])"  # insertions and deletions of GitLab
    r"|(?<=:)(?=//)|(?<=www)(?=\.)|(?<=mailto:)|(?<=xmpp:)|(?<=\bgh-)(?=\d)",
    re.IGNORECASE,
)
_EMOJI = re.compile(r"(?<=:)(?=[a-z_+-][\w+-]*:)", re.IGNORECASE)


def sentence(text: str) -> str:
    """Text of any kind on one line: Markdown, HTML, links and mentions in it stay text."""
    return cell(text, printing.LONGEST_SENTENCE)


def cell(text: str, longest: int = LONGEST_CELL) -> str:
    """As `sentence`, of at most `longest` characters."""
    return _escaped(_EMOJI.sub(_APART, printing.quoted(text, longest)))


def exact(text: str) -> str:
    """The text of a code that people copy: nothing is put between its colons."""
    return _escaped(printing.quoted(text, printing.LONGEST_SENTENCE))


def _escaped(text: str) -> str:
    return _LINKED.sub(_APART, text).translate(_ESCAPES)
