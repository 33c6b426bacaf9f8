"""Closed envelopes: texts that are fetched when they are needed, and never show.

A secret is a template that may call `env`, `file` and `command`. Nothing of it is fetched before
`reveal`.
"""

import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, NoReturn

from reconcile import files
from reconcile.config.secrets import command
from reconcile.config.templates import config_templates
from reconcile.errors import ConfigError, Problem

COMMAND_SECONDS: Final = 30.0
MAX_BYTES: Final = 1024 * 1024
_STUB: Final = "1"
_LONGEST_URL: Final = 4096
"""Characters; where a password ends in a URL, which may hold any character, is quadratic to
find."""

_EXPRESSION = re.compile(r"\{\{.*?\}\}|\{%.*?%\}", re.DOTALL)
_PARAMETER = r"[?&](?:password|passwd|pwd)="
# Up to the last @: in a password that is not quoted there may be others.
_PASSWORD = re.compile(
    rf"(://[^:/?#@]*:|{_PARAMETER})((?<=:)(?:(?!{_PARAMETER}).)+(?=@)|(?<==)[^&]+)",
    re.IGNORECASE | re.DOTALL,
)


class Unavailable(Exception):
    """A secret could not be read; the text says why, without any part of it."""


class SecretText:
    """A `desired.Secret`. It has no repr, cannot be pickled, and no serializer knows it."""

    __slots__ = ("_fetch", "_shape", "_text")

    def __init__(self, fetch: Callable[[], str], shape: Callable[[], str] = str) -> None:
        """`fetch` gives the text, or raises ConfigError; `shape` as the property."""
        self._fetch = fetch
        self._shape = shape
        self._text: str | None = None

    def reveal(self) -> str:
        """The text itself, fetched once. Raises ConfigError with its place if it cannot be read."""
        if self._text is None:
            self._text = self._fetch()
        return self._text

    @property
    def shape(self) -> str:
        """The text with `1` for each part that would have to be fetched; "" if nothing is left."""
        return self._shape()

    def __repr__(self) -> str:
        """Never the text."""
        return "***"

    def __reduce__(self) -> NoReturn:
        """Refuses to be pickled."""
        raise TypeError("a secret cannot be copied or stored")


def secret(
    text: str,
    variables: Mapping[str, object],
    *,
    folder: Path,
    environ: Mapping[str, str],
    problem: Callable[[str], Problem],
) -> SecretText:
    """The envelope of what is written in a file; `problem` puts a message to its place."""
    functions = {"env": _environment(environ), "file": _files(folder), "command": _command}

    def fetch() -> str:
        """The text. Raises ConfigError."""
        fault = "it is empty"
        try:
            if revealed := str(config_templates.evaluate(text, variables, functions)):
                return revealed
        except Unavailable as error:
            fault = str(error)
        except config_templates.Refused:
            # What a template says of itself may quote what it was given.
            fault = "its template fails"
        # Raised out here, so that no exception of the fetching hangs on to the error.
        raise ConfigError([problem(f"the secret could not be read: {fault}")])

    def shape() -> str:
        """Nothing is fetched."""
        stubs = dict.fromkeys(functions, lambda *_, **__: _STUB)
        try:
            text_left = str(config_templates.evaluate(text, variables, stubs))
        except (Unavailable, config_templates.Refused):
            return ""
        return "" if text_left == _STUB else text_left

    return SecretText(fetch, shape)


def password(text: str) -> bool:
    """Whether a URL, or a template of one, holds a password as it is."""
    return masked(text) != text


def url_passwords(text: str) -> list[str]:
    """The passwords that a URL holds as they are, without those that an expression gives."""
    if len(text) > _LONGEST_URL:
        return []
    return [
        match[2]
        for match in _PASSWORD.finditer(_EXPRESSION.sub("\0", text))
        if "\0" not in match[2]
    ]


def masked(text: str) -> str:
    """The same text with `***` for the password in a URL, unless an expression gives it.

    What is too long for a URL is hidden as a whole.
    """
    if len(text) > _LONGEST_URL:
        return "***"
    kept: list[str] = []

    def hide(match: re.Match[str]) -> str:
        """A placeholder for an expression, which no pattern of a URL takes for anything else."""
        kept.append(match.group())
        return f"\0{len(kept) - 1}\0"

    hidden = _EXPRESSION.sub(hide, text)
    hidden = _PASSWORD.sub(
        lambda match: match[1] + (match[2] if _is_given(match[2]) else "***"), hidden
    )
    return re.sub("\0([0-9]+)\0", lambda match: kept[int(match[1])], hidden)


def _is_given(password: str) -> bool:
    """Whether an expression gives the password, all of it."""
    return "\0" in password and "@" not in password


def password_expressions(text: str) -> list[str] | None:
    """The expressions of the password in the template of a URL; None if it has no password."""
    kept: list[str] = []

    def mark(match: re.Match[str]) -> str:
        """A placeholder for an expression."""
        kept.append(match.group())
        return f"\0{len(kept) - 1}\0"

    if len(text) > _LONGEST_URL:
        return None
    password = _PASSWORD.search(_EXPRESSION.sub(mark, text))
    return password and [kept[int(number)] for number in re.findall("\0([0-9]+)\0", password[2])]


def rest(text: str) -> str:
    """What a template says itself, outside its expressions."""
    return _EXPRESSION.sub("", text).strip()


def _environment(environ: Mapping[str, str]) -> Callable[[str], str]:
    """The function `env`."""

    def env(name: str) -> str:
        """The value of an environment variable. Raises Unavailable."""
        if name not in environ:
            raise Unavailable(f"the environment variable {str(name)[:100]} is not set")
        return environ[name]

    return env


def _files(folder: Path) -> Callable[[str], str]:
    """The function `file`, for the templates of a file in this folder."""

    def file(path: str) -> str:
        """The text of a file, without the line end at its end. Raises Unavailable."""
        where = folder / path
        try:
            content = files.read(where, MAX_BYTES + 1).data
        except (OSError, ValueError) as error:
            raise Unavailable(
                f"cannot read {where}: {getattr(error, 'strerror', None) or 'no such file'}"
            ) from None
        return _text(content, str(where))

    return file


def _command(line: object) -> str:
    """The function `command`: the output of a program. Raises Unavailable."""
    try:
        # Given None, shlex would read standard input.
        words = shlex.split(line if isinstance(line, str) else "")
        program = words[0]
    except (ValueError, IndexError):
        raise Unavailable("the command line cannot be parsed") from None
    try:
        done = command.run(words, seconds=COMMAND_SECONDS, most=MAX_BYTES)
    except command.TooSlow:
        raise Unavailable(
            f"the command {program} took longer than {COMMAND_SECONDS:g} seconds"
        ) from None
    except (OSError, ValueError) as error:
        raise Unavailable(
            f"the command {program} cannot be run: {getattr(error, 'strerror', None) or 'bad name'}"
        ) from None
    if done.code:
        raise Unavailable(f"the command {program} ended with exit code {done.code}")
    return _text(done.output, f"the output of {program}")


def _text(content: bytes, what: str) -> str:
    """Bytes as text, without one line end at the end. Raises Unavailable."""
    if len(content) > MAX_BYTES:
        raise Unavailable(f"{what} is larger than {MAX_BYTES // 1024} KiB")
    try:
        text = content.decode()
    except UnicodeDecodeError:
        text = None
    if text is None:
        raise Unavailable(f"{what} is not UTF-8 text")
    return text.removesuffix("\n").removesuffix("\r")
