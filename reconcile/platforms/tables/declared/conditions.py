"""The small language of `where`: comparisons of a column with literals, joined by `and`.

    is_superuser = false and tenant in (1, 2) and deleted_at is null

It is parsed, never handed to the database as it stands. What it cannot say is a fault.
"""

import re
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, TypeAlias

Value: TypeAlias = str | int | float | bool | None
"""A literal of YAML or of a condition."""
Operator: TypeAlias = Literal[
    "=", "!=", "<", "<=", ">", ">=", "in", "not in", "is null", "is not null"
]
HINT: Final = (
    "write `COLUMN = VALUE`, with =, !=, <, <=, >, >=, in (…), not in (…), is null or is not null, "
    "several of them joined by `and`; text stands in single quotes"
)


class Condition(NamedTuple):
    """One comparison; the operators about null have no values."""

    column: str
    operator: Operator
    values: tuple[Value, ...]


class ConditionWrong(Exception):
    """A text is no condition; says where it ends to be one."""


class _Token(NamedTuple):
    kind: str
    text: str
    at: int


_TOKEN: Final = re.compile(
    r"(?P<text>'(?:[^']|'')*')"
    r"|(?P<number>-?\d+(?:\.\d+)?)(?!\w)"
    r"|(?P<quoted>\"[^\"]+\"|`[^`]+`)"
    r"|(?P<word>[^\W\d][\w$]*)"
    r"|(?P<sign>!=|<>|<=|>=|[=<>(),])"
)
_WORDS: Final = frozenset({"and", "in", "is", "not", "null", "true", "false"})
_SIGNS: Final[dict[str, Operator]] = {
    "=": "=",
    "!=": "!=",
    "<>": "!=",
    "<": "<",
    "<=": "<=",
    ">": ">",
    ">=": ">=",
}


def parse(text: str) -> tuple[Condition, ...]:
    """The comparisons of a condition, all of which have to hold. Raises ConditionWrong."""
    reader = _Reader(text)
    conditions = [reader.condition()]
    while not reader.at_end():
        reader.expect("and")
        conditions.append(reader.condition())
    return tuple(conditions)


def _tokens(text: str) -> Iterator[_Token]:
    """Cuts a text into tokens. Raises ConditionWrong at a character that starts none."""
    at = 0
    while at < len(text):
        if text[at].isspace():
            at += 1
            continue
        match = _TOKEN.match(text, at)
        if match is None or match.lastgroup is None:
            raise ConditionWrong(f"{text[at : at + 20]!r} cannot be read: {HINT}")
        yield _Token(match.lastgroup, match[0], at)
        at = match.end()


class _Reader:
    """Takes the tokens of a text one after the other."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = list(_tokens(text))
        self._next = 0

    def at_end(self) -> bool:
        """Whether every token is taken."""
        return self._next >= len(self._tokens)

    def condition(self) -> Condition:
        """The next comparison."""
        column = self._column()
        token = self._take()
        if token.text in _SIGNS:
            return Condition(column, _SIGNS[token.text], (self._compared(),))
        word = token.text.lower()
        if word == "is":
            return Condition(column, self._null_test(), ())
        if word == "not":
            self.expect("in")
            return Condition(column, "not in", self._list())
        if word == "in":
            return Condition(column, "in", self._list())
        raise self._wrong(token)

    def expect(self, text: str) -> None:
        """Takes a word or sign that has to stand here."""
        token = self._take()
        if token.text.lower() != text:
            raise self._wrong(token)

    def _take(self) -> _Token:
        """The next token. Raises ConditionWrong at the end of the text."""
        if self.at_end():
            raise ConditionWrong(f"{self._text!r} ends too early: {HINT}")
        token = self._tokens[self._next]
        self._next += 1
        return token

    def _wrong(self, token: _Token) -> ConditionWrong:
        return ConditionWrong(f"{self._text[token.at :][:20]!r} is not expected here: {HINT}")

    def _column(self) -> str:
        """The name of a column; in quotes it may be a word of this language."""
        token = self._take()
        if token.kind == "quoted":
            return token.text[1:-1]
        if token.kind != "word" or token.text.lower() in _WORDS:
            raise self._wrong(token)
        return token.text

    def _compared(self) -> Value:
        """A literal that a column can be compared with: any but null."""
        value = self._literal()
        if value is None:
            raise ConditionWrong("nothing is equal to null: write `is null` or `is not null`")
        return value

    def _literal(self) -> Value:
        """A text, a number, or one of true, false and null."""
        token = self._take()
        if token.kind == "text":
            return token.text[1:-1].replace("''", "'")
        if token.kind == "number":
            return float(token.text) if "." in token.text else int(token.text)
        constants: dict[str, Value] = {"true": True, "false": False, "null": None}
        word = token.text.lower()
        if word not in constants:
            raise self._wrong(token)
        return constants[word]

    def _null_test(self) -> Operator:
        """What follows `is`: `null`, or `not null`."""
        token = self._take()
        if token.text.lower() == "null":
            return "is null"
        if token.text.lower() != "not":
            raise self._wrong(token)
        self.expect("null")
        return "is not null"

    def _list(self) -> tuple[Value, ...]:
        """Values in parentheses, at least one, with commas between them."""
        self.expect("(")
        values = [self._compared()]
        while (token := self._take()).text == ",":
            values.append(self._compared())
        if token.text != ")":
            raise self._wrong(token)
        return tuple(values)
